"""Writes the scenes: the bundled calibration and evaluation sets, or the training cache of the two networks."""
import argparse
import json
import multiprocessing as mp
import os

import cv2
import numpy as np

import scenes

DET_SIZE, SEG_SIZE, MAX_BOXES = 320, 256, 24
SEEDS = {"train": 1_000_000, "calib": 2_000_000, "eval": 3_000_000}
PAD = 114


def letterbox(img, size=DET_SIZE):
    """Fit into a size x size square, a border left over on both sides; returns image, scale, x and y offset."""
    h, w = img.shape[:2]
    s = size / max(h, w)
    nw, nh = round(w * s), round(h * s)
    left, top = (size - nw) // 2, (size - nh) // 2
    out = np.full((size, size, 3), PAD, np.uint8)
    out[top:top + nh, left:left + nw] = cv2.resize(img, (nw, nh), interpolation=cv2.INTER_LINEAR)
    return out, s, left, top


def train_item(i):
    img, label, objects = scenes.scene(SEEDS["train"] + i)
    det, s, left, top = letterbox(img)
    boxes = np.full((MAX_BOXES, 5), -1, np.float32)  # class, cx, cy, w, h in pixels of the letterboxed image
    for k, (c, x, y, w, h, _) in enumerate(objects[:MAX_BOXES]):
        boxes[k] = c - 1, (x + w / 2) * s + left, (y + h / 2) * s + top, w * s, h * s
    size = (SEG_SIZE, SEG_SIZE)
    return (i, det[..., ::-1], boxes, cv2.resize(img, size, interpolation=cv2.INTER_LINEAR)[..., ::-1],
            cv2.resize(label, size, interpolation=cv2.INTER_NEAREST))


def write_cache(work, count, jobs):
    os.makedirs(work, exist_ok=True)

    def make(name, shape, dtype):
        return np.lib.format.open_memmap(f"{work}/{name}.npy", "w+", dtype, (count, *shape))

    det, boxes = make("det_images", (DET_SIZE, DET_SIZE, 3), np.uint8), make("det_boxes", (MAX_BOXES, 5), np.float32)
    seg, labels = make("seg_images", (SEG_SIZE, SEG_SIZE, 3), np.uint8), make("seg_labels", (SEG_SIZE, SEG_SIZE), np.uint8)
    with mp.Pool(jobs) as pool:
        for i, d, b, s, lab in pool.imap_unordered(train_item, range(count), chunksize=16):
            det[i], boxes[i], seg[i], labels[i] = d, b, s, lab
            if i % 500 == 0:
                print(f"scene {i}/{count}", flush=True)


def write_set(root, split, count, labels, quality):
    os.makedirs(f"{root}/{split}/images", exist_ok=True)
    if labels:
        os.makedirs(f"{root}/{split}/labels", exist_ok=True)
    images, annotations = [], []
    for i in range(count):
        img, label, objects = scenes.scene(SEEDS[split] + i)
        name = f"{split}_{i:03d}"
        cv2.imwrite(f"{root}/{split}/images/{name}.jpg", img, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if labels:
            cv2.imwrite(f"{root}/{split}/labels/{name}.png", label, [cv2.IMWRITE_PNG_COMPRESSION, 9])
        images.append({"id": i + 1, "file_name": f"{name}.jpg", "width": img.shape[1], "height": img.shape[0]})
        for c, x, y, w, h, area in objects:
            annotations.append({"id": len(annotations) + 1, "image_id": i + 1, "category_id": c, "bbox": [x, y, w, h],
                                "area": area, "iscrowd": 0})
    doc = {"info": {"description": "Synthetic scenes drawn by models/train/scenes.py; area is the visible mask area."},
           "images": images, "annotations": annotations,
           "categories": [{"id": i + 1, "name": n} for i, n in enumerate(scenes.CLASSES)]}
    with open(f"{root}/{split}/instances.json", "w") as f:
        json.dump(doc, f, separators=(",", ":"))
        f.write("\n")
    print(f"{split}: {count} images, {len(annotations)} objects")


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    ap = argparse.ArgumentParser()
    ap.add_argument("what", choices=["bundle", "train"])
    ap.add_argument("--out", default=os.path.join(here, "../../models/data"))
    ap.add_argument("--work", default="/tmp/octet-train")
    ap.add_argument("--count", type=int, default=3000, help="training scenes")
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("--quality", type=int, default=88)
    a = ap.parse_args()
    if a.what == "train":
        write_cache(a.work, a.count, a.jobs)
    else:
        write_set(a.out, "calib", 40, False, a.quality)
        write_set(a.out, "eval", 100, True, a.quality)


if __name__ == "__main__":
    main()
