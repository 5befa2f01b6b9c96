#!/usr/bin/python3
"""small_onnx.py OUT.onnx N C H W: a network of two convolutions, its input of that shape."""
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

path, shape = sys.argv[1], [int(v) for v in sys.argv[2:6]]
random = numpy.random.default_rng(1)


def weights(name, out, into):
    return numpy_helper.from_array(random.standard_normal((out, into, 3, 3)).astype(numpy.float32), name)


nodes = [helper.make_node("Conv", ["x", "w1"], ["a"], "first", pads=[1] * 4), helper.make_node("Relu", ["a"], ["b"]),
         helper.make_node("Conv", ["b", "w2"], ["y"], "second", pads=[1] * 4)]
graph = helper.make_graph(nodes, "small", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                          [helper.make_tensor_value_info("y", TensorProto.FLOAT, [shape[0], 4, *shape[2:]])],
                          [weights("w1", 8, shape[1]), weights("w2", 4, 8)])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
