"""Scores the float ONNX models on the bundled evaluation set: COCO-style mAP and mIoU, run by OpenCV's DNN module."""
import argparse
import json
import os

import cv2
import numpy as np

from make_data import SEG_SIZE, letterbox
from scenes import CLASSES, VOID

IOUS = np.arange(0.5, 0.96, 0.05)
RECALLS = np.linspace(0, 1, 101)


def iou_matrix(a, b):
    """Intersection over union of two lists of x, y, w, h boxes."""
    lo = np.maximum(a[:, None, :2], b[None, :, :2])
    hi = np.minimum((a[:, :2] + a[:, 2:])[:, None], (b[:, :2] + b[:, 2:])[None])
    inter = np.prod(np.clip(hi - lo, 0, None), 2)
    return inter / np.maximum(np.prod(a[:, 2:], 1)[:, None] + np.prod(b[:, 2:], 1)[None] - inter, 1e-9)


def decode(rows, conf=0.001, nms=0.65, keep=100, before=1000):
    """Rows cx, cy, w, h, objectness, class scores -> (x, y, w, h, score, class) after class-wise NMS."""
    rows = rows[rows[:, 4] > conf]
    scores = rows[:, 5:] * rows[:, 4:5]
    r, c = np.nonzero(scores > conf)
    s = scores[r, c]
    order = np.argsort(-s, kind="stable")[:before]
    r, c, s = r[order], c[order], s[order]
    box = rows[r, :4].copy()
    box[:, :2] -= box[:, 2:] / 2
    alive, out = np.ones(len(s), bool), []
    same = c[:, None] == c[None]
    over = (iou_matrix(box, box) > nms) & same
    for i in range(len(s)):
        if alive[i]:
            out.append(i)
            alive[i + 1:] &= ~over[i, i + 1:]
        if len(out) == keep:
            break
    return np.concatenate([box[out], s[out, None], c[out, None]], 1)


def mean_ap(truth, found, classes):
    """truth: per image an array of x, y, w, h, class; found: x, y, w, h, score, class. Returns AP[IoU, class]."""
    ap = np.full((len(IOUS), classes), np.nan)
    for c in range(classes):
        total, scores, hits = 0, [], []
        for t, d in zip(truth, found):
            t, d = t[t[:, 4] == c, :4], d[d[:, 5] == c]
            d = d[np.argsort(-d[:, 4], kind="stable")]
            total += len(t)
            scores.append(d[:, 4])
            hit = np.zeros((len(IOUS), len(d)), bool)
            iou = iou_matrix(d[:, :4], t) if len(t) and len(d) else None
            for k, limit in enumerate(IOUS if iou is not None else ()):
                free = np.ones(len(t), bool)
                for j in range(len(d)):
                    best = np.where(free, iou[j], -1.0)
                    m = int(best.argmax())
                    if best[m] >= limit:
                        free[m], hit[k, j] = False, True
            hits.append(hit)
        if total == 0:
            continue
        order = np.argsort(-np.concatenate(scores), kind="stable")
        hits = np.concatenate(hits, 1)[:, order]
        for k in range(len(IOUS)):
            tp = np.cumsum(hits[k])
            recall, precision = tp / total, tp / np.arange(1, len(tp) + 1)
            precision = np.maximum.accumulate(precision[::-1])[::-1]
            at = np.searchsorted(recall, RECALLS, side="left")
            ap[k, c] = np.where(at < len(tp), np.append(precision, 0.0)[np.minimum(at, len(tp))], 0.0).mean()
    return ap


def detect(net, img):
    boxed, s, left, top = letterbox(img)
    net.setInput(cv2.dnn.blobFromImage(boxed, 1 / 255.0, swapRB=True))
    d = decode(net.forward().reshape(-1, 5 + len(CLASSES)))
    d[:, :2] = (d[:, :2] - [left, top]) / s
    d[:, 2:4] /= s
    lo = np.clip(d[:, :2], 0, [img.shape[1], img.shape[0]])
    hi = np.clip(d[:, :2] + d[:, 2:4], 0, [img.shape[1], img.shape[0]])
    d[:, :2], d[:, 2:4] = lo, hi - lo
    return d


def segment(net, img):
    """Label map of the image, at the image's size."""
    x = cv2.resize(img, (SEG_SIZE, SEG_SIZE), interpolation=cv2.INTER_LINEAR)
    net.setInput(cv2.dnn.blobFromImage(x, 1 / 127.5, mean=(127.5,) * 3, swapRB=True))
    label = net.forward()[0].argmax(0).astype(np.uint8)
    return cv2.resize(label, (img.shape[1], img.shape[0]), interpolation=cv2.INTER_NEAREST)


def class_iou(confusion):
    hit = np.diag(confusion)
    return hit / np.maximum(confusion.sum(0) + confusion.sum(1) - hit, 1)


def add_confusion(confusion, truth, found):
    n, ok = len(confusion), truth != VOID
    confusion += np.bincount(truth[ok].astype(int) * n + found[ok], minlength=n * n).reshape(n, n)


def main():
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../models")
    ap = argparse.ArgumentParser()
    ap.add_argument("--detector", default=f"{here}/detector.onnx")
    ap.add_argument("--segmenter", default=f"{here}/segmenter.onnx")
    ap.add_argument("--data", default=f"{here}/data/eval")
    ap.add_argument("--draw", help="folder for the images with their detections and labels drawn")
    a = ap.parse_args()
    with open(f"{a.data}/instances.json") as f:
        doc = json.load(f)
    names = [c["name"] for c in doc["categories"]]
    nets = {k: cv2.dnn.readNetFromONNX(p) for k, p in (("d", a.detector), ("s", a.segmenter)) if os.path.exists(p)}
    truth, found, confusion = [], [], np.zeros((len(names) + 1,) * 2, np.int64)
    colours = np.random.default_rng(1).integers(40, 255, (256, 3)).astype(np.uint8)
    colours[0] = 0
    for entry in doc["images"]:
        img = cv2.imread(f"{a.data}/images/{entry['file_name']}")
        t = [x["bbox"] + [x["category_id"] - 1] for x in doc["annotations"] if x["image_id"] == entry["id"]]
        truth.append(np.array(t, float).reshape(-1, 5))
        view = img.copy()
        if "s" in nets:
            label = segment(nets["s"], img)
            add_confusion(confusion, cv2.imread(f"{a.data}/labels/{entry['file_name'][:-4]}.png", 0), label)
            view = cv2.addWeighted(img, 0.6, colours[label], 0.4, 0)
        if "d" in nets:
            found.append(detect(nets["d"], img))
            for x, y, w, h, s, c in found[-1][found[-1][:, 4] > 0.3]:
                cv2.rectangle(view, (int(x), int(y)), (int(x + w), int(y + h)), (0, 255, 0), 1)
                cv2.putText(view, f"{names[int(c)]} {s:.2f}", (int(x), int(y) - 2), 0, 0.35, (0, 255, 255), 1)
        if a.draw:
            os.makedirs(a.draw, exist_ok=True)
            cv2.imwrite(f"{a.draw}/{entry['file_name'][:-4]}.png", view)
    if "d" in nets:
        m = mean_ap(truth, found, len(names))
        print(f"detector  mAP@[.5:.95] {np.nanmean(m):.4f}  AP50 {np.nanmean(m[0]):.4f}  AP75 {np.nanmean(m[5]):.4f}")
        print("  " + "  ".join(f"{n} {v:.3f}" for n, v in zip(names, np.nanmean(m, 0))))
    if "s" in nets:
        iou = class_iou(confusion)
        print(f"segmenter mIoU {iou.mean():.4f}  pixel accuracy {np.trace(confusion) / confusion.sum():.4f}")
        print("  " + "  ".join(f"{n} {v:.3f}" for n, v in zip(["background"] + names, iou)))


if __name__ == "__main__":
    main()
