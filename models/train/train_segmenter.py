"""Trains the segmenter on cached scenes and writes models/segmenter.onnx; rerun to resume from the last checkpoint."""
import argparse
import copy
import math
import os
import time

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from evaluate import add_confusion, class_iou
from nets import Segmenter
from scenes import CLASSES, VOID
from train_detector import HERE, VALIDATION, Ema, adamw, learning_rate


def to_input(images):
    x = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float()
    return x.div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)


def close_ups(images, labels, rng, count, size=96):
    """Turned and zoomed windows around pixels of objects: cheap, and dense in objects."""
    xs, ys = np.empty((count, size, size, 3), np.uint8), np.empty((count, size, size), np.uint8)
    for k in range(count):
        on = ()
        while len(on) == 0:
            i = int(rng.integers(0, len(images) - VALIDATION))
            on = np.flatnonzero((labels[i] > 0) & (labels[i] != VOID))
        cy, cx = divmod(int(on[rng.integers(len(on))]), labels.shape[2])
        turn, s = rng.uniform(0, 2 * math.pi), size / math.exp(rng.uniform(math.log(24), math.log(180)))
        m = np.array([[s * math.cos(turn), -s * math.sin(turn), 0], [s * math.sin(turn), s * math.cos(turn), 0]])
        m[:, 2] = size / 2 + rng.uniform(-20, 20, 2) - m[:, :2] @ (cx, cy)
        xs[k] = cv2.warpAffine(images[i], m, (size, size), borderMode=cv2.BORDER_REFLECT)
        ys[k] = cv2.warpAffine(labels[i], m, (size, size), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
    return to_input(xs), torch.from_numpy(ys).long()


def batch_of(images, labels, rng, count):
    """Random scenes under one of the eight flips and quarter turns."""
    xs, ys = [], []
    for i in rng.integers(0, len(images) - VALIDATION, count):
        x, y, turn = images[i], labels[i], int(rng.integers(8))
        if turn & 1:
            x, y = x[:, ::-1], y[:, ::-1]
        if turn & 2:
            x, y = x[::-1], y[::-1]
        if turn & 4:
            x, y = x.transpose(1, 0, 2), y.T
        xs.append(x)
        ys.append(y)
    return to_input(np.stack(xs)), torch.from_numpy(np.stack(ys)).long()


def loss_of(logits, labels):
    """Cross entropy, the rare object classes weighted up, with the easy three quarters of the pixels counted less."""
    weight = torch.ones(logits.shape[1])
    weight[0] = 0.5
    e = F.cross_entropy(logits, labels, weight=weight, ignore_index=VOID, reduction="none").flatten()
    return e.mean() + e.topk(len(e) // 4).values.mean()


@torch.no_grad()
def validate(net, images, labels):
    confusion = np.zeros((len(CLASSES) + 1,) * 2, np.int64)
    for k in range(len(images) - VALIDATION, len(images), 8):
        add_confusion(confusion, labels[k:k + 8], net(to_input(images[k:k + 8])).argmax(1).numpy())
    return class_iou(confusion).mean()


def export(net, size, path):
    net = copy.deepcopy(net).to(memory_format=torch.contiguous_format).eval()
    torch.onnx.export(net, torch.zeros(1, 3, size, size), path, opset_version=13, input_names=["image"],
                      output_names=["logits"], do_constant_folding=True)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--work", default="/tmp/octet-train")
    ap.add_argument("--out", default=os.path.join(HERE, "../../models/segmenter.onnx"))
    ap.add_argument("--steps", type=int, default=3000)
    ap.add_argument("--batch", type=int, default=8)
    ap.add_argument("--peak", type=float, default=2e-3)
    ap.add_argument("--minutes", type=float, help="let the clock, not --steps, drive the schedule and end the run")
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--check", type=int, default=500, help="steps between validations; 0 for none")
    ap.add_argument("--backbone", help="checkpoint of the detector whose backbone a new run begins with")
    ap.add_argument("--close", type=float, default=0.6, help="part of the run that sees close-ups")
    ap.add_argument("--export-only", action="store_true")
    a = ap.parse_args()
    torch.manual_seed(2)
    torch.set_num_threads(a.threads)
    images, labels = (np.load(f"{a.work}/seg_{n}.npy", mmap_mode="r") for n in ("images", "labels"))
    size = images.shape[1]
    net = Segmenter(len(CLASSES) + 1).to(memory_format=torch.channels_last)
    print("parameters", sum(p.numel() for p in net.parameters()))
    if a.backbone:
        net.load_backbone(torch.load(a.backbone)["ema"])
    ema, opt, step, spent, saved = Ema(net), adamw(net, 0.02), 0, 0.0, f"{a.work}/segmenter.pt"
    if os.path.exists(saved):
        s = torch.load(saved)
        net.load_state_dict(s["net"]), ema.net.load_state_dict(s["ema"]), opt.load_state_dict(s["opt"])
        step, spent = s["step"], s["spent"]
        ema.n = step
    start, seen, mean, done = time.time() - spent, 0, 0.0, 0.0
    while not a.export_only:
        done = (time.time() - start) / 60 / a.minutes if a.minutes else step / a.steps
        if done >= 1:
            break
        rng = np.random.default_rng((2, step))  # by step, so that a resumed run sees the same scenes
        if done < a.close:
            x, y = close_ups(images, labels, rng, 2 * a.batch)
        else:
            x, y = batch_of(images, labels, rng, a.batch)
        for g in opt.param_groups:
            g["lr"] = learning_rate(done, step, a.peak, 100)
        net.train()
        loss = loss_of(net(x), y)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        opt.step()
        ema.update(net)
        step, seen, mean = step + 1, seen + len(x), mean * 0.97 + 0.03 * float(loss)
        if step % 50 == 0:
            print(f"step {step} {done:.0%} loss {mean:.4f} {seen / (time.time() - start - spent):.1f} img/s "
                  f"{time.time() - start:.0f} s", flush=True)
        if step % 50 == 0:
            torch.save({"net": net.state_dict(), "ema": ema.net.state_dict(), "opt": opt.state_dict(), "step": step,
                        "spent": time.time() - start}, saved)
        if a.check and step % a.check == 0:
            print("  validation mIoU %.4f" % validate(ema.net, images, labels), flush=True)
    print("  validation mIoU %.4f" % validate(ema.net, images, labels), flush=True)
    export(ema.net, size, a.out)


if __name__ == "__main__":
    main()
