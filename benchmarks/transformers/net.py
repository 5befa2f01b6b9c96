"""Writes ONNX graphs node by node, with seeded weights: layers as PyTorch's exporter spells them."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Net:
    def __init__(self, opset, seed):
        self.opset, self.random = opset, np.random.default_rng(seed)
        self.nodes, self.constants, self.inputs, self.outputs, self.count = [], [], [], [], 0
        self.known = {}

    def fresh(self, stem):
        self.count += 1
        return f"{stem}_{self.count}"

    def input(self, name, shape, dtype=TensorProto.FLOAT):
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(self, value, name, shape, dtype=TensorProto.FLOAT):
        self.nodes.append(helper.make_node("Identity", [value], [name], name=name))
        self.outputs.append(helper.make_tensor_value_info(name, dtype, shape))

    def const(self, array, dtype=None):
        array = np.array(array, dtype, order="C")
        key = (array.tobytes(), str(array.dtype), array.shape) if array.size < 64 else None
        if key in self.known:
            return self.known[key]
        name = self.fresh("const")
        self.constants.append(numpy_helper.from_array(array, name))
        if key:
            self.known[key] = name
        return name

    def number(self, value):
        return self.const(value, np.float32)

    def ints(self, *values):
        return self.const(values, np.int64)

    def op(self, kind, *inputs, outputs=1, **attributes):
        names = [self.fresh(kind) for _ in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=names[0], **attributes))
        return names[0] if outputs == 1 else names

    def weights(self, *shape, gain=1.0):
        fan_in = np.prod(shape[1:]) if len(shape) > 2 else shape[0]
        return self.const(self.random.standard_normal(shape) * gain / np.sqrt(fan_in), np.float32)

    def vector(self, size, around=0.0):
        return self.const(around + self.random.standard_normal(size) * 0.1, np.float32)

    def conv(self, x, inside, outside, kernel, stride=1, groups=1, act=None, gain=1.4, pad=None):
        """A convolution with its batch normalisation folded in."""
        pad = kernel // 2 if pad is None else pad
        y = self.op("Conv", x, self.weights(outside, inside // groups, kernel, kernel, gain=gain), self.vector(outside),
                    kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, group=groups)
        return self.activated(y, act)

    def activated(self, y, act):
        if act == "relu":
            return self.op("Relu", y)
        if act == "silu":
            return self.op("Mul", y, self.op("Sigmoid", y))
        if act == "gelu":
            gate = self.op("Add", self.op("Erf", self.op("Div", y, self.number(2 ** 0.5))), self.number(1))
            return self.op("Mul", self.op("Mul", y, gate), self.number(0.5))
        return y

    def linear(self, x, inside, outside, act=None, gain=1.0):
        y = self.op("Add", self.vector(outside), self.op("MatMul", x, self.weights(inside, outside, gain=gain)))
        return self.activated(y, act)

    def mlp(self, x, sizes):
        for i in range(len(sizes) - 1):
            x = self.linear(x, sizes[i], sizes[i + 1], "relu" if i + 2 < len(sizes) else None)
        return x

    def norm(self, x, size, epsilon=1e-5):
        """Layer normalisation as it is spelt before opset 17."""
        centred = self.op("Sub", x, self.op("ReduceMean", x, axes=[-1]))
        variance = self.op("ReduceMean", self.op("Pow", centred, self.number(2)), axes=[-1])
        y = self.op("Div", centred, self.op("Sqrt", self.op("Add", variance, self.number(epsilon))))
        return self.op("Add", self.op("Mul", y, self.vector(size, 1.0)), self.vector(size))

    def add(self, *terms):
        y = terms[0]
        for term in terms[1:]:
            y = self.op("Add", y, term)
        return y

    def reshape(self, x, *shape):
        return self.op("Reshape", x, self.ints(*shape))

    def transpose(self, x, *perm):
        return self.op("Transpose", x, perm=perm)

    def slice(self, x, axis, start, end):
        return self.op("Slice", x, self.ints(start), self.ints(end), self.ints(axis))

    def attention(self, query, key, value, size, heads, lengths):
        """softmax(q k' / sqrt(d)) v of [1, length, size] operands; lengths: of the query and of key and value."""
        each = size // heads
        q, k, v = (self.transpose(self.reshape(self.linear(x, size, size), 1, n, heads, each), 0, 2, 1, 3)
                   for x, n in ((query, lengths[0]), (key, lengths[1]), (value, lengths[1])))
        scores = self.op("Mul", self.op("MatMul", q, self.transpose(k, 0, 1, 3, 2)), self.number(each ** -0.5))
        y = self.op("MatMul", self.op("Softmax", scores, axis=-1), v)
        return self.linear(self.reshape(self.transpose(y, 0, 2, 1, 3), 1, lengths[0], size), size, size)

    def save(self, path):
        graph = helper.make_graph(self.nodes, "net", self.inputs, self.outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], producer_name="build.py")
        model.ir_version = 8
        onnx.checker.check_model(model)
        onnx.save(model, path)
        print(path, sum(int(np.prod(c.dims)) for c in self.constants) // 1000, "thousand numbers", len(self.nodes), "nodes")
