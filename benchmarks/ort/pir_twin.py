#!/usr/bin/python3
"""Gives a Paddle 3 program (PIR) seeded weights, and writes the same network as ONNX, for ONNX Runtime to run.
Usage: pir_twin.py PROGRAM.json FOLDER [--outputs NAMES]
FOLDER gets inference.json, inference.pdiparams and twin.onnx, which compare_outputs.py --paddle FOLDER FOLDER/twin.onnx compares.
With --outputs (Octet's names: op.number) what stands behind them is left out: suppression, which ONNX does not have.
Reads the JSON by itself, so that it shares no table with the converter. Ops: those of PP-LCNet, PicoDet, RT-DETR and the SVTR
recogniser. Needs python3-onnx."""
import argparse
import json
import pathlib
import shutil
import struct
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ELEMENTS = {"bool": (0, np.bool_, TensorProto.BOOL), "i32": (2, np.int32, TensorProto.INT64), "i64": (3, np.int64, TensorProto.INT64),
            "f32": (5, np.float32, TensorProto.FLOAT)}
DTYPES = {"bool": np.bool_, "int32": np.int64, "int64": np.int64, "float32": np.float32}
SAME = {"relu": "Relu", "sigmoid": "Sigmoid", "sqrt": "Sqrt", "log": "Log", "floor": "Floor", "exp": "Exp", "hardswish": "HardSwish",
        "add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "where": "Where", "assign": "Identity"}


def payload(typed):
    if typed["#"] == "0.a_array":
        return [payload(t) for t in typed["D"]]
    return typed.get("D")


class Op:
    def __init__(self, number, op):
        dialect, self.name = ("", "p") if op["#"] == "p" else op["#"].split(".", 1)
        self.name = ("builtin." if dialect == "0" else "") + self.name.removesuffix("_")
        self.number = number
        self.inputs = [i["%"] for i in op.get("I", [])]
        self.results = op["O"] if isinstance(op["O"], list) else [op["O"]]
        self.outputs = [o["%"] for o in self.results]
        self.attrs = op["A"] if self.name == "p" else {a["N"]: payload(a["AT"]) for a in op["A"]}

    def shape(self, i=0):
        return self.results[i]["TT"]["D"][1]


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def record(kind, array):
    desc = b"\x08" + varint(kind) + b"".join(b"\x10" + varint(d) for d in array.shape)
    return struct.pack("<IQIi", 0, 0, 0, len(desc)) + desc + array.tobytes()


def seeded(ops):
    """Values of every parameter, of a scale that keeps activations in range: what reads one decides."""
    roles = {}
    for op in ops:
        for i, value in enumerate(op.inputs):
            roles.setdefault(value, (op.name, i))
    random, values = np.random.default_rng(5), {}
    for op in sorted((o for o in ops if o.name == "p"), key=lambda o: o.attrs[3].encode()):
        kind = op.results[0]["TT"]["D"][0]["#"].removeprefix("0.t_")
        shape, (role, place) = op.shape(), roles.get(op.outputs[0], ("", 0))
        low, high = -0.2, 0.2
        if role == "batch_norm" and place in (2, 3) or role == "layer_norm" and place == 1:
            low, high = 0.5, 1.5  # variance and scale
        elif role in ("conv2d", "depthwise_conv2d"):
            high = (6 / max(1, np.prod(shape[1:]))) ** 0.5
            low = -high
        elif role in ("matmul", "slice") and len(shape) == 2:
            high = (3 / shape[0]) ** 0.5
            low = -high
        elif len(shape) == 2 and shape[0] > 1000:
            low, high = (0, 20) if shape[1] == 2 else (8, 32)  # centres of cells and their strides
        array = random.uniform(low, high, shape)
        if role == "matmul" and len(shape) == 1:
            array = np.arange(shape[0])  # what the bins of a distance stand for
        values[op.outputs[0]] = array.astype(ELEMENTS[kind][1]) if kind != "bool" else random.uniform(0, 1, shape) < 0.9
    return values


class Twin:
    def __init__(self, values):
        self.nodes, self.initializers, self.count = [], [], 0
        self.names, self.known = {0: None}, {}  # value to ONNX name, or list of names; to what it is where that is constant
        self.shapes = {value: array.shape for value, array in values.items()}
        for value, array in values.items():
            self.names[value] = self.const(array, array.dtype)

    def emit(self, kind, inputs, outputs=1, **attributes):
        self.count += 1
        made = [f"{kind}_{self.count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, [i or "" for i in inputs], made, **attributes))
        return made[0] if outputs == 1 else made

    def const(self, value, dtype=np.int64):
        self.count += 1
        self.initializers.append(numpy_helper.from_array(np.asarray(value, dtype), f"const_{self.count}"))
        return self.initializers[-1].name

    def argument(self, op, name, place):
        """What was an attribute once, as numbers."""
        return op.attrs[name] if name in op.attrs else self.known[op.inputs[place]].tolist()

    def axis(self, op, place):
        value = self.argument(op, "axis", place)
        return value[0] if isinstance(value, list) else value

    def integers(self, x):
        return self.emit("Cast", [x], to=TensorProto.INT64)


def constant(t, op):
    a = op.attrs
    if op.name == "full":
        return np.full(a["shape"], a["value"], DTYPES[a["dtype"]])
    if op.name == "full_int_array":
        return np.array(a["value"], np.int64)
    if op.name == "assign_value":
        return np.array(a["values"], DTYPES[a["dtype"]]).reshape(a["shape"])
    return None


def pads_of(a, kernel):
    p = a["paddings"]
    if a["padding_algorithm"] == "SAME":
        assert a["strides"] == [1, 1]
        return [(k - 1) // 2 for k in kernel] + [k - 1 - (k - 1) // 2 for k in kernel]
    return [p[0], p[1]] * 2 if len(p) == 2 else [p[0], p[2], p[1], p[3]]


def pool(t, op, x):
    a, kernel = op.attrs, t.argument(op, "kernel_size", 1)
    kind = "Max" if a["pooling_type"] == "max" else "Average"
    if a["global_pooling"] or a["adaptive"] and kernel == [1, 1]:
        return t.emit(f"Global{kind}Pool", [x])
    assert not a["adaptive"]
    extra = {} if kind == "Max" else {"count_include_pad": int(not a["exclusive"])}
    pads = pads_of(a, kernel)
    if a["padding_algorithm"] == "SAME" and kind == "Max":  # ceil_mode cannot matter with a stride of 1
        return t.emit("MaxPool", [x], kernel_shape=kernel, strides=a["strides"], pads=pads)
    return t.emit(f"{kind}Pool", [x], kernel_shape=kernel, strides=a["strides"], pads=pads, ceil_mode=int(a["ceil_mode"]), **extra)


def interp(t, op, x):
    a = op.attrs
    assert not a["align_corners"] and a["scale"] and op.name == "nearest_interp"
    return t.emit("Resize", [x, "", t.const([1, 1, *a["scale"]], np.float32)], mode="nearest", nearest_mode="floor",
                  coordinate_transformation_mode="asymmetric")


def flatten(t, op, x):
    shape, start, stop = t.emit("Shape", [x]), op.attrs["start_axis"], op.attrs["stop_axis"]
    parts = [t.emit("Slice", [shape, t.const([0]), t.const([start])]), t.const([-1])]
    return t.emit("Reshape", [x, t.emit("Concat", [*parts, t.emit("Slice", [shape, t.const([stop + 1]), t.const([99])])], axis=0)])


def slices(t, op, x):
    starts, ends = t.argument(op, "starts", 1), t.argument(op, "ends", 2)
    y = t.emit("Slice", [x, t.const(starts), t.const(ends), t.const(op.attrs["axes"])])
    gone = op.attrs["decrease_axis"]
    return t.emit("Squeeze", [y, t.const(gone)]) if gone else y


def layer_norm(t, op, x):
    axes = list(range(op.attrs["begin_norm_axis"] - len(op.shape()), 0))
    centred = t.emit("Sub", [x, t.emit("ReduceMean", [x], axes=axes)])
    variance = t.emit("ReduceMean", [t.emit("Mul", [centred, centred])], axes=axes)
    deviation = t.emit("Sqrt", [t.emit("Add", [variance, t.const(op.attrs["epsilon"], np.float32)])])
    y = t.emit("Div", [centred, deviation])
    for kind, value in zip(("Mul", "Add"), op.inputs[1:]):
        y = t.emit(kind, [y, t.names[value]]) if value else y
    return [y]


def scale(t, op, x):
    kind = np.float32 if op.results[0]["TT"]["D"][0]["#"] == "0.t_f32" else np.int64
    factor, bias = t.const(np.ravel(t.argument(op, "scale", 1))[0], kind), t.const(op.attrs["bias"], kind)
    if op.attrs["bias_after_scale"]:
        return t.emit("Add", [t.emit("Mul", [x, factor]), bias])
    return t.emit("Mul", [t.emit("Add", [x, bias]), factor])


def gelu(t, op, x):
    assert not op.attrs["approximate"]
    gate = t.emit("Add", [t.emit("Erf", [t.emit("Mul", [x, t.const(0.5 ** 0.5, np.float32)])]), t.const(1, np.float32)])
    return t.emit("Mul", [t.emit("Mul", [x, gate]), t.const(0.5, np.float32)])


def stack(t, op, x):
    return t.emit("Concat", [t.emit("Unsqueeze", [n, t.const([op.attrs["axis"]])]) for n in x], axis=op.attrs["axis"])


def split(t, op, x):
    if op.name == "split_with_num":
        return t.emit("Split", [x], op.attrs["num"], axis=t.axis(op, 1))
    sections = t.argument(op, "sections", 1)
    return t.emit("Split", [x, t.const(sections)], len(sections), axis=t.axis(op, 2))


def reduced(t, op, x):
    axes, keep = t.argument(op, "axis", 1), int(op.attrs["keepdim"])
    if op.name == "sum":
        return t.emit("ReduceSum", [x, t.const(axes)], keepdims=keep)
    return t.emit(f"Reduce{op.name.capitalize()}", [x], axes=axes, keepdims=keep)


def tile(t, op, x):
    repeats = t.integers(t.names[op.inputs[1]])
    rank, known = len(op.shape()), t.known.get(op.inputs[1])
    assert known is None or len(known) == rank
    return t.emit("Tile", [t.emit("Reshape", [x, t.const([1])]) if known is None and rank == 1 else x, repeats])


def whole(t, op, x):
    y = t.names[op.inputs[1]]
    quotient = t.emit("Div", [x, y])  # of whole numbers that are not negative
    return quotient if op.name == "floor_divide" else t.emit("Sub", [x, t.emit("Mul", [quotient, y])])


def matmul(t, op, x):
    y = t.names[op.inputs[1]]
    turned = lambda value: t.emit("Transpose", [value], perm=[*range(len(op.shape()) - 2), len(op.shape()) - 1, len(op.shape()) - 2])
    return t.emit("MatMul", [turned(x) if op.attrs["transpose_x"] else x, turned(y) if op.attrs["transpose_y"] else y])


def simple(t, op, x):
    """Ops that are one node, or two."""
    a, rest = op.attrs, [t.names.get(i) for i in op.inputs[1:]]
    onnx_type = {np.float32: TensorProto.FLOAT, np.int64: TensorProto.INT64, np.bool_: TensorProto.BOOL}
    forms = {
        "conv2d": lambda: t.emit("Conv", [x, *rest], strides=a["strides"], dilations=a["dilations"], group=a["groups"], pads=pads_of(a, t.shapes[op.inputs[1]][2:])),
        "batch_norm": lambda: [t.emit("BatchNormalization", [x, rest[2], rest[3], rest[0], rest[1]], epsilon=a["epsilon"])],
        "hardsigmoid": lambda: t.emit("HardSigmoid", [x], alpha=a["slope"], beta=a["offset"]),
        "silu": lambda: t.emit("Mul", [x, t.emit("Sigmoid", [x])]),
        "softmax": lambda: t.emit("Softmax", [x], axis=a["axis"]),
        "transpose": lambda: t.emit("Transpose", [x], perm=a["perm"]),
        "reshape": lambda: t.emit("Reshape", [x, t.integers(rest[0])]),
        "unsqueeze": lambda: t.emit("Unsqueeze", [x, rest[0]]),
        "squeeze": lambda: t.emit("Squeeze", [x, rest[0]]),
        "concat": lambda: t.emit("Concat", x, axis=t.axis(op, 1)),
        "shape64": lambda: t.emit("Shape", [x]),
        "cast": lambda: t.emit("Cast", [x], to=onnx_type[DTYPES[a["dtype"]]]),
        "full_like": lambda: t.emit("Expand", [t.const(t.known[op.inputs[1]].ravel()[0], DTYPES[a["dtype"]]), t.emit("Shape", [x])]),
        "topk": lambda: t.emit("TopK", [x, t.const(t.known[op.inputs[1]].ravel())], 2, axis=a["axis"]),
        "arange": lambda: t.emit("Range", [t.emit("Squeeze", [n]) for n in (x, *rest)]),
        "gather_nd": lambda: t.emit("GatherND", [x, *rest]),
        "grid_sample": lambda: t.emit("GridSample", [x, *rest], mode=a["mode"], padding_mode=a["padding_mode"], align_corners=int(a["align_corners"])),
        "clip": lambda: t.emit("Clip", [x, *(t.const(t.known[i].ravel()[0], np.float32) for i in op.inputs[1:])]),
        "flip": lambda: t.emit("Slice", [x, t.const([-1]), t.const([-(2 ** 40)]), t.const(a["axis"]), t.const([-1])]),
        "dropout": lambda: [x],
    }
    forms["swish"], forms["depthwise_conv2d"] = forms["silu"], forms["conv2d"]
    if op.name in SAME:
        return t.emit(SAME[op.name], [x, *rest])
    if op.name not in forms:
        sys.exit(f"{op.name}: this op is not written")
    return forms[op.name]()


OTHERS = {"pool2d": pool, "nearest_interp": interp, "flatten": flatten, "slice": slices, "layer_norm": layer_norm, "scale": scale, "gelu": gelu,
          "stack": stack, "matmul": matmul, "split": split, "split_with_num": split, "sum": reduced, "max": reduced, "mean": reduced, "tile": tile,
          "floor_divide": whole, "remainder": whole}


def add(t, op, inputs):
    if op.name == "data":
        kind = op.results[0]["TT"]["D"][0]["#"].removeprefix("0.t_")
        shape = [d if d > 0 else f"d{i}" for i, d in enumerate(op.shape())]
        inputs.append(helper.make_tensor_value_info(op.attrs["name"], ELEMENTS[kind][2], shape))
        made = [op.attrs["name"]]
    elif (value := constant(t, op)) is not None:
        t.known[op.outputs[0]] = value
        made = [t.const(value, value.dtype)]
    elif op.name == "builtin.combine":
        made = [[t.names[i] for i in op.inputs]]
    elif op.name == "builtin.split":
        made = t.names[op.inputs[0]]
    else:
        made = OTHERS.get(op.name, simple)(t, op, t.names[op.inputs[0]])
        vector = op.name in ("split", "split_with_num")
        made = [made] if vector or not isinstance(made, list) else made
    t.names.update(zip(op.outputs, made))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--outputs", type=lambda s: s.split(","))
    args = parser.parse_args()
    block = json.loads(args.program.read_text())["program"]["regions"][0]["blocks"][0]
    ops = [Op(i, op) for i, op in enumerate(block["ops"])]
    values = seeded(ops)
    args.folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(args.program, args.folder / "inference.json")
    parameters = sorted((o for o in ops if o.name == "p"), key=lambda o: o.attrs[3].encode())
    kinds = {o.outputs[0]: ELEMENTS[o.results[0]["TT"]["D"][0]["#"].removeprefix("0.t_")][0] for o in parameters}
    (args.folder / "inference.pdiparams").write_bytes(b"".join(record(kinds[o.outputs[0]], values[o.outputs[0]]) for o in parameters))

    fetched = {o.attrs["name"]: o.inputs[0] for o in ops if o.name == "fetch"}
    if args.outputs:
        fetched = {name: int(name.rsplit(".", 1)[1]) for name in args.outputs}
    wanted, needed = set(fetched.values()), []
    for op in reversed(ops):
        if op.name not in ("p", "fetch") and wanted.intersection(op.outputs):
            needed.append(op)
            wanted.update(op.inputs)
    twin, inputs = Twin({v: a for v, a in values.items() if v in wanted}), []
    for op in reversed(needed):
        add(twin, op, inputs)
    for name, value in fetched.items():
        twin.nodes.append(helper.make_node("Identity", [twin.names[value]], [name]))
    graph = helper.make_graph(twin.nodes, "twin", inputs, [onnx.ValueInfoProto(name=n) for n in fetched], twin.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)
    onnx.save(model, args.folder / "twin.onnx")


main()
