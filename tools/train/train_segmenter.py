"""Trains the segmenter on cached scenes and writes models/segmenter.onnx; rerun to resume from the last checkpoint."""
import argparse
import copy
import os
import time

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


def batch_of(images, labels, rng, count, crop):
    """Random crops of random scenes under one of the eight flips and quarter turns."""
    full, xs, ys = images.shape[1], [], []
    for i in rng.integers(0, len(images) - VALIDATION, count):
        r, c = (int(v) for v in rng.integers(0, full - crop + 1, 2))
        x, y = images[i, r:r + crop, c:c + crop], labels[i, r:r + crop, c:c + crop]
        turn = int(rng.integers(8))
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
    ap.add_argument("--steps", type=int, default=1600)
    ap.add_argument("--batch", type=int, default=16)
    ap.add_argument("--peak", type=float, default=3e-3)
    ap.add_argument("--export-only", action="store_true")
    a = ap.parse_args()
    torch.manual_seed(2)
    torch.set_num_threads(2)
    images, labels = (np.load(f"{a.work}/seg_{n}.npy", mmap_mode="r") for n in ("images", "labels"))
    size = images.shape[1]
    net = Segmenter(len(CLASSES) + 1, size).to(memory_format=torch.channels_last)
    print("parameters", sum(p.numel() for p in net.parameters()))
    ema, opt, step, saved = Ema(net), adamw(net, 0.02), 0, f"{a.work}/segmenter.pt"
    if os.path.exists(saved):
        s = torch.load(saved)
        net.load_state_dict(s["net"]), ema.net.load_state_dict(s["ema"]), opt.load_state_dict(s["opt"])
        step = ema.n = s["step"]
    start, seen, mean = time.time(), 0, 0.0
    while step < a.steps and not a.export_only:
        rng = np.random.default_rng((2, step))  # by step, so that a resumed run sees the same scenes
        x, y = batch_of(images, labels, rng, a.batch, size)
        for g in opt.param_groups:
            g["lr"] = learning_rate(step, a.steps, a.peak, 100)
        net.train()
        loss = loss_of(net(x), y)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        opt.step()
        ema.update(net)
        step, seen, mean = step + 1, seen + a.batch, mean * 0.97 + 0.03 * float(loss)
        if step % 50 == 0:
            print(f"step {step}/{a.steps} loss {mean:.4f} {seen / (time.time() - start):.1f} img/s "
                  f"{time.time() - start:.0f} s", flush=True)
        if step % 300 == 0 or step == a.steps:
            torch.save({"net": net.state_dict(), "ema": ema.net.state_dict(), "opt": opt.state_dict(), "step": step}, saved)
            print("  validation mIoU %.4f" % validate(ema.net, images, labels), flush=True)
    export(ema.net, size, a.out)


if __name__ == "__main__":
    main()
