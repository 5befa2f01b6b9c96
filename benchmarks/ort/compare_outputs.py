#!/usr/bin/python3
"""Octet's float outputs against ONNX Runtime's: the largest difference of each model, relative to the output's range, on noise
and, if one is given, on a picture; of whole numbers (labels) the part that differs. A model that octet-convert refuses is listed
with its message.
Usage: compare_outputs.py [--build DIR] [--picture FILE [--pixels unit|byte|imagenet]] [--size N]
           [--outputs NAMES] [--split_means] [--paddle FOLDER] MODEL.onnx...
Exit code 1 where a difference exceeds 1e-4. Needs python3-onnx, python3-opencv and `npm ci --ignore-scripts` here."""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

import cv2
import numpy as np
import onnx

HERE = pathlib.Path(__file__).resolve().parent
TYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 9: np.bool_}
PIXELS = {"unit": (0, 255), "byte": (0, 1), "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))}  # mean, divisor
LIMIT = 1e-4


def picture(path, shape, pixels):
    channels_last = shape[-1] == 3
    height, width = shape[1:3] if channels_last else shape[2:4]
    mean, divisor = PIXELS[pixels]
    image = (cv2.resize(cv2.imread(path), (width, height))[..., ::-1].astype(np.float32) - mean) / divisor
    return np.broadcast_to(image if channels_last else image.transpose(2, 0, 1), shape)


def inputs_of(model, size, kind, path, pixels_are):
    constants = {i.name for i in model.graph.initializer}
    arrays = {}
    for value in model.graph.input:
        if value.name in constants:
            continue
        tensor = value.type.tensor_type
        shape = [d.dim_value if d.dim_value > 0 else size if i > 1 else 1 for i, d in enumerate(tensor.shape.dim)]
        dtype = TYPES[tensor.elem_type]
        pixels = len(shape) == 4 and 3 in (shape[1], shape[3])
        if kind == "noise" or not pixels:
            random = np.random.default_rng(len(arrays))
            array = random.standard_normal(shape) if dtype == np.float32 else random.integers(100, 200, shape)
        else:
            array = picture(path, shape, pixels_are)
        arrays[value.name] = np.ascontiguousarray(array, dtype)
    return arrays


def run(command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    return done.returncode, (done.stderr or done.stdout).strip()


def difference(wanted, got):
    if wanted.shape != got.shape or wanted.dtype != got.dtype:
        return float("inf")
    wanted, got = wanted.astype(np.float64), got.astype(np.float64)
    if all(np.array_equal(values, np.rint(values)) for values in (wanted, got)):
        return float((wanted != got).mean()) if wanted.size else 0.0
    finite = np.isfinite(wanted)
    if not np.array_equal(wanted[~finite], got[~finite], equal_nan=True):
        return float("inf")
    wanted, got = wanted[finite], got[finite]
    spread = np.ptp(wanted) if wanted.size else 0
    return float(np.abs(wanted - got).max(initial=0) / (spread or 1))


def cut(model, names, path):
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    onnx.save(model, path)
    return path


def split_means(path, to):
    """Global means as means of rows and then of columns: ONNX Runtime adds up a whole plane in one float, which costs digits."""
    model, nodes = onnx.load(path), []
    for n in model.graph.node:
        if n.op_type != "GlobalAveragePool":
            nodes.append(n)
            continue
        rows = n.output[0] + "_rows"
        nodes += [onnx.helper.make_node("ReduceMean", [a], [b], axes=[axis], keepdims=1)
                  for a, b, axis in ((n.input[0], rows, 3), (rows, n.output[0], 2))]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, to)
    return to


def compare(program, model_path, octet, model, kind, args, folder):
    arrays = inputs_of(model, args.size, kind, args.picture, args.pixels)
    flags = []
    for name, array in arrays.items():
        file = folder / f"in{len(flags)}.npy"
        np.save(file, array)
        flags.append(f"{name}={file}")
    octet_flags = [f for flag in flags for f in ("--input", flag)]
    code, text = run([program / "octet-run", octet, *octet_flags, "--precision", "fp32", "--output-dir", folder / "octet"])
    if code:
        return None, text
    outputs = [line.split("  ")[0] for line in text.splitlines()]
    code, text = run(["node", HERE / "run.mjs", model_path, folder / "ort", *flags])
    if code:
        return None, "ONNX Runtime: " + text
    worst = 0
    for i, file in enumerate(outputs):
        worst = max(worst, difference(np.load(folder / "ort" / f"{i}.npy"), np.load(file)))
    return worst, f"{len(outputs)} outputs"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="+")
    parser.add_argument("--build", default=HERE.parent.parent / "build" / "release", type=pathlib.Path)
    parser.add_argument("--picture")
    parser.add_argument("--pixels", choices=PIXELS, default="unit", help="0..1, 0..255 or ImageNet's mean and deviation")
    parser.add_argument("--outputs", help="compare these tensors, separated by commas, instead of the outputs")
    parser.add_argument("--size", default=320, type=int, help="of dynamic dims")
    parser.add_argument("--split_means", action="store_true", help="ONNX Runtime takes global means by rows, which is more exact")
    parser.add_argument("--paddle", help="Octet runs this model, of which MODEL.onnx is the twin")
    args = parser.parse_args()
    program = args.build / "bin"
    wrong = 0
    for path in args.models:
        name = pathlib.Path(path).name
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch)
            model = onnx.load(path, load_external_data=False)
            if args.outputs:
                path = cut(model, args.outputs.split(","), folder / name)
            cuts = ["--outputs", args.outputs] if args.paddle and args.outputs else []
            code, text = run([program / "octet-convert", "convert", args.paddle or path, *cuts, "-o", folder / "model.octet"])
            if code:
                wrong |= code != 1
                print(f"{name:45} refused  {re.sub('^octet-convert: .*?onnx: ', '', text)}", flush=True)
                continue
            if args.split_means:
                path = split_means(path, folder / "split.onnx")
            for kind in ("noise", "picture") if args.picture else ("noise",):
                worst, text = compare(program, path, folder / "model.octet", model, kind, args, folder)
                wrong |= worst is None or not worst < LIMIT
                print(f"{name:45} {kind:7}  {'failed' if worst is None else f'{worst:.1e}'}  {text}", flush=True)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
