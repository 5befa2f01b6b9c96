#!/usr/bin/python3
"""An int8 model's outputs against ONNX Runtime's on its export (octet-convert export-onnx): differences in quantisation steps, a
255th of the output's range; of whole numbers (labels) the part that differs. Prints for each output the mean, the largest, and
the part of the values within 1 and 2 steps.
Usage: compare_export.py [--build DIR] [--picture FILE [--pixels unit|byte|imagenet]] [--opset N] [--float] MODEL.octet...
Needs python3-onnx, python3-opencv and `npm ci --ignore-scripts` here."""
import argparse
import pathlib
import sys
import tempfile

import numpy as np
import onnx

import compare_outputs as outputs


def compare(program, model, args, folder):
    exported = folder / "model.onnx"
    flags = ["--float"] if args.float else []
    code, text = outputs.run([program / "octet-convert", "export-onnx", model, "-o", exported, "--opset", args.opset, *flags])
    if code:
        return text
    onnx.checker.check_model(str(exported))
    arrays = outputs.inputs_of(onnx.load(exported), args.size, "picture" if args.picture else "noise", args.picture, args.pixels)
    files = []
    for name, array in arrays.items():
        np.save(folder / f"in{len(files)}.npy", array)
        files.append(f"{name}={folder}/in{len(files)}.npy")
    precision = "fp32" if args.float else "int8"
    inputs = [flag for file in files for flag in ("--input", file)]
    code, text = outputs.run([program / "octet-run", model, *inputs, "--precision", precision, "--output-dir", folder / "octet"])
    if code:
        return text
    made = [line.split("  ")[0] for line in text.splitlines()]
    code, text = outputs.run(["node", outputs.HERE / "run.mjs", exported, folder / "ort", *files])
    if code:
        return "ONNX Runtime: " + text
    for i, file in enumerate(made):
        report(pathlib.Path(file).stem, np.load(file), np.load(folder / "ort" / f"{i}.npy"))
    return ""


def report(name, ours, theirs):
    if ours.dtype != np.float32:
        print(f"  {name:40} {(ours != theirs).mean():.4%} of {ours.size} differ")
        return
    steps = np.abs(ours - theirs) / (np.ptp(ours) / 255 or 1)
    print(f"  {name:40} mean {steps.mean():.3f}  most {steps.max():.2f}  within 1: {(steps <= 1).mean():.3%}  "
          f"within 2: {(steps <= 2).mean():.3%}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="+")
    parser.add_argument("--build", default=outputs.HERE.parent.parent / "build" / "release", type=pathlib.Path)
    parser.add_argument("--picture")
    parser.add_argument("--pixels", choices=outputs.PIXELS, default="unit", help="0..1, 0..255 or ImageNet's mean and deviation")
    parser.add_argument("--opset", default=17, type=int)
    parser.add_argument("--float", action="store_true", help="the float networks instead")
    parser.add_argument("--size", default=320, type=int, help="of dynamic dims")
    args = parser.parse_args()
    failed = 0
    for model in args.models:
        print(pathlib.Path(model).name, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            text = compare(args.build / "bin", model, args, pathlib.Path(folder))
        if text:
            print("  failed: " + text, flush=True)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
