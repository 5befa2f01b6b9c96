#!/usr/bin/python3
"""How far masks and labels of models agree, pixel by pixel. Needs python3-opencv and a build with octet-run.
  masks.py pages FOLDER                                     renders three pages of text to FOLDER/page_N.png
  masks.py text A.octet[:PRECISION] B.octet[:PRECISION]... PICTURE...
      a text detector's masks (probability > 0.3) on each picture: IoU of each later model with each earlier one
  masks.py labels MODEL.octet[:PRECISION] PICTURES STORED   labels of a segmenter against stored label pictures of the same names,
      which have the size that the model is fed
  masks.py labels A.octet[:PRECISION] PICTURES B.octet[:PRECISION] --size W,H      and against another model's
  masks.py miou MODEL.octet[:PRECISION] PICTURES TRUTH --size W,H --classes N [--int8_ops a,b]      mIoU and accuracy of its labels,
      brought to the size of the true ones by nearest; of those only 0 to N-1 count
PRECISION: fp32 or int8. --build DIR: default build/release; --mean, --std: of RGB pixels divided by 255, default 0.5."""
import argparse
import itertools
import pathlib
import subprocess
import sys
import tempfile

import cv2
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = [
    ("white", 1.0, ["INVOICE 2024-0817", "Widgets, large     12   34.50", "Widgets, small      7    8.20", "Freight                  19.95",
                    "TOTAL                   491.35", "Payable within thirty days", "Thank you for your order"]),
    ("grey", 1.4, ["Departures", "07:15  Basel SBB     4", "07:32  Bern          7", "07:50  Zurich HB    11", "08:04  Lausanne      3"]),
    ("dark", 0.8, ["The quick brown fox jumps over the lazy dog,", "while five boxing wizards jump quickly.", "Pack my box with five dozen liquor jugs.",
                   "How vexingly quick daft zebras jump!", "Sphinx of black quartz, judge my vow.", "Amazingly few discotheques provide jukeboxes.",
                   "1234567890  +49 (0)30 / 555-0199", "mail@example.org"]),
]
FONTS = [cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX]


def render_pages(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for number, ((kind, size, lines), font) in enumerate(zip(PAGES, FONTS), 1):
        random = np.random.default_rng(number)
        paper = {"white": 250, "grey": 190, "dark": 45}[kind]
        page = np.clip(random.normal(paper, 4, (960, 736, 3)), 0, 255).astype(np.uint8)
        ink = (230, 230, 225) if kind == "dark" else (30, 25, 20)
        for i, line in enumerate(lines):
            cv2.putText(page, line, (40, 110 + int(95 * i)), font, size, ink, 2, cv2.LINE_AA)
        cv2.imwrite(str(folder / f"page_{number}.png"), page)


def run(args, model, x):
    file, _, precision = model.partition(":")
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/x.npy", x)
        command = [args.build / "octet-run", file, "--input", f"{folder}/x.npy", "--output-dir", folder + "/out"]
        command += ["--precision", precision] if precision else []
        command += ["--int8_ops", args.int8_ops] if args.int8_ops else []
        done = subprocess.run([*command, "--threads", "2"], capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        return np.load(next(pathlib.Path(folder, "out").glob("*.npy")))


def text(args):
    models = [a for a in args.operands if ".octet" in a]
    mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])  # of BGR, as its makers have it
    for picture in [a for a in args.operands if ".octet" not in a]:
        image = cv2.imread(picture)
        scale = min(1, 960 / max(image.shape[:2]))
        height, width = (max(32, round(side * scale / 32) * 32) for side in image.shape[:2])
        x = (cv2.resize(image, (width, height)).astype(np.float32) / 255 - mean) / std
        masks = {m: run(args, m, np.ascontiguousarray(x.transpose(2, 0, 1)[None]))[0, 0] > 0.3 for m in models}
        for a, b in itertools.combinations(models, 2):
            iou = (masks[a] & masks[b]).sum() / max(1, (masks[a] | masks[b]).sum())
            print(f"{pathlib.Path(picture).name} {width}x{height}  IoU {iou:.4f}  {pathlib.Path(a).name} and {pathlib.Path(b).name}, "
                  f"text on {masks[a].mean():.1%} of pixels")


def fed(args, picture, size):
    image = cv2.resize(cv2.imread(str(picture))[..., ::-1], tuple(size))
    x = (image.astype(np.float32) / 255 - np.float32(args.mean)) / np.float32(args.std)
    return np.ascontiguousarray(x.transpose(2, 0, 1)[None])


def miou(args):
    model, pictures, truth = args.operands
    n = args.classes
    counts = np.zeros((n, n), np.int64)
    for picture in sorted(pathlib.Path(pictures).iterdir()):
        want = cv2.imread(f"{truth}/{picture.stem}.png", cv2.IMREAD_UNCHANGED)
        got = run(args, model, fed(args, picture, args.size)).reshape(args.size[::-1]).astype(np.uint8)
        got = cv2.resize(got, want.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        counted = want < n
        counts += np.bincount(want[counted].astype(int) * n + got[counted], minlength=n * n).reshape(n, n)
    hits = np.diag(counts)
    print(f"mIoU {(hits / (counts.sum(0) + counts.sum(1) - hits)).mean():.4f}  accuracy {hits.sum() / counts.sum():.4f}")


def labels(args):
    model, pictures, other = args.operands
    same = total = 0
    for picture in sorted(pathlib.Path(pictures).iterdir()):
        stored = None if ".octet" in other else cv2.imread(f"{other}/{picture.stem}.png", cv2.IMREAD_UNCHANGED)
        size = args.size or stored.shape[1::-1]
        x = fed(args, picture, size)
        want = run(args, other, x) if stored is None else stored
        got = run(args, model, x).reshape(want.shape)
        same += int((got == want).sum())
        total += want.size
    print(f"{same / total:.4%} of {total} pixels have the same label")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("what", choices=["pages", "text", "labels", "miou"])
parser.add_argument("operands", nargs="+")
parser.add_argument("--build", type=lambda p: pathlib.Path(p) / "bin", default=ROOT / "build/release/bin")
parser.add_argument("--size", type=lambda s: [int(v) for v in s.split(",")])
parser.add_argument("--classes", type=int)
parser.add_argument("--int8_ops")
parser.add_argument("--mean", type=float, default=0.5)
parser.add_argument("--std", type=float, default=0.5)
arguments = parser.parse_args()
if arguments.what == "pages":
    render_pages(pathlib.Path(arguments.operands[0]))
else:
    {"text": text, "labels": labels, "miou": miou}[arguments.what](arguments)
