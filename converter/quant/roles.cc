// One table of ops; it mirrors what can_int8 in runtime/ops says, which has the last word when a session is prepared.
#include "converter/quant/roles.h"

#include <algorithm>
#include <cmath>

namespace octet::convert {
namespace {

constexpr int64_t kMaxDepth =
    33000;  // 33000 * 255 * 127 < 2^30: sums stay inside 32 bits (runtime/ops/conv/conv2d_common.cc)

using schema::Op;

bool is_float(const Graph& g, TensorId t) { return t >= 0 && tensor(g, t).dtype == DType::kF32; }

bool has_layer_weights(const Graph& g, const Node& node) {
  const Tensor& w = tensor(g, node.inputs[1]);
  if (!w.constant || w.dtype != DType::kF32 || !is_float(g, node.inputs[0]) || tensor(g, node.inputs[0]).constant)
    return false;
  if (node.inputs.size() > 2 && node.inputs[2] >= 0 && !tensor(g, node.inputs[2]).constant) return false;
  return w.shape.elements() > 0 && depth(g, node) <= kMaxDepth;
}

Role role_of_matmul(const Graph& g, const Node& node) {
  const auto* m = node.op.AsMatMul();
  const bool rows = m->transpose_b && !m->transpose_a && tensor(g, node.inputs[1]).shape.rank() == 2;
  if (rows && has_layer_weights(g, node)) return Role::kLayer;
  const bool bias = node.inputs.size() > 2 && node.inputs[2] >= 0;
  const int64_t inner = tensor(g, node.inputs[0]).shape[m->transpose_a ? -2 : -1];
  const bool fits = is_float(g, node.inputs[1]) && !tensor(g, node.inputs[0]).constant &&
                    !tensor(g, node.inputs[1]).constant && inner <= kMaxDepth;
  return fits && (!bias || tensor(g, node.inputs[2]).constant) ? Role::kProduct : Role::kFloat;
}

bool finite(const Tensor& t) {
  const auto values = t.values<float>();
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

Role role_of_binary(const Graph& g, const Node& node) {
  const auto kind = node.op.AsBinary()->kind;
  const bool can =
      kind == schema::BinaryKind::add || kind == schema::BinaryKind::sub || kind == schema::BinaryKind::mul;
  for (TensorId t : node.inputs)
    if (!is_float(g, t) || !finite(tensor(g, t))) return Role::kFloat;
  return can ? Role::kOwn : Role::kFloat;
}

// Functions that are steep somewhere would need more than 256 values of their argument.
Role role_of_unary(const Node& node) {
  switch (node.op.AsUnary()->kind) {
    case schema::UnaryKind::act:
    case schema::UnaryKind::neg:
    case schema::UnaryKind::abs:
      return Role::kOwn;
    default:
      return Role::kFloat;
  }
}

Role role_of_pad(const Node& node) {
  const auto* pad = node.op.AsPad();
  return pad->mode != schema::PadMode::constant || pad->value == 0 ? Role::kSame : Role::kFloat;
}

int normalised(int axis, int rank) { return axis < 0 ? axis + rank : axis; }

struct Tied {
  const Graph& g;
  const Node& node;
  const Tie& tie;
  const Merge& merge;

  const Shape& shape(TensorId t) const { return tensor(g, t).shape; }
  TensorId out() const { return node.outputs[0]; }

  // All channels of the tensor and of the output are one.
  void across(TensorId in) const {
    merge(in);
    merge(out());
    tie(in, 0, 0);
  }
  void channel_for_channel(TensorId in) const {
    const int64_t n = channels(tensor(g, in));
    if (n != channels(tensor(g, out()))) return across(in);
    for (int64_t c = 0; c < n; ++c) tie(in, c, c);
  }
  void concat() const {
    const int rank = shape(out()).rank();
    if (normalised(node.op.AsConcat()->axis, rank) != rank - 1) {
      for (TensorId in : node.inputs) channel_for_channel(in);
      return;
    }
    int64_t at = 0;
    for (TensorId in : node.inputs) at += shape(in)[-1] > 0 ? shape(in)[-1] : int64_t{1} << 40;
    if (at != shape(out())[-1]) {
      for (TensorId in : node.inputs) across(in);
      return;
    }
    at = 0;
    for (TensorId in : node.inputs)
      for (int64_t c = 0; c < shape(in)[-1]; ++c) tie(in, c, at++);
  }
  void slice() const {
    const TensorId in = node.inputs[0];
    const auto* s = node.op.AsSlice();
    const int rank = shape(in).rank();
    const int64_t n = channels(tensor(g, in)), kept = channels(tensor(g, out()));
    if (rank == 0 || s->starts.empty() || s->starts.size() != s->axes.size())
      return n == kept ? channel_for_channel(in) : across(in);
    int64_t start = 0, step = 1;
    for (size_t i = 0; i < s->axes.size(); ++i)
      if (normalised(s->axes[i], rank) == rank - 1) {
        start = s->starts[i] < 0 ? s->starts[i] + n : s->starts[i];
        if (i < s->steps.size()) step = s->steps[i];
      }
    start = std::clamp<int64_t>(start, 0, n - 1);
    if (shape(in)[-1] < 0 || start + step * (kept - 1) < 0 || start + step * (kept - 1) >= n) return across(in);
    for (int64_t c = 0; c < kept; ++c) tie(in, start + c * step, c);
  }
  void pad() const {
    const auto& p = *node.op.AsPad();
    const bool spatial = !p.before.empty() && p.before.back() == 0 && !p.after.empty() && p.after.back() == 0;
    spatial ? channel_for_channel(node.inputs[0]) : across(node.inputs[0]);
  }
};

}  // namespace

int64_t channels(const Tensor& t) { return t.shape.rank() > 0 && t.shape[-1] > 0 ? t.shape[-1] : 1; }

Role role(const Graph& g, const Node& node) {
  if (node.outputs.size() != 1 || node.inputs.empty() || !is_float(g, node.inputs[0]) || !is_float(g, node.outputs[0]))
    return Role::kFloat;
  switch (node.op.type) {
    case Op::Conv2d:
      return has_layer_weights(g, node) ? Role::kLayer : Role::kFloat;
    case Op::MatMul:
      return role_of_matmul(g, node);
    case Op::Binary:
      return role_of_binary(g, node);
    case Op::Unary:
      return role_of_unary(node);
    case Op::Affine:
      return Role::kOwn;
    case Op::Pool2d:
      return node.op.AsPool2d()->kind == schema::PoolKind::max ? Role::kSame : Role::kOwn;
    case Op::Pad:
      return role_of_pad(node);
    case Op::Concat:
    case Op::Slice:
    case Op::Reshape:
    case Op::Transpose:
    case Op::Expand:
      return Role::kSame;
    case Op::Resize:  // a cubic one gives values beyond its input's, and runs in float
      return node.op.AsResize()->mode == schema::ResizeMode::cubic ? Role::kFloat : Role::kSame;
    default:
      return Role::kFloat;
  }
}

std::string why_float(const Graph& g, const Node& node) {
  const auto* m = as<schema::MatMulT>(node);
  if (!m && !as<schema::Conv2dT>(node)) return {};
  const Shape& x = tensor(g, node.inputs[0]).shape;
  const bool weights = tensor(g, node.inputs[1]).constant;
  const int64_t products = weights ? depth(g, node) : m ? x[m->transpose_a ? -2 : -1] : 0;
  if (products > kMaxDepth)
    return "sums of " + std::to_string(products) + " int8 products do not fit 32 bits, at most " +
           std::to_string(kMaxDepth) + " do";
  return "its operands are of a kind that int8 does not take";
}

bool int8_operand(const Graph& g, const Node& node, Role role, size_t i) {
  if (role == Role::kFloat || !is_float(g, node.inputs[i])) return false;
  if (node.op.type == Op::Affine) return i == 0;
  if (role == Role::kProduct) return i < 2;
  return role != Role::kLayer || i == 0 || i == 3;
}

void ties(const Graph& g, const Node& node, const Tie& tie, const Merge& merge) {
  const Tied t{g, node, tie, merge};
  const TensorId in = node.inputs[0];
  switch (node.op.type) {
    case Op::Concat:
      return t.concat();
    case Op::Slice:
      return t.slice();
    case Op::Pad:
      return t.pad();
    case Op::Transpose: {
      const auto& perm = node.op.AsTranspose()->perm;
      const bool stays = !perm.empty() && perm.back() == static_cast<int32_t>(perm.size()) - 1;
      return stays ? t.channel_for_channel(in) : t.across(in);
    }
    case Op::Expand:
      return t.shape(in).rank() && t.shape(in)[-1] > 1 ? t.channel_for_channel(in) : t.across(in);
    case Op::Reshape: {
      const Shape &from = t.shape(in), &to = t.shape(t.out());
      const bool stays = from.rank() && to.rank() && from[-1] > 0 && from[-1] == to[-1];
      return stays ? t.channel_for_channel(in) : t.across(in);
    }
    default:
      return t.channel_for_channel(in);
  }
}

}  // namespace octet::convert
