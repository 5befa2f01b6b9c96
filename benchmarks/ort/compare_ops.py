#!/usr/bin/python3
"""Each op over its opsets, ranks, negative axes, empty dims and types: Octet's float outputs against ONNX Runtime's, as the Markdown
of docs/OPS_COMPARED.md on standard output. What differs is told on standard error; exit code 1 where anything does.
Usage: compare_ops.py [--build DIR] [--modules DIR] [OP...] > docs/OPS_COMPARED.md
Needs python3-onnx, and `npm ci --ignore-scripts` here or in DIR."""
import argparse
import collections
import itertools
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import helper, numpy_helper

HERE = pathlib.Path(__file__).resolve().parent
NEWEST = 22
SHAPES = ([], [5], [2, 3], [2, 3, 4], [1, 3, 4, 5], [1, 2, 2, 3, 2])
EMPTY = ([0], [2, 0, 3])
LIMIT = 1e-4
RANDOM = np.random.default_rng(1)

CASES = []  # op, opset, what it tries, node, arrays by input name, names that are constants


def versions(op, domain=""):
    """Each opset that changed the op, and the newest."""
    if domain:
        return [17]
    known = {s.since_version for s in onnx.defs.get_all_schemas_with_history() if s.name == op and s.domain == ""}
    return sorted({max(v, 7) for v in known} | {NEWEST})


def add(op, opset, what, arrays, constants=(), outputs=1, domain="", **attributes):
    names = [f"x{i}" if a is not None else "" for i, a in enumerate(arrays)]
    node = helper.make_node(op, names, [f"y{i}" for i in range(outputs)], name=op, domain=domain,
                            **{k: v for k, v in attributes.items() if v is not None})
    given = {n: np.asarray(a) for n, a in zip(names, arrays) if n}
    CASES.append((op, opset, what, node, given, {names[i] for i in constants}))


def floats(shape, low=-2.0, high=2.0):
    return RANDOM.uniform(low, high, shape).astype(np.float32)


def whole(shape, dtype=np.int64, low=-9, high=9):
    return RANDOM.integers(low, high, shape).astype(dtype)


def axes_of(shape):
    return range(-len(shape), len(shape))


UNARY = {"Abs": (-2, 2), "Acos": (-1, 1), "Acosh": (1, 9), "Asin": (-1, 1), "Asinh": (-9, 9), "Atan": (-9, 9), "Atanh": (-.99, .99),
         "Ceil": (-9, 9), "Cos": (-9, 9), "Cosh": (-9, 9), "Elu": (-3, 3), "Erf": (-3, 3), "Exp": (-9, 9), "Floor": (-9, 9),
         "HardSigmoid": (-9, 9), "HardSwish": (-9, 9), "Identity": (-2, 2), "LeakyRelu": (-2, 2), "Log": (.01, 9), "Mish": (-9, 9),
         "Neg": (-2, 2), "Reciprocal": (.1, 2), "Relu": (-2, 2), "Round": (-9, 9), "Selu": (-3, 3), "Sigmoid": (-9, 9),
         "Sign": (-2, 2), "Sin": (-9, 9), "Sinh": (-9, 9), "Softplus": (-9, 9), "Softsign": (-9, 9), "Sqrt": (0, 9), "Tan": (-9, 9),
         "Tanh": (-9, 9), "ThresholdedRelu": (-2, 2), "Celu": (-3, 3), "Gelu": (-4, 4), "IsNaN": (-1, 1), "IsInf": (-1, 1)}
SINCE = {"HardSwish": 14, "Mish": 18, "Gelu": 20, "Celu": 12, "IsInf": 10, "Trilu": 14, "Hardmax": 7}


def unary():
    for op, (low, high) in UNARY.items():
        for opset in versions(op):
            if opset < SINCE.get(op, 7):
                continue
            for shape in (SHAPES + EMPTY if opset == NEWEST else ([2, 3],)):
                x = floats(shape, low, high)
                if op in ("IsNaN", "IsInf") and x.size > 2:
                    x.flat[:3] = np.nan, np.inf, -np.inf
                add(op, opset, f"{shape}", [x])
    for op, dtype in itertools.product(("Abs", "Neg", "Sign", "Relu", "Identity"), (np.int32, np.int64)):
        add(op, NEWEST, dtype.__name__, [whole([2, 3], dtype)])


def binary():
    pairs = (([2, 3], [2, 3]), ([2, 3, 4], [4]), ([1, 3, 1, 5], [2, 1, 4, 1]), ([], [3]), ([2, 0], [1]), ([0], [0]))
    for op in ("Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Sum", "Mean", "PRelu", "Mod"):
        for opset, (a, b) in itertools.product(versions(op), pairs):
            if op == "PRelu" and len(b) > len(a) or op == "Mod" and opset < 10 or op == "PRelu" and a == []:
                continue
            x, y = floats(a, .2, 3), floats(b, .2, 3)
            add(op, opset, f"{a} {b}", [x, y], fmod=1 if op == "Mod" else None)
        for dtype in (np.int32, np.int64):
            if op in ("Sum", "Mean", "PRelu", "Pow"):
                continue
            y = whole([4], dtype, 1, 5)
            add(op, NEWEST, dtype.__name__, [whole([2, 4], dtype, -9, 9), y])
    add("Mod", NEWEST, "fmod int64", [whole([9]), whole([9], low=1)], fmod=1)
    add("Mod", NEWEST, "negative", [floats([99], -9, 9), floats([99], -3, 3)], fmod=1)
    for op in ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"):
        for opset, (a, b) in itertools.product([v for v in versions(op) if v >= 11], pairs):
            add(op, opset, f"{a} {b}", [floats(a).round(), floats(b).round()])
        add(op, NEWEST, "int64", [whole([2, 4]), whole([4])])
    for op in ("And", "Or", "Xor"):
        add(op, NEWEST, "bool", [whole([2, 4]) > 0, whole([4]) > 0])
    for a, b, c in (([2, 3], [2, 3], [2, 3]), ([3], [2, 3], []), ([2, 1], [], [3])):
        for opset in versions("Where"):
            add("Where", opset, f"{a} {b} {c}", [whole(a) > 0, floats(b), floats(c)])
    for opset in versions("Clip"):
        if opset < 11:
            add("Clip", opset, "attributes", [floats([2, 3])], min=-.5, max=.5)
        else:
            for low, high in ((-.5, .5), (None, .5), (-.5, None)):
                bounds = [None if v is None else np.float32(v) for v in (low, high)]
                add("Clip", opset, f"{low} {high}", [floats([2, 3]), *bounds])


def along_an_axis():
    for op, opset, shape in itertools.product(("Softmax", "LogSoftmax", "Hardmax"), (7, 11, 13), SHAPES[1:]):
        for axis in axes_of(shape):
            if axis >= 0 or opset >= 11:
                add(op, opset, f"{shape} {axis}", [floats(shape)], axis=axis)
    for shape, p in itertools.product(SHAPES[1:], (1, 2)):
        for axis in axes_of(shape):
            add("LpNormalization", 7, f"{shape} {axis}", [floats(shape)], axis=axis, p=p)
    for op, opset, shape in itertools.product(("ArgMax", "ArgMin"), (7, 11, 13), SHAPES[1:]):
        for axis, keep in itertools.product(axes_of(shape), (0, 1)):
            if axis >= 0 or opset >= 11:
                add(op, opset, f"{shape} {axis}", [floats(shape)], axis=axis, keepdims=keep)
    for shape, exclusive, reverse in itertools.product(SHAPES[1:], (0, 1), (0, 1)):
        for axis in axes_of(shape):
            add("CumSum", 14, f"{shape} {axis}", [floats(shape), np.int64(axis)], (1,), exclusive=exclusive, reverse=reverse)
    for shape in SHAPES[1:]:
        for axis in axes_of(shape):
            size = shape[axis]
            add("Concat", 13, f"{shape} {axis}", [floats(shape), floats(shape)], axis=axis)
            add("Gather", 13, f"{shape} {axis}", [floats(shape), whole([2, 2], low=-size, high=size)], axis=axis)
            add("Split", 18, f"{shape} {axis}", [floats(shape)], axis=axis, num_outputs=2 if size > 1 else 1,
                outputs=2 if size > 1 else 1)
            add("TopK", 11, f"{shape} {axis}", [floats(shape), np.array([1])], (1,), outputs=2, axis=axis)
            add("GatherElements", 13, f"{shape} {axis}", [floats(shape), whole(shape, low=-size, high=size)], axis=axis)
            if axis >= -1:
                add("LayerNormalization", 17, f"{shape} {axis}", [floats(shape), floats(shape[axis:])], (1,), axis=axis)
        for axis in range(-len(shape), len(shape) + 1):
            add("Flatten", 13, f"{shape} {axis}", [floats(shape)], axis=axis)
        for axis in range(-len(shape) - 1, len(shape) + 1):
            add("Unsqueeze", 13, f"{shape} {axis}", [floats(shape), np.array([axis])], (1,))
            depth = 4
            add("OneHot", 11, f"{shape} {axis}", [whole(shape, low=-4, high=6), np.int64(depth), np.array([.5, 2], np.float32)], (1,),
                axis=axis)
    for dtype in (np.int32, np.float32):
        add("OneHot", 9, dtype.__name__, [np.array([0, 2, 5], dtype), np.array([4], dtype), np.array([0, 1], dtype)], (1, 2))
    for op in ("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
               "ReduceSum", "ReduceSumSquare"):
        for shape, keep in itertools.product(SHAPES[1:], (0, 1)):
            for axes in (None, [0], [-1], list(range(len(shape)))):
                x = floats(shape, .1, 2)
                if op == "ReduceSum":
                    add(op, 13, f"{shape} {axes}", [x] if axes is None else [x, np.array(axes)], (1,) if axes else (), keepdims=keep)
                else:
                    add(op, 11, f"{shape} {axes}", [x], keepdims=keep, axes=axes)
                    add(op, 18, f"{shape} {axes}", [x] if axes is None else [x, np.array(axes)], (1,) if axes else (), keepdims=keep)


def matrices():
    for a, b in (([2, 3], [3, 4]), ([5, 2, 3], [3, 4]), ([2, 1, 2, 3], [4, 3, 2]), ([3], [3, 4]), ([2, 3], [3]), ([3], [3])):
        for opset in versions("MatMul"):
            add("MatMul", opset, f"{a} {b}", [floats(a), floats(b)])
    for a, b in itertools.product((0, 1), (0, 1)):
        for opset in versions("Gemm"):
            x, y = floats([3, 2] if a else [2, 3]), floats([4, 3] if b else [3, 4])
            add("Gemm", opset, f"{a}{b}", [x, y, floats([4])], transA=a, transB=b, alpha=.5, beta=2.0)
        x, y = floats([2, 3, 2] if a else [2, 2, 3]), floats([2, 4, 3] if b else [2, 3, 4])
        add("FusedMatMul", 17, f"{a}{b}", [x, y], domain="com.microsoft", transA=a, transB=b, alpha=.5)
    for equation, *shapes in (("...ij,...jk->...ik", [2, 5, 2, 3], [5, 3, 4]), ("...ij,jk->...ik", [2, 2, 3], [3, 4]),
                              ("bhwc,hkc->bhwk", [2, 3, 4, 5], [3, 6, 5]), ("...ij->...ji", [2, 3, 4]), ("i,j->ij", [3], [4]),
                              ("...a,...b->...ab", [1, 3], [2, 4]), ("bij,bjk", [2, 3, 4], [2, 4, 5]), ("...i->...", [2, 3]),
                              ("...ij,...jk", [1, 2, 3], [4, 3, 2]), ("ij->", [2, 3]), ("ij,ij->i", [2, 3], [2, 3])):
        add("Einsum", 12, equation, [floats(s) for s in shapes], equation=equation)
    for upper, k, shape in itertools.product((0, 1), (None, -1, 2, -9, 9), ([3, 3], [2, 4, 5], [2, 5, 3])):
        add("Trilu", 14, f"{shape} {k}", [floats(shape)] if k is None else [floats(shape), np.int64(k)], () if k is None else (1,),
            upper=upper)
    add("Trilu", 14, "int64", [whole([4, 4])])
    add("Trilu", 14, "bool", [whole([4, 4]) > 0], upper=0)
    for axes in (None, [1, 2, 3], [0, -1]):
        add("MeanVarianceNormalization", 13, f"{axes}", [floats([2, 3, 4, 5])], axes=axes)
    add("SkipLayerNormalization", 17, "", [floats([2, 3, 8]), floats([2, 3, 8]), floats([8]), floats([8]), floats([8])], (2, 3, 4),
        domain="com.microsoft", epsilon=1e-5)
    add("SkipSimplifiedLayerNormalization", 17, "", [floats([2, 3, 8]), floats([2, 3, 8]), floats([8])], (2,),
        domain="com.microsoft", epsilon=1e-5)
    for axis in (-1, 1):
        add("SimplifiedLayerNormalization", 17, f"{axis}", [floats([2, 3, 8]), floats([2, 3, 8][axis:])], (1,), axis=axis, epsilon=1e-5)
        add("RMSNormalization", 23, f"{axis}", [floats([2, 3, 8]), floats([2, 3, 8][axis:])], (1,), axis=axis)
    x, w, b = floats([2, 5, 8]), floats([8, 24]), floats([24])
    mask = np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]], np.int32)
    add("Attention", 17, "no mask", [x, w, b], (1, 2), domain="com.microsoft", num_heads=2)
    add("Attention", 17, "mask", [x, w, b, mask], (1, 2), domain="com.microsoft", num_heads=4)


def recurrent():
    for op, direction, bias, initial in itertools.product(("LSTM", "GRU"), ("forward", "reverse", "bidirectional"), (0, 1), (0, 1)):
        gates, d, hidden = 4 if op == "LSTM" else 3, 2 if direction == "bidirectional" else 1, 5
        arrays = [floats([6, 2, 3]), floats([d, gates * hidden, 3], -.5, .5), floats([d, gates * hidden, hidden], -.5, .5),
                  floats([d, 2 * gates * hidden]) if bias else None]
        if initial:
            arrays += [None, floats([d, 2, hidden])] + ([floats([d, 2, hidden])] if op == "LSTM" else [])
        for after in ((0, 1) if op == "GRU" else (None,)):
            for opset in (7, 14):
                add(op, opset, f"{direction} {after}", arrays, (1, 2, 3) if bias else (1, 2), outputs=3 if op == "LSTM" else 2,
                    direction=direction, hidden_size=hidden, linear_before_reset=after)


def images():
    for opset, dilation, stride in itertools.product((7, 11, 22), (1, 2), (1, 2, 3)):
        x, line = floats([1, 4, 6, 7]), floats([2, 4, 9])
        add("ConvTranspose", opset, f"2d {stride} {dilation}", [x, floats([4, 3, 3, 2]), floats([3])], (1, 2), strides=[stride, stride],
            dilations=[dilation, dilation], pads=[1, 0, 1, 1])
        add("ConvTranspose", opset, f"1d {stride} {dilation}", [line, floats([4, 3, 3]), floats([3])], (1, 2), strides=[stride],
            dilations=[dilation], pads=[1, 0])
        add("ConvTranspose", opset, f"groups {stride} {dilation}", [line, floats([4, 3, 3])], (1,), strides=[stride], dilations=[dilation],
            group=2, output_padding=[stride - 1])
        add("Conv", opset, f"1d {stride} {dilation}", [line, floats([6, 2, 3]), floats([6])], (1, 2), strides=[stride],
            dilations=[dilation], group=2, pads=[2, 1])
    for auto in ("SAME_UPPER", "SAME_LOWER"):
        add("ConvTranspose", 11, f"1d {auto}", [floats([1, 4, 9]), floats([4, 3, 3])], (1,), strides=[2], auto_pad=auto)
    add("ConvTranspose", 11, "1d output_shape", [floats([1, 4, 9]), floats([4, 3, 3])], (1,), strides=[2], output_shape=[20])
    for ceil, pads, stride, order in itertools.product((0, 1), ([0] * 4, [1, 0, 1, 1]), (1, 2), (0, 1)):
        add("MaxPool", 12, f"indices {ceil} {pads} {stride} {order}", [floats([2, 3, 7, 8])], outputs=2, kernel_shape=[3, 2],
            strides=[stride, stride], pads=pads, ceil_mode=ceil, storage_order=order)
    add("MaxPool", 12, "indices dilated", [floats([1, 2, 9, 9])], outputs=2, kernel_shape=[3, 3], dilations=[2, 2])
    for opset in versions("Dropout"):
        if opset >= 10:
            add("Dropout", opset, "mask", [floats([2, 3])], outputs=2)
    for mode, block, opset in itertools.product(("DCR", "CRD"), (2, 3), (11, 13)):
        add("DepthToSpace", opset, f"{mode} {block}", [floats([2, 36, 3, 4])], mode=mode, blocksize=block)
    for pads in ([0, 1, 2, 1, 3, 0], [2, 0, 0, 0, 0, 4]):
        for mode in ("constant", "edge", "wrap", "reflect"):
            if mode != "reflect" or max(pads) < 4 and pads[0] < 2:
                add("Pad", 19, f"{mode} {pads}", [floats([2, 3, 4]), np.array(pads)], (1,), mode=mode)


def resizes():
    shape = [1, 2, 6, 9]
    coordinates = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric")
    for mode, coordinate, scale in itertools.product(("nearest", "linear", "cubic"), coordinates, (.6, 1.5, 2, .4)):
        for nearest in (("round_prefer_floor", "round_prefer_ceil", "floor", "ceil") if mode == "nearest" else (None,)):
            attributes = {"mode": mode, "coordinate_transformation_mode": coordinate, "nearest_mode": nearest}
            scales, sizes = np.array([1, 1, scale, scale], np.float32), np.array([1, 2, int(6 * scale), int(9 * scale) + 1])
            add("Resize", 19, f"{mode} {coordinate} {nearest} scales {scale}", [floats(shape), None, scales], (2,), **attributes)
            add("Resize", 19, f"{mode} {coordinate} {nearest} sizes {scale}", [floats(shape), None, None, sizes], (3,), **attributes)
    for mode, scale, exclude in itertools.product(("linear", "cubic"), (.3, .6, 1.5), (0, 1)):
        scales = np.array([1, 1, scale, scale], np.float32)
        add("Resize", 18, f"antialias {mode} {scale} {exclude}", [floats([1, 2, 13, 11]), None, scales], (2,), mode=mode, antialias=1,
            exclude_outside=exclude)
    roi = np.array([0, 0, .1, -.2, 1, 1, .7, 1.2], np.float32)
    for mode, opset in itertools.product(("nearest", "linear", "cubic"), (11, 13, 19)):
        add("Resize", opset, f"crop {mode}", [floats(shape), roi, np.zeros(0, np.float32), np.array([1, 2, 5, 7])], (1, 2, 3), mode=mode,
            coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value=3.0)
    for policy, mode in itertools.product(("not_larger", "not_smaller"), ("nearest", "linear")):
        for sizes in ([5, 20], [20, 5], [7, 8]):
            add("Resize", 18, f"{policy} {mode} {sizes}", [floats(shape), None, None, np.array(sizes)], (3,), axes=[2, 3], mode=mode,
                keep_aspect_ratio_policy=policy)


def model_of(opset, node, arrays, constants):
    inputs = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype) if hasattr(helper, "np_dtype_to_tensor_dtype")
                                            else onnx.mapping.NP_TYPE_TO_TENSOR_TYPE[a.dtype], a.shape)
              for n, a in arrays.items() if n not in constants]
    graph = helper.make_graph([node], "op", inputs, [onnx.ValueInfoProto(name=o) for o in node.output],
                              [numpy_helper.from_array(arrays[n], n) for n in constants])
    opsets = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(node.domain, 1)] if node.domain else [])
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = 8
    return model


def difference(wanted, got):
    if wanted.shape != got.shape or wanted.dtype != got.dtype:
        return f"{got.dtype} {got.shape} for {wanted.dtype} {wanted.shape}", float("inf")
    if wanted.size == 0:
        return "", 0.0
    if wanted.dtype != np.float32:
        return "", float(np.abs(wanted.astype(np.float64) - got.astype(np.float64)).max())
    finite = np.isfinite(wanted)
    if not np.array_equal(wanted[~finite], got[~finite], equal_nan=True):
        return "infinities or NaN elsewhere", float("inf")
    if not finite.any():
        return "", 0.0
    spread = max(float(np.ptp(wanted[finite])), float(np.abs(wanted[finite]).max()) * 1e-2, 1e-30)
    return "", float(np.abs(wanted - got)[finite].max() / spread)


def octet(folder, programs, arrays, constants):
    """Octet's outputs, or what it says."""
    model = folder / "m.octet"
    inputs = [a for n in arrays if n not in constants for a in ("--input", f"{n}={folder}/{n}.npy")]
    for command in ([programs / "octet-convert", "convert", folder / "model.onnx", "-o", model],
                    [programs / "octet-run", model, "--output-dir", folder / "octet", "--precision", "fp32", *inputs]):
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
        if done.returncode:
            return None, re.sub(r"^.*?(\): |\.octet: )", "", (done.stderr.strip().splitlines() or ["?"])[-1])
    return [np.load(folder / "octet" / f"{n}.npy") for n in sorted(p.stem for p in (folder / "octet").glob("*.npy"))], ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build/release")
    parser.add_argument("--modules", type=pathlib.Path, default=HERE, help="where node_modules lies")
    parser.add_argument("ops", nargs="*", help="these alone")
    given = parser.parse_args()
    for family in (unary, binary, along_an_axis, matrices, recurrent, images, resizes):
        family()
    cases = [c for c in CASES if not given.ops or c[0] in given.ops]
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        for i, (_, opset, _, node, arrays, constants) in enumerate(cases):
            folder = work / str(i)
            folder.mkdir()
            onnx.save(model_of(opset, node, arrays, constants), folder / "model.onnx")
            for name, array in arrays.items():
                if name not in constants:
                    np.save(folder / f"{name}.npy", array)
        subprocess.run(["node", str(HERE / "run_all.mjs"), str(work)], cwd=given.modules, check=True)
        rows = collections.defaultdict(lambda: {"opsets": set(), "right": 0, "refused": [], "wrong": 0, "worst": 0.0})
        for i, (op, opset, what, node, arrays, constants) in enumerate(cases):
            folder = work / str(i)
            wanted = [np.load(folder / "ort" / f"{k}.npy") for k in range(len(node.output))] if (folder / "ort/0.npy").exists() else None
            if wanted is None:
                continue  # a type or opset that ONNX Runtime does not have
            row = rows[(node.domain + "." if node.domain else "") + op]
            row["opsets"].add(opset)
            got, text = octet(folder, given.build / "bin", arrays, constants)
            if got is None:
                row["refused"].append(text)
                print(f"{op} {opset} {what}: refused: {text}", file=sys.stderr)
                continue
            worst = max(zip(wanted, got), key=lambda p: difference(*p)[1])
            text, size = difference(*worst)
            if size <= LIMIT:
                row["right"] += 1
                row["worst"] = max(row["worst"], size)
            else:
                row["wrong"] += 1
                print(f"{op} {opset} {what}: differs by {size} {text}", file=sys.stderr)
    print("# Ops against ONNX Runtime\n\nMade by `benchmarks/ort/compare_ops.py`, run on demand: single nodes over opsets, ranks, negative "
          "axes, empty dims and types, with\nONNX Runtime 1.30. Differences are parts of the output's range; what is no float has to be "
          "equal.\n\n| op | opsets | equal | refused | different | largest difference |\n|---|---|---|---|---|---|")
    for op, row in sorted(rows.items()):
        opsets = ", ".join(map(str, sorted(row["opsets"])))
        print(f"| {op} | {opsets} | {row['right']} | {len(row['refused'])} | {row['wrong']} | {row['worst']:.1e} |")
    print("\nWhat was refused:\n")
    for op, row in sorted(rows.items()):
        for text, count in sorted(collections.Counter(row["refused"]).items()):
            print(f"- {op}, {count}: {text}")
    return any(row["wrong"] for row in rows.values())


sys.exit(main())
