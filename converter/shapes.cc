// Static shapes: what an op makes of its operands' shapes, where sizes may still be unknown (-1).
#include "converter/shapes.h"

#include <algorithm>
#include <cmath>

namespace octet::convert {
namespace {

using Inferred = Result<TensorType>;

Error bad(std::string text) { return {Code::kBadModel, std::move(text)}; }

int64_t window_out(int64_t in, int64_t kernel, int64_t stride, int64_t pads, bool ceil_mode, int64_t pad_front) {
  if (in < 0) return -1;
  const int64_t room = in + pads - kernel;
  if (room < 0) return 0;
  int64_t out = room / stride + 1;
  if (ceil_mode && room % stride && out * stride < in + pad_front) ++out;
  return out;
}

Inferred infer_conv(const Graph& g, const Node& n, const schema::Conv2dT& op) {
  const Tensor &x = tensor(g, n.inputs[0]), &w = tensor(g, n.inputs[1]);
  if (x.shape.rank() != 4 || w.shape.rank() != 4)
    return bad("needs input and weight of rank 4, got " + x.shape.text() + " and " + w.shape.text());
  const int64_t channels = w.shape[3] * op.groups;
  if (x.shape[3] >= 0 && x.shape[3] != channels)
    return bad("weights are for " + std::to_string(channels) + " input channels, the input has " +
               std::to_string(x.shape[3]));
  if (w.shape[0] % op.groups) return bad("output channels are no multiple of groups");
  const int64_t h =
      window_out(x.shape[1], (w.shape[1] - 1) * op.dilation_h + 1, op.stride_h, op.pad_top + op.pad_bottom, false, 0);
  const int64_t width =
      window_out(x.shape[2], (w.shape[2] - 1) * op.dilation_w + 1, op.stride_w, op.pad_left + op.pad_right, false, 0);
  if (h == 0 || width == 0) return bad("the input " + x.shape.text() + " is smaller than the kernel");
  return TensorType{x.dtype, {x.shape[0], h, width, w.shape[0]}};
}

Inferred infer_pool(const Graph& g, const Node& n, const schema::Pool2dT& op) {
  const Tensor& x = tensor(g, n.inputs[0]);
  if (x.shape.rank() != 4) return bad("needs an input of rank 4, got " + x.shape.text());
  if (op.global) return TensorType{x.dtype, {x.shape[0], 1, 1, x.shape[3]}};
  const int64_t h = window_out(x.shape[1], (op.kernel_h - 1) * op.dilation_h + 1, op.stride_h,
                               op.pad_top + op.pad_bottom, op.ceil_mode, op.pad_top);
  const int64_t w = window_out(x.shape[2], (op.kernel_w - 1) * op.dilation_w + 1, op.stride_w,
                               op.pad_left + op.pad_right, op.ceil_mode, op.pad_left);
  if (h == 0 || w == 0) return bad("the input " + x.shape.text() + " is smaller than the window");
  return TensorType{x.dtype, {x.shape[0], h, w, x.shape[3]}};
}

Result<Shape> broadcast(const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  const Shape l = padded_left(a, rank), r = padded_left(b, rank);
  Shape out;
  for (int i = 0; i < rank; ++i) {
    if (l[i] == 1 || r[i] == 1)
      out.push_back(l[i] == 1 ? r[i] : l[i]);
    else if (l[i] < 0 || r[i] < 0)
      out.push_back(std::max(l[i], r[i]));
    else if (l[i] != r[i])
      return bad("cannot broadcast " + a.text() + " with " + b.text());
    else
      out.push_back(l[i]);
  }
  return out;
}

Inferred infer_matmul(const Graph& g, const Node& n, const schema::MatMulT& op) {
  const Tensor &a = tensor(g, n.inputs[0]), &b = tensor(g, n.inputs[1]);
  if (a.shape.rank() < 2 || b.shape.rank() < 2)
    return bad("needs operands of rank 2 or more, got " + a.shape.text() + " and " + b.shape.text());
  const int64_t m = a.shape[op.transpose_a ? -1 : -2], ka = a.shape[op.transpose_a ? -2 : -1];
  const int64_t kb = b.shape[op.transpose_b ? -1 : -2], cols = b.shape[op.transpose_b ? -2 : -1];
  if (ka >= 0 && kb >= 0 && ka != kb) return bad("cannot multiply " + a.shape.text() + " by " + b.shape.text());
  Shape batch_a(std::span(a.shape.begin(), static_cast<size_t>(a.shape.rank() - 2)));
  Shape batch_b(std::span(b.shape.begin(), static_cast<size_t>(b.shape.rank() - 2)));
  auto out = broadcast(batch_a, batch_b);
  if (!out) return out.error();
  if (out->rank() + 2 > kMaxRank) return bad("too many dims");
  out->push_back(m);
  out->push_back(cols);
  return TensorType{a.dtype, *out};
}

Inferred infer_concat(const Graph& g, const Node& n, const schema::ConcatT& op) {
  Shape out = tensor(g, n.inputs[0]).shape;
  if (op.axis < 0 || op.axis >= out.rank()) return bad("axis " + std::to_string(op.axis) + " is not in " + out.text());
  for (size_t i = 1; i < n.inputs.size(); ++i) {
    const Tensor& t = tensor(g, n.inputs[i]);
    if (t.dtype != tensor(g, n.inputs[0]).dtype) return bad("operands of different types");
    if (t.shape.rank() != out.rank()) return bad("operands of different ranks: " + out.text() + ", " + t.shape.text());
    for (int d = 0; d < out.rank(); ++d) {
      if (d == op.axis)
        out[d] = out[d] < 0 || t.shape[d] < 0 ? -1 : out[d] + t.shape[d];
      else if (out[d] < 0)
        out[d] = t.shape[d];
      else if (t.shape[d] >= 0 && t.shape[d] != out[d])
        return bad("cannot concatenate " + out.text() + " and " + t.shape.text());
    }
  }
  return TensorType{tensor(g, n.inputs[0]).dtype, out};
}

Inferred infer_slice(const Graph& g, const Node& n, const schema::SliceT& op) {
  const Tensor& x = tensor(g, n.inputs[0]);
  Shape out = x.shape;
  if (n.inputs.size() > 1) {
    const auto axes = known_values(g, n.inputs[3]);
    for (int d = 0; d < out.rank(); ++d)
      if (!axes || std::any_of(axes->begin(), axes->end(),
                               [&](int64_t a) { return a == d || a + out.rank() == d || a < -out.rank(); }))
        out[d] = -1;
    return TensorType{x.dtype, out};
  }
  for (size_t i = 0; i < op.axes.size(); ++i) {
    const int axis = op.axes[i];
    if (axis < 0 || axis >= out.rank()) return bad("axis " + std::to_string(axis) + " is not in " + x.shape.text());
    if (op.steps[i] == 0) return bad("a step of 0");
    if (out[axis] >= 0) out[axis] = clamp_slice(op.starts[i], op.ends[i], op.steps[i], x.shape[axis]).count;
  }
  return TensorType{x.dtype, out};
}

// ONNX' meaning of a shape operand in the schema's spelling: 0 copies the input's dim.
std::vector<int64_t> spec_of_onnx(std::vector<int64_t> shape) {
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] == 0) shape[i] = -2 - static_cast<int64_t>(i);
  return shape;
}

Inferred infer_reshape(const Graph& g, const Node& n, const schema::ReshapeT& op) {
  const Tensor& x = tensor(g, n.inputs[0]);
  std::vector<int64_t> spec = op.shape;
  bool rest_is_one = true;  // whether a -1 stands for "the rest", not for a value that is unknown
  if (n.inputs.size() > 1) {
    const auto values = known_values(g, n.inputs[1]);
    const Shape& s = tensor(g, n.inputs[1]).shape;
    if (!values && (s.rank() != 1 || s[0] < 0)) return bad("the rank of the new shape is unknown");
    spec = values ? spec_of_onnx(*values) : std::vector<int64_t>(static_cast<size_t>(s[0]), -1);
    rest_is_one = tensor(g, n.inputs[1]).constant || std::count(spec.begin(), spec.end(), -1) == 1;
  }
  if (spec.size() > static_cast<size_t>(kMaxRank)) return bad("more than 8 dims");
  Shape out, others;
  int rest = -1;
  for (int64_t d : spec) {
    if (d < -1 && -2 - d >= x.shape.rank())
      return bad("copies a dim that the input " + x.shape.text() + " does not have");
    out.push_back(d < -1 ? x.shape[static_cast<int>(-2 - d)] : d);
    if (d == -1 && rest >= 0 && rest_is_one) return bad("more than one -1");
    if (d == -1)
      rest = out.rank() - 1;
    else
      others.push_back(out[-1]);
  }
  const int64_t known = others.elements();
  const int64_t all = x.shape.elements();
  const bool one_unknown = std::count(out.begin(), out.end(), -1) == 1;
  if (rest >= 0 && rest_is_one && one_unknown && all >= 0 && known > 0) {
    if (all % known) return bad("cannot reshape " + x.shape.text() + " to " + out.text());
    out[rest] = all / known;
  }
  if (all >= 0 && out.elements() >= 0 && all != out.elements())
    return bad("cannot reshape " + x.shape.text() + " to " + out.text());
  return TensorType{x.dtype, out};
}

Inferred infer_transpose(const Graph& g, const Node& n, const schema::TransposeT& op) {
  const Tensor& x = tensor(g, n.inputs[0]);
  Perm sorted = op.perm;
  std::sort(sorted.begin(), sorted.end());
  bool valid = static_cast<int>(sorted.size()) == x.shape.rank();
  for (size_t i = 0; valid && i < sorted.size(); ++i) valid = sorted[i] == static_cast<int>(i);
  if (!valid) return bad("perm does not fit " + x.shape.text());
  return TensorType{x.dtype, permuted(x.shape, op.perm)};
}

Inferred infer_reduce(const Graph& g, const Node& n, std::vector<int> axes, bool keep, DType dtype) {
  const Shape& x = tensor(g, n.inputs[0]).shape;
  Shape out;
  for (int a : axes)
    if (a < 0 || a >= x.rank()) return bad("axis " + std::to_string(a) + " is not in " + x.text());
  for (int d = 0; d < x.rank(); ++d) {
    const bool reduced = axes.empty() || std::count(axes.begin(), axes.end(), d);
    if (!reduced)
      out.push_back(x[d]);
    else if (keep)
      out.push_back(1);
  }
  return TensorType{dtype, out};
}

Inferred infer_resize(const Graph& g, const Node& n, const schema::ResizeT& op) {
  const Tensor& x = tensor(g, n.inputs[0]);
  if (x.shape.rank() != 4) return bad("needs an input of rank 4, got " + x.shape.text());
  Shape out = x.shape;
  for (int i = 0; i < 2; ++i) {
    const size_t k = static_cast<size_t>(i);
    if (op.size.size() == 2)
      out[1 + i] = op.size[k];
    else if (op.scale.size() == 2)
      out[1 + i] =
          x.shape[1 + i] < 0 ? -1 : static_cast<int64_t>(std::floor(static_cast<float>(x.shape[1 + i]) * op.scale[k]));
    else
      out[1 + i] = -1;
  }
  if (op.size.empty() && op.scale.empty() && n.inputs.size() > 1)
    if (const auto size = known_values(g, n.inputs[1]); size && size->size() == 2)
      out[1] = (*size)[0], out[2] = (*size)[1];
  if (out[1] == 0 || out[2] == 0) return bad("an output size of 0");
  return TensorType{x.dtype, out};
}

Inferred infer_pad(const Graph& g, const Node& n, const schema::PadT& op) {
  const Tensor& x = tensor(g, n.inputs[0]);
  Shape out = x.shape;
  if (n.inputs.size() < 2 &&
      (op.before.size() != static_cast<size_t>(out.rank()) || op.after.size() != op.before.size()))
    return bad("pads do not fit " + out.text());
  for (int d = 0; d < out.rank(); ++d) {
    const size_t k = static_cast<size_t>(d);
    out[d] = n.inputs.size() > 1 || out[d] < 0 ? -1 : out[d] + op.before[k] + op.after[k];
    if (out[d] < -1) return bad("crops more than there is of " + x.shape.text());
  }
  return TensorType{x.dtype, out};
}

Inferred infer_gather(const Graph& g, const Node& n, const schema::GatherT& op) {
  const Tensor &x = tensor(g, n.inputs[0]), &index = tensor(g, n.inputs[1]);
  if (op.axis < 0 || op.axis >= x.shape.rank())
    return bad("axis " + std::to_string(op.axis) + " is not in " + x.shape.text());
  if (x.shape.rank() + index.shape.rank() - 1 > kMaxRank) return bad("more than 8 dims");
  Shape out;
  for (int d = 0; d < x.shape.rank(); ++d) {
    if (d != op.axis)
      out.push_back(x.shape[d]);
    else
      for (int64_t i : index.shape) out.push_back(i);
  }
  return TensorType{x.dtype, out};
}

Inferred infer_expand(const Graph& g, const Node& n) {
  const Tensor& x = tensor(g, n.inputs[0]);
  const auto values = known_values(g, n.inputs[1]);
  if (values && values->size() <= static_cast<size_t>(kMaxRank)) {
    auto out = broadcast(x.shape, Shape(*values));
    if (!out) return out.error();
    return TensorType{x.dtype, *out};
  }
  const Shape& s = tensor(g, n.inputs[1]).shape;
  if (s.rank() != 1 || s[0] < 0 || s[0] > kMaxRank) return bad("the rank of the new shape is unknown");
  Shape out;
  for (int64_t i = 0; i < std::max<int64_t>(s[0], x.shape.rank()); ++i) out.push_back(-1);
  return TensorType{x.dtype, out};
}

Inferred same_as_input(const Graph& g, const Node& n) {
  return TensorType{tensor(g, n.inputs[0]).dtype, tensor(g, n.inputs[0]).shape};
}

Inferred infer_binary(const Graph& g, const Node& n) {
  const Tensor &a = tensor(g, n.inputs[0]), &b = tensor(g, n.inputs[1]);
  if (a.dtype != b.dtype)
    return bad(std::string("operands of different types: ") + name_of(a.dtype) + " and " + name_of(b.dtype));
  auto out = broadcast(a.shape, b.shape);
  if (!out) return out.error();
  return TensorType{a.dtype, *out};
}

Inferred infer_axis_op(const Graph& g, const Node& n, int axis) {
  const Shape& x = tensor(g, n.inputs[0]).shape;
  if (axis < 0 || axis >= x.rank()) return bad("axis " + std::to_string(axis) + " is not in " + x.text());
  return same_as_input(g, n);
}

Inferred infer_shape_of(const Graph& g, const Node& n, const schema::ShapeOfT& op) {
  const auto r = clamp_slice(op.start, op.end, 1, tensor(g, n.inputs[0]).shape.rank());
  return TensorType{DType::kS64, {r.count}};
}

}  // namespace

SliceRange clamp_slice(int64_t start, int64_t end, int64_t step, int64_t size) {
  auto wrapped = [&](int64_t v) { return v < 0 ? (v < -size ? -1 : v + size) : v; };
  SliceRange r{wrapped(start), wrapped(end), 0};
  if (step > 0) {
    r.start = std::clamp<int64_t>(r.start, 0, size);
    r.end = std::clamp<int64_t>(r.end, 0, size);
    r.count = r.end > r.start ? (r.end - r.start - 1) / step + 1 : 0;
  } else {
    r.start = std::clamp<int64_t>(r.start, -1, size - 1);
    r.end = std::clamp<int64_t>(r.end, -1, size - 1);
    r.count = r.start > r.end ? (r.start - r.end - 1) / (step < -size ? size + 1 : -step) + 1 : 0;
  }
  return r;
}

namespace {

Inferred infer_op(const Graph& g, const Node& n) {
  using schema::Op;
  switch (n.op.type) {
    case Op::Conv2d:
      return infer_conv(g, n, *n.op.AsConv2d());
    case Op::MatMul:
      return infer_matmul(g, n, *n.op.AsMatMul());
    case Op::Pool2d:
      return infer_pool(g, n, *n.op.AsPool2d());
    case Op::Binary:
      return infer_binary(g, n);
    case Op::Unary:
      return same_as_input(g, n);
    case Op::Concat:
      return infer_concat(g, n, *n.op.AsConcat());
    case Op::Slice:
      return infer_slice(g, n, *n.op.AsSlice());
    case Op::Reshape:
      return infer_reshape(g, n, *n.op.AsReshape());
    case Op::Transpose:
      return infer_transpose(g, n, *n.op.AsTranspose());
    case Op::Softmax:
      return infer_axis_op(g, n, n.op.AsSoftmax()->axis);
    case Op::ArgMax:
      return infer_reduce(g, n, {n.op.AsArgMax()->axis}, n.op.AsArgMax()->keep_dims, DType::kS64);
    case Op::Resize:
      return infer_resize(g, n, *n.op.AsResize());
    case Op::Reduce:
      return infer_reduce(g, n, n.op.AsReduce()->axes, n.op.AsReduce()->keep_dims, tensor(g, n.inputs[0]).dtype);
    case Op::Gather:
      return infer_gather(g, n, *n.op.AsGather());
    case Op::ShapeOf:
      return infer_shape_of(g, n, *n.op.AsShapeOf());
    case Op::Cast:
      return TensorType{static_cast<DType>(n.op.AsCast()->to), tensor(g, n.inputs[0]).shape};
    case Op::Pad:
      return infer_pad(g, n, *n.op.AsPad());
    case Op::Expand:
      return infer_expand(g, n);
    default:
      return bad("an op without a shape rule");
  }
}

}  // namespace

Result<TensorType> infer(const Graph& g, const Node& node) {
  auto type = infer_op(g, node);
  if (!type) return type;
  for (int64_t d : type->shape)
    if (d > kMaxDim || d < -1) return bad("an output of " + type->shape.text());
  return type;
}

Result<void> infer_all(Graph& g) {
  for (const Node& n : g.nodes) {
    auto type = infer(g, n);
    if (!type)
      return Error{type.error().code, g.source + ": node '" + n.name + "' (" + op_name(n) + "): " + type.error().text};
    Tensor& out = g.tensors[static_cast<size_t>(n.outputs[0])];
    out.dtype = type->dtype;
    out.shape = type->shape;
  }
  return {};
}

namespace {

using Values = std::optional<std::vector<int64_t>>;

// Shape arithmetic in real models is a handful of nodes deep; the bound keeps a hostile file off the stack's end.
constexpr int kMaxDepth = 50;

Values values_of(const Graph& g, TensorId id, int depth);

Values concat_values(const Graph& g, const Node& n, int depth) {
  std::vector<int64_t> all;
  for (TensorId t : n.inputs) {
    const int64_t count = tensor(g, t).shape.elements();
    if (count < 0 || count > kMaxRank) return std::nullopt;
    const Values part = values_of(g, t, depth);
    const std::vector<int64_t> known = part ? *part : std::vector<int64_t>(static_cast<size_t>(count), -1);
    all.insert(all.end(), known.begin(), known.end());
  }
  return all;
}

Values gathered(const std::vector<int64_t>& x, const std::vector<int64_t>& index) {
  std::vector<int64_t> all;
  const auto size = static_cast<int64_t>(x.size());
  for (int64_t i : index) {
    if (i < -size || i >= size) return std::nullopt;
    all.push_back(x[static_cast<size_t>(i < 0 ? i + size : i)]);
  }
  return all;
}

Values values_of(const Graph& g, TensorId id, int depth) {
  if (auto constant = constant_ints(g, id)) return constant;
  auto maker = std::find_if(g.nodes.rbegin(), g.nodes.rend(), [&](const Node& n) { return n.outputs[0] == id; });
  if (maker == g.nodes.rend() || tensor(g, id).shape.rank() > 1 || tensor(g, id).shape.elements() < 0 || depth == 0)
    return std::nullopt;
  const Node& n = *maker;
  if (auto* op = as<schema::ShapeOfT>(n)) {
    const Shape& s = tensor(g, n.inputs[0]).shape;
    const auto r = clamp_slice(op->start, op->end, 1, s.rank());
    return std::vector<int64_t>(s.begin() + r.start, s.begin() + r.start + r.count);
  }
  if (as<schema::ConcatT>(n)) return concat_values(g, n, depth - 1);
  const Values x = n.inputs.empty() ? std::nullopt : values_of(g, n.inputs[0], depth - 1);
  if (!x) return std::nullopt;
  if (as<schema::ReshapeT>(n)) return x;
  if (auto* op = as<schema::CastT>(n))
    return op->to == schema::DType::s64 || op->to == schema::DType::s32 ? x : std::nullopt;
  if (auto* op = as<schema::SliceT>(n); op && n.inputs.size() == 1 && op->axes.size() == 1) {
    std::vector<int64_t> part;
    const auto r = clamp_slice(op->starts[0], op->ends[0], op->steps[0], static_cast<int64_t>(x->size()));
    for (int64_t i = 0; i < r.count; ++i) part.push_back((*x)[static_cast<size_t>(r.start + i * op->steps[0])]);
    return part;
  }
  const Values index = as<schema::GatherT>(n) ? values_of(g, n.inputs[1], depth - 1) : std::nullopt;
  return index ? gathered(*x, *index) : std::nullopt;
}

}  // namespace

std::optional<std::vector<int64_t>> known_values(const Graph& g, TensorId id) { return values_of(g, id, kMaxDepth); }

}  // namespace octet::convert
