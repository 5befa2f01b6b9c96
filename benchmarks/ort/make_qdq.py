#!/usr/bin/python3
"""Writes a QDQ model laid out as ONNX Runtime's static quantiser does (per-channel s8 weights, per-tensor u8 activations on
every op it quantises), for timing only: the scales are placeholders, the ops that ONNX Runtime fuses and runs are the same.
Usage: make_qdq.py MODEL.onnx OUT.onnx"""
import sys
import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto, version_converter

QUANTISED = {"Conv", "Gemm", "MatMul", "Add", "Mul", "Sigmoid", "Concat", "MaxPool", "AveragePool", "GlobalAveragePool", "Resize",
             "Reshape", "Transpose", "Split", "LeakyRelu", "HardSwish", "Softmax"}
SAME_SCALE = {"MaxPool", "Resize", "Reshape", "Transpose", "Split"}


def main(source, target):
    model = onnx.load(source)
    if model.opset_import[0].version < 13:  # DequantizeLinear has an axis from then on
        model = version_converter.convert_version(model, 13)
    model = onnx.shape_inference.infer_shapes(model)
    graph = model.graph
    weights = {i.name: i for i in graph.initializer}
    floats = {v.name for v in list(graph.value_info) + list(graph.input) + list(graph.output)
              if v.type.tensor_type.elem_type == TensorProto.FLOAT}
    nodes, pairs = [], {}
    for name, value in (("scale", np.float32(0.05)), ("zero", np.uint8(128))):
        graph.initializer.append(numpy_helper.from_array(np.array(value), "qdq_" + name))

    def activation(name):
        if name not in pairs:
            pairs[name] = name + "_dq"
            nodes.append(helper.make_node("QuantizeLinear", [name, "qdq_scale", "qdq_zero"], [name + "_q"], name + "_Q"))
            nodes.append(helper.make_node("DequantizeLinear", [name + "_q", "qdq_scale", "qdq_zero"], [name + "_dq"], name + "_DQ"))
        return pairs[name]

    def weight(name):
        if name not in pairs:
            w = numpy_helper.to_array(weights[name])
            scale = np.maximum(np.abs(w.reshape(w.shape[0], -1)).max(1), 1e-8).astype(np.float32) / 127
            q = np.clip(np.rint(w / scale.reshape(-1, *[1] * (w.ndim - 1))), -127, 127).astype(np.int8)
            pairs[name] = name + "_dq"
            for suffix, array in (("_q", q), ("_s", scale), ("_z", np.zeros(len(scale), np.int8))):
                graph.initializer.append(numpy_helper.from_array(array, name + suffix))
            nodes.append(helper.make_node("DequantizeLinear", [name + "_q", name + "_s", name + "_z"], [name + "_dq"], name + "_DQ", axis=0))
        return pairs[name]

    def bias(name, w):
        key = name + "_bias_dq"
        if key not in pairs:
            pairs[key] = key
            b = numpy_helper.to_array(weights[name])
            w_scale = next(numpy_helper.to_array(i) for i in graph.initializer if i.name == w + "_s")
            scale = (w_scale * np.float32(0.05)).astype(np.float32)
            for suffix, array in (("_q", np.rint(b / scale).astype(np.int32)), ("_s", scale), ("_z", np.zeros(len(scale), np.int32))):
                graph.initializer.append(numpy_helper.from_array(array, name + "_bias" + suffix))
            nodes.append(helper.make_node("DequantizeLinear", [name + "_bias" + s for s in ("_q", "_s", "_z")], [key], key, axis=0))
        return key

    for node in list(graph.node):
        if node.op_type in QUANTISED:
            for i, name in enumerate(node.input):
                if node.op_type == "Resize" and i > 0:  # scales and sizes
                    continue
                if name in weights:
                    if node.op_type in ("Conv",) and i == 1:
                        node.input[i] = weight(name)
                    elif node.op_type == "Conv" and i == 2 and not name.endswith("_dq"):
                        node.input[i] = bias(name, node.input[1][:-3])
                elif name in floats:
                    node.input[i] = activation(name)
            nodes.append(node)
            outputs = {o.name for o in graph.output}
            for name in node.output:
                if name in floats and name not in outputs:
                    activation(name)
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    for unused in [i for i in graph.initializer if i.name not in used]:
        graph.initializer.remove(unused)
    onnx.save(model, target)


main(*sys.argv[1:3])
