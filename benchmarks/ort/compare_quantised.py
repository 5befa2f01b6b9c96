#!/usr/bin/python3
"""A quantised ONNX model in Octet's int8 against ONNX Runtime, over pictures: for each output that a DequantizeLinear makes the
part of values that are equal and within 1 and 2 of its steps; of labels (argmax over --classes axis) the part that is equal; of
the --top best scores of the first output with classes in its last dim how many are among Octet's best (ties count as equal).
Usage: compare_quantised.py [--build DIR] [--images N] [--pixels unit|byte|half|signed] [--outputs NAMES] [--labels AXIS]
           [--top N] [--background N] MODEL.onnx FOLDER_OF_PICTURES
Needs python3-onnx, python3-opencv and `npm ci --ignore-scripts` here."""
import argparse
import pathlib
import tempfile

import cv2
import numpy as np
import onnx
from onnx import numpy_helper

from compare_outputs import HERE, TYPES, cut, run

PIXELS = {"unit": (0, 255), "byte": (0, 1), "half": (128, 128), "signed": (127.5, 127.5)}  # mean, divisor


def steps_of(graph):
    """The scale of each output that is dequantised, through ops that only move; None for others."""
    made = {o: n for n in graph.node for o in n.output}
    constants = {i.name: i for i in graph.initializer}
    steps = []
    for output in graph.output:
        node = made.get(output.name)
        while node is not None and node.op_type in ("Identity", "Reshape", "Transpose"):
            node = made.get(node.input[0])
        scaled = node is not None and node.op_type in ("DequantizeLinear", "QuantizeLinear") and node.input[1] in constants
        steps.append(float(numpy_helper.to_array(constants[node.input[1]])) if scaled else None)
    return steps


def feed(path, value, pixels):
    tensor = value.type.tensor_type
    shape = [d.dim_value if d.dim_value > 0 else 1 for d in tensor.shape.dim]
    last = shape[3] == 3
    size = (shape[2], shape[1]) if last else (shape[3], shape[2])
    mean, divisor = PIXELS[pixels]
    image = cv2.resize(cv2.imread(str(path)), size)[..., ::-1].astype(np.float32)
    image = ((image - mean) / divisor).astype(np.float32)
    return np.ascontiguousarray(image if last else image.transpose(2, 0, 1))[None], TYPES[tensor.elem_type]


class Sums:
    """What the pictures add up to."""

    def __init__(self, args):
        self.args, self.within, self.labels, self.best = args, {}, [0, 0], np.zeros(3, int)

    def add(self, wanted, got, steps):
        for i, (a, b, step) in enumerate(zip(wanted, got, steps)):
            if step:
                off = np.rint(np.abs(a.astype(np.float64) - b) / step)
                self.within.setdefault(i, []).append([(off <= k).mean() for k in (0, 1, 2)])
        if self.args.labels is not None:
            same = wanted[0].argmax(self.args.labels) == got[0].argmax(self.args.labels)
            self.labels = [self.labels[0] + same.sum(), self.labels[1] + same.size]
        if self.args.top:
            i = max(range(len(wanted)), key=lambda k: wanted[k].shape[-1])
            a, b = (np.delete(v[i], self.args.background, -1).ravel() if self.args.background is not None else v[i].ravel()
                    for v in (wanted, got))
            best = np.argsort(-a, kind="stable")[: self.args.top]
            last, step = np.sort(b)[-self.args.top], steps[i] or 0
            tied = np.abs(a[best] - np.sort(a)[-self.args.top]) < 1e-6  # the last places are anyone's
            self.best += [((b[best] >= last - k * step - 1e-6) | tied).sum() for k in (0, 1)] + [len(best)]

    def show(self, names):
        for i, rows in self.within.items():
            print(f"{names[i]}: equal {np.mean([r[0] for r in rows]):.5f}, within 1 step {np.mean([r[1] for r in rows]):.5f}, "
                  f"within 2 {np.mean([r[2] for r in rows]):.5f}")
        if self.labels[1]:
            print(f"labels equal: {self.labels[0] / self.labels[1]:.5f}")
        if self.best[2]:
            print(f"best scores found: {self.best[0]} of {self.best[2]}; within a step of Octet's best: {self.best[1]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("pictures", type=pathlib.Path)
    parser.add_argument("--build", default=HERE.parent.parent / "build" / "release", type=pathlib.Path)
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--pixels", choices=PIXELS, default="unit")
    parser.add_argument("--outputs", help="compare these tensors, separated by commas, instead of the outputs")
    parser.add_argument("--labels", type=int, help="axis of classes")
    parser.add_argument("--top", type=int, default=0)
    parser.add_argument("--background", type=int, help="a class that is none")
    args = parser.parse_args()
    sums = Sums(args)
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        model, path = onnx.load(args.model), args.model
        if args.outputs:
            path = cut(model, args.outputs.split(","), folder / "cut.onnx")
        code, text = run([args.build / "bin" / "octet-convert", "convert", path, "-o", folder / "model.octet"])
        if code:
            raise SystemExit(text)
        names, value = [o.name for o in model.graph.output], model.graph.input[0]
        for picture in sorted(args.pictures.glob("*.jpg"))[: args.images]:
            array, dtype = feed(picture, value, args.pixels)
            np.save(folder / "octet.npy", array)
            np.save(folder / "ort.npy", array.astype(dtype))
            code, text = run([args.build / "bin" / "octet-run", folder / "model.octet", "--input", f"{value.name}={folder / 'octet.npy'}",
                              "--precision", "int8", "--output-dir", folder / "octet"])
            if code:
                raise SystemExit(text)
            got = [np.load(line.split("  ")[0]) for line in text.splitlines()]
            code, text = run(["node", HERE / "run.mjs", path, folder / "ort", f"{value.name}={folder / 'ort.npy'}"])
            if code:
                raise SystemExit(text)
            sums.add([np.load(folder / "ort" / f"{i}.npy") for i in range(len(names))], got, steps_of(model.graph))
    sums.show(names)


main()
