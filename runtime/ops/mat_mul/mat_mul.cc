// The matrix product's names, checks and shape rule. With constant weights it runs as a convolution over rows (conv2d.h);
// the products of two activations are in mat_mul_f32.cc and mat_mul_int8.cc.
#include "runtime/ops/mat_mul/mat_mul.h"

#include "runtime/ops/common.h"
#include "runtime/ops/conv/act16.h"
#include "runtime/ops/conv/conv2d.h"

namespace octet {
namespace {

using Attributes = schema::MatMul;

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"matmul", "MatMul", "Gemm", "matmul_v2", "mul", "fc"};
  return kNames;
}

conv::Geometry geometry(const Shape& weight) {
  conv::Geometry g;
  g.out = weight[0], g.in = weight[1];
  return g;
}

// b [n, k] in the file: packed when preparing, or already there.
bool has_weights(const NodeDef& node, const ModelData& model) {
  const TensorDef& b = model.input(node, 1);
  const auto& a = node.attributes<Attributes>();
  return b.constant && b.shape.rank() == 2 && a.transpose_b() && !a.transpose_a();
}

Result<void> check(const NodeDef& node, const ModelData& model) {
  const auto& a = node.attributes<Attributes>();
  OCTET_TRY(check_activation(node, a.act()));
  OCTET_TRY(check_type(node, model, 0, {DType::kF32}));
  OCTET_TRY(check_type(node, model, 1, {DType::kF32, DType::kS8}));
  const TensorDef& x = model.input(node, 0);
  const TensorDef& b = model.input(node, 1);
  if (x.shape.rank() < 1 || b.shape.rank() < 2)
    return bad_node(node, "operands " + x.shape.text() + " and " + b.shape.text());
  const int64_t n = b.shape[a.transpose_b() ? -2 : -1];
  if (has_weights(node, model)) {
    const conv::Geometry g = geometry(b.shape);
    if (const std::string wrong = conv::check_weights(g, b); !wrong.empty()) return bad_node(node, wrong);
    if (x.quant.per_channel() && static_cast<int64_t>(x.quant.scale.size()) != g.in)
      return bad_node(
          node, text_of(static_cast<int64_t>(x.quant.scale.size())) + " scales for " + text_of(g.in) + " channels");
  } else {
    if (b.dtype != DType::kF32) return bad_node(node, "int8 weights must be [n, k] and a not transposed");
    if (x.shape.rank() < 2) return bad_node(node, "a vector times a matrix that is no constant [n, k]");
  }
  if (node.has_input(2) && n < 0) return bad_node(node, "a bias for an unknown number of channels");
  if (const std::string wrong = conv::check_bias(node, model, n); !wrong.empty()) return bad_node(node, wrong);
  if (has_weights(node, model)) {
    auto fine = conv::check_act16(node, model, geometry(b.shape), a.act(), false);
    if (!fine) return bad_node(node, fine.error().text);
  } else if (node.act16) {
    return bad_node(node, "an activation in 16 bits without constant weights");
  }
  const Quant& y = model.output(node, 0).quant;
  if (y.per_channel() && n >= 0 && static_cast<int64_t>(y.scale.size()) != n)
    return bad_node(node, text_of(static_cast<int64_t>(y.scale.size())) + " scales for " + text_of(n) + " channels");
  return {};
}

Result<void> check_data(const NodeDef& node, const ModelData& model) {
  if (!has_weights(node, model)) return {};
  const TensorDef& b = model.input(node, 1);
  if (const std::string wrong = conv::check_weight_values(geometry(b.shape), b); !wrong.empty())
    return bad_node(node, wrong);
  return {};
}

Result<void> infer(Inference& i) {
  const auto& attributes = i.node.attributes<Attributes>();
  const Shape& a = i.shape(0);
  const Shape& b = i.shape(1);
  const auto bad = [&](const char* why) { return i.error("operands " + a.text() + " and " + b.text() + ": " + why); };
  const int64_t n = b[attributes.transpose_b() ? -2 : -1], k = b[attributes.transpose_b() ? -1 : -2];
  if (a.rank() < 1 || (a.rank() < 2 && attributes.transpose_a())) return bad("no matrix");
  const int64_t a_k = a[attributes.transpose_a() ? -2 : -1];
  if (a_k != k && std::min(a_k, k) >= 0) return bad("the inner sizes differ");
  if (!may_fit_int(k) || !may_fit_int(n)) return bad("too large");
  Shape y = a;
  if (a.rank() >= 2) {
    const int rank = std::max(a.rank(), b.rank());
    y = Shape();
    for (int d = rank; d > 2; --d) {  // leading sizes as NumPy broadcasts them
      const auto size = broadcast(d > a.rank() ? 1 : a[-d], d > b.rank() ? 1 : b[-d]);
      if (!size) return bad("the leading sizes do not broadcast");
      y.push_back(*size);
    }
    y.push_back(a[attributes.transpose_a() ? -1 : -2]);
    y.push_back(n);
  } else {
    y[-1] = n;
  }
  i.out(0, y);
  return {};
}

Int8Rule int8(const NodeDef& node, const ModelData& model) {
  const TensorDef &a = model.input(node, 0), &b = model.input(node, 1);
  if (has_weights(node, model)) {
    if (b.shape[1] > kMaxDepth) return {};
    return {.kind = Int8Rule::Kind::kLayer, .f32_inputs = 0b110, .given_only = a.constant};
  }
  const int64_t depth = a.shape[node.attributes<Attributes>().transpose_a() ? -2 : -1];
  if (b.constant || depth > kMaxDepth) return {};
  return {.kind = Int8Rule::Kind::kProduct, .f32_inputs = 0b100, .one_scale_in = true, .given_only = a.constant};
}

conv::Layer layer_of(Prepare& p) {
  conv::Layer layer{p, geometry(p.tensor(1).shape), activation(p.node->attributes<Attributes>().act())};
  layer.g.in_w = layer.g.out_w = p.in(0).rows();
  layer.label = "matmul";
  return layer;
}

std::vector<Offer> offers(Prepare& p) {
  if (!has_weights(*p.node, p.model)) return {};
  return conv::offers(layer_of(p));
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const auto& a = p.node->attributes<Attributes>();
  if (!has_weights(*p.node, p.model)) {
    if (p.int8()) return mat_mul::prepare_int8(p, a.transpose_a(), a.transpose_b(), activation(a.act()));
    return mat_mul::prepare_f32(p, a.transpose_a(), a.transpose_b(), activation(a.act()));
  }
  return conv::prepare(layer_of(p));
}

}  // namespace

mat_mul::Operand mat_mul::operand(const Value& v, const Shape& out, bool transposed) {
  Operand o{v.id, v.pitch, v.shape[-2], v.shape[-1], transposed, 1, {}};
  int64_t batches = 1;
  for (int d = 0; d < v.shape.rank() - 2; ++d) o.batches *= v.shape[d];
  for (int d = 0; d < out.rank() - 2; ++d) batches *= out[d];
  for (int64_t i = 0; i < batches; ++i) {
    int64_t rest = i, at = 0, stride = 1;
    for (int d = 3; d <= out.rank(); ++d) {
      const int64_t index = rest % out[-d];
      rest /= out[-d];
      if (d > v.shape.rank()) continue;
      if (v.shape[-d] != 1) at += index * stride;
      stride *= v.shape[-d];
    }
    o.batch.push_back(at);
  }
  return o;
}

extern const OpKind kMatMul;
const OpKind kMatMul = {
    .type = schema::Op::MatMul,
    .names = names,
    .min_inputs = 2,
    .max_inputs = 3,
    .check = check,
    .infer = infer,
    .prepare = prepare,
    .offers = offers,
    .int8 = int8,
    .check_data = check_data,
    .pitched_in = true,
    .pitched_out = true,
    .gives_f32_from_int8 = true,
};

}  // namespace octet
