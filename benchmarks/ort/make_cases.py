#!/usr/bin/python3
"""Writes small ONNX models of what exporters differ in, one folder full, for compare_outputs.py."""
import argparse
import itertools
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder", type=pathlib.Path, help="where the models go; made where it is missing")
OUT = parser.parse_args().folder
RANDOM = np.random.default_rng(1)


class Case:
    """A graph on the way; each call returns the new tensor's name."""

    def __init__(self, opset=13):
        self.opset, self.nodes, self.constants, self.inputs = opset, [], [], []

    def input(self, shape, dtype=TensorProto.FLOAT, name="x"):
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def const(self, values, dtype=np.float32):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def random(self, *shape, low=-1.0, high=1.0):
        return self.const(RANDOM.uniform(low, high, shape))

    def ints(self, *values):
        return self.const(values, np.int64)

    def op(self, kind, *inputs, outputs=1, **attributes):
        names = [f"t{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=f"{kind}{len(self.nodes)}", **attributes))
        return names[0] if outputs == 1 else names

    def save(self, name, *outputs):
        graph = helper.make_graph(self.nodes, name, self.inputs, [onnx.ValueInfoProto(name=o) for o in outputs], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)])
        model.ir_version = 8
        onnx.save(model, OUT / f"{name}.onnx")


def one(name, opset, shape, kind, *operands, **attributes):
    """A single op on a float input; operands are arrays, attributes as they are."""
    case = Case(opset)
    x = case.input(shape)
    rest = ["" if o is None else case.const(o, np.asarray(o).dtype) for o in operands]
    made = case.op(kind, x, *rest, **attributes)
    case.save(name, *([made] if isinstance(made, str) else made))


def f32(*shape):
    return RANDOM.uniform(-1, 1, shape).astype(np.float32)


def convolutions():
    for pad, stride, kernel in itertools.product(("SAME_UPPER", "SAME_LOWER", "VALID"), (1, 2, 3), (2, 3)):
        one(f"conv_{pad}_s{stride}_k{kernel}", 13, [1, 3, 10, 11], "Conv", f32(5, 3, kernel, kernel), f32(5), auto_pad=pad,
            strides=[stride, stride])
    one("conv_pads", 13, [1, 4, 9, 9], "Conv", f32(6, 4, 3, 3), pads=[0, 0, 1, 1], strides=[2, 2])
    one("conv_groups", 13, [1, 8, 9, 9], "Conv", f32(12, 2, 3, 3), f32(12), group=4, pads=[1, 1, 1, 1])
    one("conv_dilated_depthwise", 11, [1, 8, 12, 12], "Conv", f32(8, 1, 3, 3), group=8, pads=[2, 2, 2, 2], dilations=[2, 2])
    one("conv_multiplier", 11, [1, 4, 12, 12], "Conv", f32(8, 1, 3, 3), group=4, pads=[1, 1, 1, 1])
    one("conv_transpose", 11, [1, 4, 6, 7], "ConvTranspose", f32(4, 5, 3, 3), f32(5), strides=[2, 2], pads=[1, 1, 1, 1],
        output_padding=[1, 1])
    one("conv_transpose_same", 11, [1, 4, 6, 7], "ConvTranspose", f32(4, 5, 3, 3), strides=[2, 2], auto_pad="SAME_UPPER")
    one("conv_transpose_same_lower", 11, [1, 4, 6, 7], "ConvTranspose", f32(4, 5, 3, 3), strides=[2, 2], auto_pad="SAME_LOWER")
    one("conv_transpose_shape", 11, [1, 4, 6, 7], "ConvTranspose", f32(4, 5, 3, 3), strides=[2, 2], output_shape=[12, 14])
    one("conv_transpose_groups", 11, [1, 4, 6, 7], "ConvTranspose", f32(4, 2, 2, 2), strides=[2, 2], group=2)


def deformable():
    for opset, (groups, places, stride, mask) in itertools.product((19, 22), ((1, 1, 1, 1), (2, 1, 2, 0), (1, 3, 1, 1))):
        case = Case(opset)
        side = 9 if stride == 1 else 5
        rest = [case.random(4)] if mask else []
        if mask:
            rest.append(case.random(1, 9 * places, side, side))
        y = case.op("DeformConv", case.input([1, 6, 9, 9]), case.random(4, 6 // groups, 3, 3),
                    case.random(1, 18 * places, side, side, low=-3, high=3), *rest, pads=[1, 1, 1, 1], group=groups,
                    offset_group=places, strides=[stride, stride])
        case.save(f"deform_conv_{opset}_{groups}_{places}_{stride}", y)


def pools():
    for pads, include, ceil, opset in itertools.product(([0, 0, 0, 0], [1, 1, 1, 1], [1, 0, 0, 1]), (0, 1), (0, 1), (11, 19)):
        name = f"average_{''.join(map(str, pads))}_include{include}_ceil{ceil}_{opset}"
        one(name, opset, [1, 3, 10, 13], "AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=pads, ceil_mode=ceil,
            count_include_pad=include)
    for pad in ("SAME_UPPER", "SAME_LOWER"):
        one(f"average_{pad}", 11, [1, 3, 10, 13], "AveragePool", kernel_shape=[3, 3], strides=[2, 2], auto_pad=pad)
        one(f"average_{pad}_include", 11, [1, 3, 10, 13], "AveragePool", kernel_shape=[3, 3], strides=[2, 2], auto_pad=pad,
            count_include_pad=1)
    one("average_ceil_beyond", 11, [1, 3, 7, 7], "AveragePool", kernel_shape=[2, 2], strides=[3, 3], pads=[0, 0, 1, 1], ceil_mode=1,
        count_include_pad=1)
    one("max_ceil", 11, [1, 3, 10, 13], "MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1)
    one("max_ceil_beyond", 11, [1, 3, 7, 7], "MaxPool", kernel_shape=[2, 2], strides=[3, 3], pads=[0, 0, 1, 1], ceil_mode=1)
    one("max_dilated", 11, [1, 3, 10, 13], "MaxPool", kernel_shape=[3, 3], dilations=[2, 2])
    one("global_average", 11, [1, 3, 10, 13], "GlobalAveragePool")


def batch_norm(case, x, channels):
    return case.op("BatchNormalization", x, case.random(channels), case.random(channels), case.random(channels),
                   case.random(channels, low=0.5, high=2.0))


def norms_and_activations():
    case = Case()
    case.save("batch_norm_alone", batch_norm(case, case.input([1, 6, 5, 5]), 6))
    case = Case()
    x = case.op("Conv", batch_norm(case, case.input([1, 6, 5, 5]), 6), case.random(4, 6, 3, 3), pads=[1, 1, 1, 1])
    case.save("batch_norm_before_conv", batch_norm(case, x, 4))
    case = Case()
    x = case.op("Relu", batch_norm(case, case.input([1, 6, 5, 5]), 6))
    case.save("batch_norm_relu_depthwise", case.op("Conv", x, case.random(6, 1, 3, 3), group=6))
    case = Case()
    a, b = case.input([1, 6, 5, 5]), case.op("Relu", "x")
    case.save("batch_norm_of_concat", batch_norm(case, case.op("Concat", a, b, axis=1), 12))
    for name, slope in (("positive", f32(6, 1, 1) / 2 + 0.5), ("signed", f32(6, 1, 1)), ("steep", f32(6, 1, 1) * 3), ("one", f32(1))):
        one(f"prelu_{name}", 13, [1, 6, 5, 5], "PRelu", slope)
    one("clip_6", 6 + 1, [1, 6, 5, 5], "Clip", min=-0.5, max=0.25)
    one("clip_infinite", 13, [1, 6, 5, 5], "Clip", np.float32(-np.inf), np.float32(0.5))
    one("clip_upper_only", 13, [1, 6, 5, 5], "Clip", None, np.float32(0.5))
    for name in ("Sin", "Cos"):
        one(name.lower(), 13, [1, 6, 5, 5], name)
    one("softplus", 13, [1, 6, 5, 5], "Softplus")
    one("softsign", 13, [1, 6, 5, 5], "Softsign")
    one("mish", 18, [1, 6, 5, 5], "Mish")
    one("elu", 13, [1, 6, 5, 5], "Elu", alpha=0.5)
    one("selu", 13, [1, 6, 5, 5], "Selu")
    one("celu", 13, [1, 6, 5, 5], "Celu", alpha=2.0)
    one("thresholded_relu", 10, [1, 6, 5, 5], "ThresholdedRelu", alpha=0.25)
    one("hard_sigmoid_defaults", 13, [1, 6, 5, 5], "HardSigmoid")
    one("leaky_relu", 13, [1, 6, 5, 5], "LeakyRelu", alpha=0.3)
    for opset in (11, 13):
        one(f"softmax_{opset}", opset, [2, 3, 4, 5], "Softmax", axis=1)
        one(f"log_softmax_{opset}", opset, [2, 3, 4, 5], "LogSoftmax", axis=-1)


def infinities():
    one("pad_infinite", 13, [1, 3, 6, 6], "Pad", np.array([0, 0, 1, 1, 0, 0, 1, 1]), np.float32(-np.inf))
    case = Case()
    x = case.op("Pad", case.input([1, 3, 6, 6]), case.ints(0, 0, 1, 1, 0, 0, 1, 1), case.const(-np.inf))
    case.save("pad_infinite_max_pool", case.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2]))
    case = Case()
    mask = case.const(np.where(np.tri(5), 0, -np.inf))
    case.save("mask_infinite_softmax", case.op("Softmax", case.op("Add", case.input([2, 5, 5]), mask), axis=-1))
    case = Case()
    case.save("max_infinite", case.op("Max", case.input([2, 5]), case.const([-np.inf] * 5)))


def sizes():
    shape = [1, 3, 6, 8]
    modes = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
    for mode, coordinate in itertools.product(("nearest", "linear", "cubic"), modes):
        one(f"resize_{mode}_{coordinate}_scales", 13, shape, "Resize", None, np.array([1, 1, 1.5, 2], np.float32), mode=mode,
            coordinate_transformation_mode=coordinate)
        one(f"resize_{mode}_{coordinate}_sizes", 13, shape, "Resize", None, None, np.array([1, 3, 5, 13]), mode=mode,
            coordinate_transformation_mode=coordinate)
    for nearest in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
        one(f"resize_{nearest}", 11, shape, "Resize", np.zeros(0, np.float32), np.array([1, 1, 2.5, 0.75], np.float32),
            nearest_mode=nearest)
    one("resize_10", 10, shape, "Resize", np.array([1, 1, 2, 2], np.float32), mode="linear")
    one("resize_axes_18", 18, shape, "Resize", None, None, np.array([12, 12]), axes=[2, 3], mode="linear")
    one("resize_one_pixel", 13, [1, 3, 1, 1], "Resize", None, None, np.array([1, 3, 4, 4]), mode="linear")
    for coefficient, exclude in itertools.product((-0.75, -0.5), (0, 1)):
        one(f"resize_cubic_{coefficient}_{exclude}", 11, shape, "Resize", np.zeros(0, np.float32),
            np.array([1, 1, 2.5, 0.75], np.float32), mode="cubic", cubic_coeff_a=coefficient, exclude_outside=exclude)
    one("upsample_9", 9, shape, "Upsample", np.array([1, 1, 2, 2], np.float32), mode="nearest")
    one("upsample_7", 7, shape, "Upsample", scales=[1.0, 1.0, 2.0, 3.0], mode="linear")
    one("depth_to_space_dcr", 13, [1, 12, 3, 4], "DepthToSpace", blocksize=2)
    one("depth_to_space_crd", 13, [1, 12, 3, 4], "DepthToSpace", blocksize=2, mode="CRD")
    one("space_to_depth", 13, [1, 3, 6, 4], "SpaceToDepth", blocksize=2)
    one("tile", 13, [1, 2, 3], "Tile", np.array([2, 1, 3]))
    case = Case()
    x = case.input([1, 2, 3])
    times = case.op("Concat", case.op("Gather", case.op("Shape", x), case.ints(2)), case.ints(1), case.ints(2), axis=0)
    case.save("tile_computed", case.op("Tile", x, times))
    case = Case()
    x, y = case.input(["n", 2, 3]), case.input(["n", "m"], name="y")
    times = case.op("Concat", case.ints(1), case.ints(1), case.op("Gather", case.op("Shape", y), case.ints(1)), axis=0)
    case.save("tile_dynamic", case.op("Tile", x, times))


def moves():
    case = Case(13)
    x = case.op("Cast", case.op("Transpose", case.input([1, 8, 8, 3], TensorProto.UINT8), perm=[0, 3, 1, 2]), to=1)
    x = case.op("Div", case.op("Sub", x, case.const([[[127.5]]] * 3)), case.const(127.5))
    case.save("u8_input", case.op("Conv", x, case.random(4, 3, 3, 3)))
    one("slice_backwards", 13, [1, 3, 6, 8], "Slice", np.array([-1, 7]), np.array([-100, 1]), np.array([2, 3]), np.array([-1, -2]))
    one("split_uneven", 18, [1, 7, 2], "Split", axis=1, num_outputs=3, outputs=3)
    one("pad_reflect", 13, [1, 3, 6, 8], "Pad", np.array([0, 0, 1, 2, 0, 0, 2, 1]), mode="reflect")
    one("pad_edge_axes", 18, [1, 3, 6, 8], "Pad", np.array([1, 2, 2, 1]), None, np.array([2, 3]), mode="edge")
    one("pad_negative", 13, [1, 3, 6, 8], "Pad", np.array([0, 0, -1, 0, 0, 0, 1, -2]))
    one("gather_negative", 13, [1, 3, 6, 8], "Gather", np.array([-1, 0]), axis=3)
    one("gather_scalar", 13, [1, 3, 6, 8], "Gather", np.array(1), axis=1)
    for axis, exclusive, reverse in itertools.product((1, -1), (0, 1), (0, 1)):
        one(f"cumsum_{axis}_{exclusive}_{reverse}", 14, [2, 3, 5], "CumSum", np.array(axis), exclusive=exclusive, reverse=reverse)
    one("arg_max", 13, [1, 7, 3, 4], "ArgMax", axis=1, keepdims=0)
    one("reduce_mean_13", 13, [1, 3, 6, 8], "ReduceMean", axes=[2, 3])
    one("reduce_mean_18", 18, [1, 3, 6, 8], "ReduceMean", np.array([1]), keepdims=0)
    one("reduce_max_negative_axes", 13, [1, 3, 6, 8], "ReduceMax", axes=[-2, -1], keepdims=0)
    one("gemm", 13, [4, 6], "Gemm", f32(5, 6), f32(5), transB=1, alpha=0.5, beta=2.0)
    one("gemm_transposed", 11, [6, 4], "Gemm", f32(6, 5), transA=1)
    one("matmul_vector", 13, [2, 4, 6], "MatMul", f32(6))
    one("flatten", 13, [2, 3, 4, 5], "Flatten", axis=2)
    one("squeeze_11", 11, [1, 3, 1, 8], "Squeeze", axes=[0, 2])
    one("unsqueeze_13", 13, [3, 8], "Unsqueeze", np.array([0, -1]))
    case = Case()
    x = case.input([2, 12, 4, 4])
    x = case.op("Transpose", case.op("Reshape", x, case.ints(0, 3, 4, 4, 4)), perm=[0, 2, 1, 3, 4])
    case.save("channel_shuffle", case.op("Reshape", x, case.ints(0, -1, 4, 4)))
    case = Case()
    x = case.input(["n", 4, "h", "w"])
    shape = case.op("Shape", x)
    flat = case.op("Concat", case.op("Slice", shape, case.ints(0), case.ints(2)), case.ints(-1), axis=0)
    case.save("reshape_computed", case.op("Reshape", case.op("Conv", x, case.random(4, 4, 1, 1)), flat))


OUT.mkdir(parents=True, exist_ok=True)
for make in (convolutions, deformable, pools, norms_and_activations, infinities, sizes, moves):
    make()
