#!/usr/bin/python3
"""Gives a Paddle program seeded weights, and writes the same network as ONNX, for ONNX Runtime to run.
Usage: paddle_twin.py PROGRAM.pdmodel FOLDER [--outputs NAMES]
FOLDER gets model.pdmodel, model.pdiparams and twin.onnx, which compare_outputs.py --paddle FOLDER FOLDER/twin.onnx compares.
Ops: those of the detectors and segmenters whose programs are tested without weights. Needs python3-onnx and protoc."""
import argparse
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NUMPY = {2: np.int32, 3: np.int64, 5: np.float32, 0: np.bool_}
ONNX = {2: TensorProto.INT64, 3: TensorProto.INT64, 5: TensorProto.FLOAT, 0: TensorProto.BOOL}


def paddle_proto():
    folder = tempfile.mkdtemp()
    subprocess.run(["protoc", f"--python_out={folder}", f"-I{ROOT / 'converter/import/paddle'}", "paddle.proto"], check=True)
    sys.path.insert(0, folder)
    import paddle_pb2
    return paddle_pb2


class Op:
    def __init__(self, op):
        self.type = op.type
        self.inputs = {i.parameter: list(i.arguments) for i in op.inputs if i.arguments}
        self.outputs = {o.parameter: list(o.arguments) for o in op.outputs if o.arguments}
        self.attrs = {a.name: a for a in op.attrs}

    def x(self, parameter="X"):
        return self.inputs[parameter][0]

    def get(self, name, otherwise):
        a = self.attrs.get(name)
        if a is None:
            return otherwise
        lists = {3: a.ints, 4: a.floats, 11: a.longs}
        if a.type in lists:
            return list(lists[a.type])
        return {0: a.i, 1: a.f, 2: a.s.decode(), 6: a.b, 9: a.l}[a.type]


def seeded(program, ops):
    """Values of every parameter, of a scale that keeps activations in range."""
    role = {}
    for op in ops:
        for parameter, names in op.inputs.items():
            for name in names:
                role.setdefault(name, parameter if op.type == "batch_norm" or parameter != "Y" else op.type)
    random, values = np.random.default_rng(5), {}
    for var in sorted(program.blocks[0].vars, key=lambda v: v.name.encode()):
        if not var.persistable or var.type.type != 7:
            continue
        desc = var.type.lod_tensor.tensor
        shape, kind = list(desc.dims), role.get(var.name, "")
        low, high = -0.2, 0.2
        if kind in ("Variance", "Scale"):
            low, high = 0.5, 1.5
        if kind in ("InScale", "elementwise_div"):
            low, high = 2, 4
        if kind == "Filter":
            high = (6 / max(1, np.prod(shape[1:]))) ** 0.5
            low = -high
        values[var.name] = random.uniform(low, high, shape).astype(NUMPY[desc.data_type])
    return values


def record(array, proto):
    desc = proto.TensorDesc(data_type={v: k for k, v in NUMPY.items()}[array.dtype.type], dims=array.shape).SerializeToString()
    return struct.pack("<IQIi", 0, 0, 0, len(desc)) + desc + array.tobytes()


class Twin:
    def __init__(self, values):
        self.nodes, self.initializers, self.count = [], [], 0
        self.names = {}  # variable to ONNX name: variables may be written twice
        for name, array in values.items():
            self.initializers.append(numpy_helper.from_array(array, name))
            self.names[name] = name
        self.values = values

    def emit(self, kind, inputs, outputs=1, **attributes):
        self.count += 1
        made = [f"{kind}_{self.count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, made, **attributes))
        return made[0] if outputs == 1 else made

    def const(self, value, dtype=np.int64):
        self.count += 1
        self.initializers.append(numpy_helper.from_array(np.asarray(value, dtype), f"const_{self.count}"))
        return self.initializers[-1].name

    def to_long(self, x):
        return self.emit("Reshape", [self.emit("Cast", [x], to=TensorProto.INT64), self.const([-1])])


def conv(t, op, x):
    pads = op.get("paddings", [0, 0])
    pads = [pads[0], pads[1]] * 2 if len(pads) == 2 else [pads[0], pads[2], pads[1], pads[3]]
    where = {"pads": pads, "dilations": op.get("dilations", [1, 1])}
    if op.get("padding_algorithm", "EXPLICIT") == "SAME":
        where = {"auto_pad": "SAME_UPPER"}
    return t.emit("Conv", [x, t.names[op.x("Filter")]], strides=op.get("strides", [1, 1]), group=op.get("groups", 1), **where)


def bins(t, x, size):
    """Means over size[0] by size[1] equal parts of the picture, whose sides must be multiples of that."""
    shape = t.emit("Shape", [x])
    side = [t.emit("Div", [t.emit("Slice", [shape, t.const([2 + i]), t.const([3 + i])]), t.const([size[i]])]) for i in (0, 1)]
    front = t.emit("Slice", [shape, t.const([0]), t.const([2])])
    split = t.emit("Concat", [front, t.const([size[0]]), side[0], t.const([size[1]]), side[1]], axis=0)
    return t.emit("ReduceMean", [t.emit("Reshape", [x, split])], axes=[3, 5], keepdims=0)


def pool(t, op, x):
    kind = "Max" if op.get("pooling_type", "max") == "max" else "Average"
    size = op.get("ksize", [1, 1])
    if op.get("global_pooling", False) or (op.get("adaptive", False) and size == [1, 1]):
        return t.emit(f"Global{kind}Pool", [x])
    if op.get("adaptive", False):
        return bins(t, x, size)
    p = op.get("paddings", [0, 0])
    extra = {} if kind == "Max" else {"count_include_pad": int(not op.get("exclusive", True))}
    return t.emit(f"{kind}Pool", [x], kernel_shape=size, strides=op.get("strides", [1, 1]), pads=[p[0], p[1]] * 2,
                  ceil_mode=int(op.get("ceil_mode", False)), **extra)


def elementwise(t, op, x, ranks):
    y, axis = t.names[op.x("Y")], op.get("axis", -1)
    rank_x, rank_y = ranks[op.x("X")], ranks[op.x("Y")]
    if axis >= 0 and rank_x > rank_y and axis + rank_y < rank_x:
        y = t.emit("Unsqueeze", [y, t.const(range(rank_y, rank_x - axis))])
    kind = {"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div"}[op.type.split("_")[1]]
    return t.emit(kind, [x, y])


def interp(t, op, x):
    nearest = op.type.startswith("nearest")
    assert not op.get("align_corners", True)
    half = not nearest and op.get("align_mode", 1) == 0
    mode = {"mode": "nearest" if nearest else "linear", "nearest_mode": "floor",
            "coordinate_transformation_mode": "half_pixel" if half else "asymmetric"}
    given = op.inputs.get("SizeTensor") or op.inputs.get("OutSize")
    if given:
        front = t.emit("Slice", [t.emit("Shape", [x]), t.const([0]), t.const([2])])
        sizes = t.emit("Concat", [front, *(t.to_long(t.names[g]) for g in given)], axis=0)
        return t.emit("Resize", [x, "", "", sizes], **mode)
    scale = op.get("scale", [])
    scale = list(scale) * (1 if len(scale) == 2 else 2)
    return t.emit("Resize", [x, "", t.const([1, 1, *scale], np.float32)], **mode)


def slices(t, op, x):
    axes, starts, ends = (op.get(name, []) for name in ("axes", "starts", "ends"))
    y = t.emit("Slice", [x, t.const(starts), t.const(ends), t.const(axes)])
    gone = op.get("decrease_axis", [])
    return y if not gone or len(gone) == 1 and op.x("Input").startswith("shape") else t.emit("Squeeze", [y, t.const(gone)])


def reduced(t, op, x):
    kind, keep, dims = op.type.split("_")[1].capitalize(), int(op.get("keep_dim", False)), op.get("dim", [0])
    return t.emit(f"Reduce{kind}", [x], axes=dims, keepdims=keep)


def scaled(t, op, x):
    if (op.get("scale", 1.0), op.get("bias", 0.0)) == (1, 0):
        return t.emit("Identity", [x])
    factor, bias = (t.const(op.get(name, value), np.float32) for name, value in (("scale", 1.0), ("bias", 0.0)))
    if op.get("bias_after_scale", True):
        return t.emit("Add", [t.emit("Mul", [x, factor]), bias])
    return t.emit("Mul", [t.emit("Add", [x, bias]), factor])


def hard_sigmoid(t, x, slope, offset):
    return t.emit("HardSigmoid", [x], alpha=slope, beta=offset)


def node_of(t, op, ranks):
    """The ONNX names of the op's outputs."""
    x = t.names.get(op.inputs.get("X", op.inputs.get("Input", [""]))[0], "")
    kind = op.type
    if kind in ("conv2d", "depthwise_conv2d"):
        return conv(t, op, x)
    if kind == "batch_norm":
        names = [t.names[op.x(p)] for p in ("Scale", "Bias", "Mean", "Variance")]
        return t.emit("BatchNormalization", [x, *names], epsilon=op.get("epsilon", 1e-5))
    if kind == "pool2d":
        return pool(t, op, x)
    if kind in ("elementwise_add", "elementwise_sub", "elementwise_mul", "elementwise_div"):
        return elementwise(t, op, x, ranks)
    if kind.endswith("interp_v2"):
        return interp(t, op, x)
    if kind in ("relu", "sigmoid", "sqrt"):
        return t.emit(kind.capitalize(), [x])
    if kind == "swish":
        return t.emit("Mul", [x, t.emit("Sigmoid", [x])])
    if kind == "hard_sigmoid":
        return hard_sigmoid(t, x, op.get("slope", 0.2), op.get("offset", 0.5))
    if kind == "hard_swish":
        return t.emit("Mul", [x, hard_sigmoid(t, x, 1 / op.get("scale", 6.0), op.get("offset", 3.0) / op.get("scale", 6.0))])
    if kind == "reshape2":
        parts = op.inputs.get("ShapeTensor")
        shape = t.emit("Concat", [t.to_long(t.names[p]) for p in parts], axis=0) if parts else t.const(op.get("shape", []))
        return t.emit("Reshape", [x, shape])
    if kind == "transpose2":
        return t.emit("Transpose", [x], perm=op.get("axis", []))
    if kind == "squeeze2":
        return t.emit("Squeeze", [x, t.const(op.get("axes", []))])
    if kind == "concat":
        return t.emit("Concat", [t.names[n] for n in op.inputs["X"]], axis=op.get("axis", 0))
    if kind == "split":
        outputs, sections = len(op.outputs["Out"]), op.get("sections", [])
        return t.emit("Split", [x] + ([t.const(sections)] if sections else []), outputs, axis=op.get("axis", 0))
    if kind == "softmax":
        return t.emit("Softmax", [x], axis=op.get("axis", -1))
    if kind == "matmul_v2":
        assert not op.get("trans_x", False) and not op.get("trans_y", False)
        return t.emit("MatMul", [x, t.names[op.x("Y")]])
    if kind in ("reduce_mean", "reduce_max"):
        return reduced(t, op, x)
    if kind == "scale":
        return scaled(t, op, x)
    if kind == "shape":
        return t.emit("Shape", [x])
    if kind == "slice":
        return slices(t, op, x)
    if kind == "arg_max":
        return t.emit("ArgMax", [x], axis=op.get("axis", -1), keepdims=int(op.get("keepdims", False)))
    sys.exit(f"{kind}: this op is not written")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--outputs", type=lambda s: s.split(","))
    args = parser.parse_args()
    proto = paddle_proto()
    program = proto.ProgramDesc()
    program.ParseFromString(args.program.read_bytes())
    ops = [Op(op) for op in program.blocks[0].ops]
    variables = {v.name: v.type.lod_tensor.tensor for v in program.blocks[0].vars}
    ranks = {name: len(desc.dims) for name, desc in variables.items()}
    values = seeded(program, ops)
    args.folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(args.program, args.folder / "model.pdmodel")
    (args.folder / "model.pdiparams").write_bytes(b"".join(record(values[n], proto) for n in sorted(values, key=str.encode)))

    outputs = args.outputs or [op.x() for op in ops if op.type == "fetch"]
    wanted, needed = set(outputs), []
    for op in reversed(ops):
        if any(name in wanted for names in op.outputs.values() for name in names):
            needed.append(op)
            wanted.update(name for names in op.inputs.values() for name in names)
    twin = Twin(values)
    inputs = []
    for op in reversed(needed):
        if op.type == "feed":
            name = op.outputs["Out"][0]
            shape = [d if d > 0 else f"d{i}" for i, d in enumerate(variables[name].dims)]
            inputs.append(helper.make_tensor_value_info(name, ONNX[variables[name].data_type], shape))
            twin.names[name] = name
            continue
        made = node_of(twin, op, ranks)
        main_output = next(p for p in ("Out", "Output", "Y") if p in op.outputs)
        for name, value in zip(op.outputs[main_output], made if isinstance(made, list) else [made]):
            twin.names[name] = value
    for name in outputs:
        twin.nodes.append(helper.make_node("Identity", [twin.names[name]], [name]))
    graph = helper.make_graph(twin.nodes, "twin", inputs, [onnx.ValueInfoProto(name=n) for n in outputs], twin.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, args.folder / "twin.onnx")


main()
