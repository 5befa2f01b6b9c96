"""Trains the detector on cached scenes and writes models/detector.onnx; rerun to resume from the last checkpoint."""
import argparse
import copy
import math
import os
import time

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from evaluate import decode, mean_ap
from nets import ANCHORS, STRIDES, Detector
from scenes import CLASSES

HERE = os.path.dirname(os.path.abspath(__file__))
VALIDATION = 200  # the last scenes of the cache are not trained on


class Ema:
    """Slow average of the weights: what is validated and exported."""

    def __init__(self, net, decay=0.998):
        self.net, self.decay, self.n = copy.deepcopy(net).eval(), decay, 0

    @torch.no_grad()
    def update(self, net):
        self.n += 1
        d = self.decay * (1 - math.exp(-self.n / 300))
        for a, b in zip(self.net.state_dict().values(), net.state_dict().values()):
            if a.dtype.is_floating_point:
                a.mul_(d).add_(b, alpha=1 - d)
            else:
                a.copy_(b)


def learning_rate(done, step, peak, warm):
    """Short linear rise, then a half cosine over the part of the run that is done."""
    return peak * min(1.0, (step + 1) / warm) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


def adamw(net, decay):
    """Biases and norms are not decayed."""
    big = [p for p in net.parameters() if p.dim() > 1]
    small = [p for p in net.parameters() if p.dim() <= 1]
    return torch.optim.AdamW([{"params": big, "weight_decay": decay}, {"params": small, "weight_decay": 0.0}], lr=1e-3)


def batch_of(images, boxes, rng, count, size):
    """Random scenes under one of the eight flips and quarter turns, and the (image, class, cx, cy, w, h) rows."""
    full, x, rows = images.shape[1], [], []
    for k, i in enumerate(rng.integers(0, len(images) - VALIDATION, count)):
        img, b = images[i], boxes[i][boxes[i, :, 0] >= 0].copy()
        turn = int(rng.integers(8))
        if turn & 1:
            img, b[:, 1] = img[:, ::-1], full - b[:, 1]
        if turn & 2:
            img, b[:, 2] = img[::-1], full - b[:, 2]
        if turn & 4:
            img, b = img.transpose(1, 0, 2), b[:, [0, 2, 1, 4, 3]]
        x.append(np.ascontiguousarray(img))
        rows.append(np.concatenate([np.full((len(b), 1), k, np.float32), b], 1))
    x = torch.from_numpy(np.stack(x)).permute(0, 3, 1, 2).float().div_(255)
    rows = torch.from_numpy(np.concatenate(rows))
    if size != full:
        x = F.interpolate(x, size=(size, size), mode="bilinear", align_corners=False, antialias=True)
        rows[:, 2:] *= size / full
    return x.contiguous(memory_format=torch.channels_last), rows


def close_ups(images, boxes, rng, count, size=160):
    """Zoomed windows around objects, as batch_of gives whole scenes: cheap, dense in objects, large enough to tell."""
    scene, slot = np.nonzero(boxes[:len(boxes) - VALIDATION, :, 0] >= 0)
    x, rows = np.empty((count, size, size, 3), np.uint8), []
    for k, n in enumerate(rng.integers(0, len(scene), count)):
        b = boxes[scene[n]][boxes[scene[n], :, 0] >= 0]
        s = size / rng.uniform(90, 210)
        shift = size / 2 + rng.uniform(-0.3, 0.3, 2) * size - s * boxes[scene[n], slot[n], 1:3]
        shift = np.clip(shift, size - s * images.shape[1], 0)
        m = np.array([[s, 0, shift[0]], [0, s, shift[1]]])
        x[k] = cv2.warpAffine(images[scene[n]], m, (size, size), borderValue=(114, 114, 114))
        lo, hi = (np.clip((b[:, 1:3] + d * b[:, 3:5]) * s + shift, 0, size) for d in (-0.5, 0.5))
        rest = np.prod(hi - lo, 1) / np.prod(b[:, 3:5] * s, 1)
        r = np.concatenate([np.full((len(b), 1), k), b[:, :1], (lo + hi) / 2, hi - lo], 1)[rest > 0.4]
        turn = int(rng.integers(4))
        if turn & 1:
            x[k], r[:, 2] = x[k, :, ::-1].copy(), size - r[:, 2]
        if turn & 2:
            x[k], r[:, 3] = x[k, ::-1].copy(), size - r[:, 3]
        rows.append(r.astype(np.float32))
    x = torch.from_numpy(x).permute(0, 3, 1, 2).float().div_(255)
    return x.contiguous(memory_format=torch.channels_last), torch.from_numpy(np.concatenate(rows))


def assign(rows, level, h, w):
    """Cells and anchors that answer for an object: anchors of a similar size, its cell and the two nearest ones."""
    stride, anchors = STRIDES[level], torch.tensor(ANCHORS[level])
    ratio = rows[:, None, 4:6] / anchors[None]
    t, a = torch.nonzero(torch.max(ratio, 1 / ratio).amax(2) < 3.0, as_tuple=True)
    c = rows[t, 2:4] / stride
    base = c.floor()
    side = torch.where(c - base < 0.5, -1.0, 1.0)
    zero = torch.zeros_like(side[:, 0])
    cells = torch.cat([base, base + torch.stack([side[:, 0], zero], 1), base + torch.stack([zero, side[:, 1]], 1)])
    t, a, c = t.repeat(3), a.repeat(3), c.repeat(3, 1)
    ok = (cells[:, 0] >= 0) & (cells[:, 1] >= 0) & (cells[:, 0] < w) & (cells[:, 1] < h)
    t, a, c, cells = t[ok], a[ok], c[ok], cells[ok].long()
    target = torch.cat([c - cells, rows[t, 4:6] / stride], 1)
    return rows[t, 0].long(), a, cells[:, 1], cells[:, 0], target, rows[t, 1].long(), anchors[a] / stride


def ciou(p, t):
    """Complete IoU of cx, cy, w, h boxes."""
    plo, phi, tlo, thi = p[:, :2] - p[:, 2:] / 2, p[:, :2] + p[:, 2:] / 2, t[:, :2] - t[:, 2:] / 2, t[:, :2] + t[:, 2:] / 2
    inter = (torch.min(phi, thi) - torch.max(plo, tlo)).clamp(0).prod(1)
    iou = inter / (p[:, 2:].prod(1) + t[:, 2:].prod(1) - inter + 1e-7)
    hull = (torch.max(phi, thi) - torch.min(plo, tlo)).pow(2).sum(1) + 1e-7
    gap = (p[:, :2] - t[:, :2]).pow(2).sum(1) / hull
    v = 4 / math.pi ** 2 * (torch.atan(t[:, 2] / t[:, 3]) - torch.atan(p[:, 2] / (p[:, 3] + 1e-7))).pow(2)
    with torch.no_grad():
        alpha = v / (v - iou + 1 + 1e-7)
    return iou, iou - gap - alpha * v


def loss_of(out, rows):
    box = obj = cls = 0.0
    for level, y in enumerate(out):
        y = y.float()
        b, a, j, i, target, c, anchor = assign(rows, level, y.shape[2], y.shape[3])
        goal = torch.zeros_like(y[..., 4])
        if len(b):
            s = y[b, a, j, i]
            p = torch.cat([s[:, :2].sigmoid() * 2 - 0.5, (s[:, 2:4].sigmoid() * 2) ** 2 * anchor], 1)
            iou, c_iou = ciou(p, target)
            box = box + (1 - c_iou).mean()
            order = iou.detach().argsort()  # where objects share a cell the best fit is written last
            goal[b[order], a[order], j[order], i[order]] = iou.detach()[order].clamp(0)
            cls = cls + F.binary_cross_entropy_with_logits(s[:, 5:], F.one_hot(c, y.shape[4] - 5).float())
        obj = obj + F.binary_cross_entropy_with_logits(y[..., 4], goal) * (4.0, 1.0, 0.4)[level]
    return 0.1 * box, obj, 0.5 * cls


@torch.no_grad()
def validate(net, images, boxes):
    net.decode = True
    truth, found = [], []
    for k in range(len(images) - VALIDATION, len(images), 8):
        x = torch.from_numpy(np.array(images[k:k + 8])).permute(0, 3, 1, 2).float().div_(255)
        for y, b in zip(net(x.contiguous(memory_format=torch.channels_last)), boxes[k:k + 8]):
            found.append(decode(y.numpy(), conf=0.005))
            b = b[b[:, 0] >= 0]
            truth.append(np.concatenate([b[:, 1:3] - b[:, 3:5] / 2, b[:, 3:5], b[:, :1]], 1))
    net.decode = False
    ap = mean_ap(truth, found, len(CLASSES))
    return np.nanmean(ap), np.nanmean(ap[0])


def export(net, path):
    net = copy.deepcopy(net).to(memory_format=torch.contiguous_format).eval()
    net.decode = True
    torch.onnx.export(net, torch.zeros(1, 3, net.size, net.size), path, opset_version=13, input_names=["images"],
                      output_names=["output"], do_constant_folding=True)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--work", default="/tmp/octet-train")
    ap.add_argument("--out", default=os.path.join(HERE, "../../models/detector.onnx"))
    ap.add_argument("--steps", type=int, default=3000)
    ap.add_argument("--batch", type=int, default=8)
    ap.add_argument("--peak", type=float, default=2e-3)
    ap.add_argument("--close", type=float, default=0.4, help="part of the run that sees close-ups")
    ap.add_argument("--small", type=float, default=0.75, help="where reduced scenes end and full ones begin")
    ap.add_argument("--minutes", type=float, help="let the clock, not --steps, drive the schedule and end the run")
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--check", type=int, default=1000, help="steps between validations; 0 for none")
    ap.add_argument("--export-only", action="store_true")
    a = ap.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(a.threads)
    images = np.load(f"{a.work}/det_images.npy", mmap_mode="r")
    boxes = np.load(f"{a.work}/det_boxes.npy")
    net = Detector(len(CLASSES)).to(memory_format=torch.channels_last)
    print("parameters", sum(p.numel() for p in net.parameters()))
    saved = f"{a.work}/detector.pt"
    ema, opt, step, spent = Ema(net), adamw(net, 0.02), 0, 0.0
    if os.path.exists(saved):
        s = torch.load(saved)
        net.load_state_dict(s["net"]), ema.net.load_state_dict(s["ema"]), opt.load_state_dict(s["opt"])
        step, spent = s["step"], s["spent"]
        ema.n = step
    start, seen, mean, done = time.time() - spent, 0, np.zeros(3), 0.0
    while not a.export_only:
        done = (time.time() - start) / 60 / a.minutes if a.minutes else step / a.steps
        if done >= 1:
            break
        rng = np.random.default_rng((1, step))  # by step, so that a resumed run sees the same scenes
        if done < a.close:
            x, rows = close_ups(images, boxes, rng, 8 * a.batch // 3)
        else:
            x, rows = batch_of(images, boxes, rng, a.batch, 256 if done < a.small else 320)
        for g in opt.param_groups:
            g["lr"] = learning_rate(done, step, a.peak, 100)
        net.train()
        parts = loss_of(net(x), rows)
        opt.zero_grad(set_to_none=True)
        sum(parts).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        opt.step()
        ema.update(net)
        step, seen = step + 1, seen + len(x)
        mean = mean * 0.98 + 0.02 * np.array([float(p) for p in parts])
        if step % 50 == 0:
            print(f"step {step} {done:.0%} size {x.shape[3]} box {mean[0]:.4f} obj {mean[1]:.4f} cls {mean[2]:.4f} "
                  f"{seen / (time.time() - start - spent):.1f} img/s {time.time() - start:.0f} s", flush=True)
        if step % 50 == 0:
            torch.save({"net": net.state_dict(), "ema": ema.net.state_dict(), "opt": opt.state_dict(), "step": step,
                        "spent": time.time() - start}, saved)
        if a.check and step % a.check == 0:
            print("  validation mAP@[.5:.95] %.4f AP50 %.4f" % validate(ema.net, images, boxes), flush=True)
    export(ema.net, a.out)


if __name__ == "__main__":
    main()
