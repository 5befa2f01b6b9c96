#!/usr/bin/python3
"""A float ONNX model quantised in the style of ONNX Runtime's own static quantiser, for timing it at its best.

As its QDQ format has it by default: QuantizeLinear and DequantizeLinear around every tensor that an op which it can quantise
reads or writes; activations u8 with one scale a tensor, weights s8 with a scale an output channel, biases s32; ops that only
move elements keep their input's scale; a Relu or Clip behind such an op goes, because the range says the same. Before that
ONNX Runtime simplifies the graph itself (level "basic": folding, batch norm), and the ranges are what it computes on random
inputs. Run by benchmarks/compare; needs Debian's python3-onnx and the folder where ranges.mjs finds ONNX Runtime.

  quantize.py MODEL.onnx OUT.onnx [NAME=1,3,H,W...]     in build/compare/ort
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, version_converter

HERE = pathlib.Path(__file__).resolve().parent
OPSET = 13  # the first with scales for each channel
WEIGHTED = {"Conv": 0, "ConvTranspose": 1, "Gemm": 0, "MatMul": 1}  # the axis of a weight's output channels
MOVES = {"Reshape", "Transpose", "Squeeze", "Unsqueeze", "Resize", "MaxPool", "Slice", "Split", "Gather", "DepthToSpace", "Flatten"}
CLAMPS = {"Relu", "Clip"}
COMPUTES = {"Add", "Mul", "Sub", "Div", "Sigmoid", "LeakyRelu", "AveragePool", "GlobalAveragePool", "Concat", "Softmax", "Pad", "Where",
            "ReduceMean", "ArgMax"}
QUANTISED = set(WEIGHTED) | MOVES | CLAMPS | COMPUTES
DATA_INPUTS = {"Reshape": 1, "Squeeze": 1, "Unsqueeze": 1, "Resize": 1, "Slice": 1, "Split": 1, "Gather": 1, "Clip": 1, "Pad": 1, "ReduceMean": 1}


def node_js(script, *arguments):
    child = subprocess.run(["node", HERE / script, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if child.returncode:
        sys.exit(f"quantize.py: Error: {(child.stderr.strip() or script).splitlines()[-1]}")
    return child.stdout


class Quantiser:
    def __init__(self, model, ranges):
        self.graph, self.ranges = model.graph, ranges
        self.initializers = {i.name: i for i in self.graph.initializer}
        self.makers = {o: n for n in self.graph.node for o in n.output if o}
        self.outputs = {o.name for o in self.graph.output}
        self.before, self.made = [], {}  # DequantizeLinear of constants; tensor -> (scale, zero point) names
        self.renamed = {}  # tensor -> the dequantised one that others read

    def readers(self, tensor):
        return [n for n in self.graph.node if tensor in n.input]

    def constant(self, name, values):
        self.graph.initializer.append(numpy_helper.from_array(values, name))
        return name

    def parameters(self, tensor):
        """The scale and zero point of an activation: that of the input where its maker only moves elements."""
        if tensor in self.made:
            return self.made[tensor]
        maker = self.makers.get(tensor)
        if maker is not None and maker.op_type in MOVES and maker.input[0] in self.ranges:
            self.made[tensor] = self.parameters(maker.input[0])
            return self.made[tensor]
        low, high = self.ranges[tensor]
        if maker is not None and maker.op_type == "Softmax":
            low, high = 0.0, 255 / 256
        low, high = min(low, 0.0), max(high, 0.0)
        scale = np.float32(max((high - low) / 255, 1e-10))
        zero = np.uint8(np.clip(np.rint(-low / scale), 0, 255))
        self.made[tensor] = (self.constant(tensor + "_scale", scale), self.constant(tensor + "_zero_point", zero))
        return self.made[tensor]

    def dequantised_constant(self, name, axis):
        """s8, one scale a channel of `axis`, or one for all (None)."""
        done = f"{name}_dequantized_{axis}"
        if any(n.output[0] == done for n in self.before):
            return done, None
        values = numpy_helper.to_array(self.initializers[name])
        others = None if axis is None else tuple(a for a in range(values.ndim) if a != axis)
        peak = np.maximum(np.abs(values).max(axis=others, keepdims=axis is not None) if values.size else np.float32(0), 1e-10)
        scale = (peak / 127).astype(np.float32)
        stored = np.clip(np.rint(values / scale), -127, 127).astype(np.int8)
        scale = scale.reshape(-1) if axis is not None else np.float32(scale)
        names = [self.constant(done + "_s8", stored), self.constant(done + "_scale", scale),
                 self.constant(done + "_zero", np.zeros_like(scale, dtype=np.int8))]
        self.before.append(helper.make_node("DequantizeLinear", names, [done], **({"axis": axis} if axis is not None else {})))
        return done, scale

    def bias(self, node, x, weight_scale):
        name = node.input[2]
        x_scale = numpy_helper.to_array(next(i for i in self.graph.initializer if i.name == self.parameters(x)[0]))
        scale = (x_scale * weight_scale).astype(np.float32)
        values = numpy_helper.to_array(self.initializers[name]).astype(np.float64)
        stored = np.clip(np.rint(values / scale), -2**31, 2**31 - 1).astype(np.int32)
        done = f"{name}_of_{node.output[0]}"
        names = [self.constant(done + "_s32", stored), self.constant(done + "_scale", scale),
                 self.constant(done + "_zero", np.zeros(scale.shape, np.int32))]
        self.before.append(helper.make_node("DequantizeLinear", names, [done], **({"axis": 0} if scale.ndim else {})))
        return done

    def drop_clamps(self):
        for node in list(self.graph.node):
            maker = self.makers.get(node.input[0]) if node.op_type in CLAMPS else None
            if maker is None or maker.op_type not in QUANTISED or node.input[0] in self.outputs:
                continue
            if len(self.readers(node.input[0])) != 1 or node.output[0] not in self.ranges:
                continue
            maker.output[list(maker.output).index(node.input[0])] = node.output[0]
            self.makers[node.output[0]] = maker
            self.graph.node.remove(node)

    def run(self):
        self.drop_clamps()
        around = set()
        for node in self.graph.node:
            if node.op_type not in QUANTISED:
                continue
            data = list(node.input)[:DATA_INPUTS.get(node.op_type, 2 if node.op_type in WEIGHTED else None)]
            if node.op_type in MOVES and node.input[0] not in self.ranges:
                continue  # sizes, indices
            around |= {t for t in data + list(node.output) if t in self.ranges}
            scale = None
            for i, name in enumerate(data):
                held = self.initializers.get(name)
                if held is None or held.data_type != TensorProto.FLOAT:
                    continue
                axis = WEIGHTED.get(node.op_type) if i == 1 and held.dims and len(held.dims) > 1 else None
                if node.op_type == "Gemm" and not any(a.name == "transB" and a.i for a in node.attribute):
                    axis = 1 if axis is not None else None
                if node.op_type == "MatMul" and axis is not None:
                    axis = len(held.dims) - 1
                if node.op_type == "ConvTranspose" and any(a.name == "group" and a.i > 1 for a in node.attribute):
                    axis = None
                node.input[i], found = self.dequantised_constant(name, axis)
                scale = found if i == 1 else scale
            if node.op_type in ("Conv", "Gemm") and len(node.input) == 3 and scale is not None and node.input[2] in self.initializers:
                node.input[2] = self.bias(node, data[0], scale)
        pairs = []
        for tensor in sorted(around):
            scale, zero = self.parameters(tensor)
            inside, kept = tensor + "_quantized", tensor + "_dequantized"
            source = tensor
            if tensor in self.outputs:  # the output keeps its name, behind the pair
                source, kept = tensor + "_before", tensor
            self.renamed[tensor] = kept
            pairs.append((source, [helper.make_node("QuantizeLinear", [source, scale, zero], [inside]),
                                   helper.make_node("DequantizeLinear", [inside, scale, zero], [kept])]))
        self.rebuild({source: nodes for source, nodes in pairs})

    def rebuild(self, pairs):
        """The nodes in an order that can run: each pair behind what makes its tensor."""
        nodes = list(self.before)
        for value in self.graph.input:
            nodes += pairs.get(value.name, [])
        for node in self.graph.node:
            for i, name in enumerate(node.input):
                node.input[i] = self.renamed.get(name, name)
            for i, name in enumerate(node.output):
                if name in self.outputs and name in self.renamed:
                    node.output[i] = name + "_before"
            nodes.append(node)
            for name in node.output:
                nodes += pairs.get(name, [])
        del self.graph.node[:]
        self.graph.node.extend(nodes)
        used = {name for n in nodes for name in n.input}
        kept = [i for i in self.graph.initializer if i.name in used]
        del self.graph.initializer[:]
        self.graph.initializer.extend(kept)
        del self.graph.value_info[:]


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    source, target, shapes = sys.argv[1], sys.argv[2], sys.argv[3:]
    with tempfile.TemporaryDirectory() as folder:
        plain, tapped = os.path.join(folder, "plain.onnx"), os.path.join(folder, "tapped.onnx")
        node_js("ranges.mjs", "simplify", source, plain)
        model = onnx.load(plain)
        if next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx")) < OPSET:
            model = version_converter.convert_version(model, OPSET)
        # Every tensor that a node makes becomes an output; ONNX Runtime finds their types.
        watched = onnx.ModelProto()
        watched.CopyFrom(model)
        known = {o.name for o in watched.graph.output}
        watched.graph.output.extend(onnx.ValueInfoProto(name=o) for n in model.graph.node for o in n.output if o and o not in known)
        onnx.save(watched, tapped)
        ranges = json.loads(node_js("ranges.mjs", "ranges", tapped, *shapes))
    Quantiser(model, ranges).run()
    onnx.save(model, target + ".partial")
    os.replace(target + ".partial", target)


main()
