// Ops of single elements: Binary, Unary, Affine, Compare, Where, Cast, FakeQuantize.
#include "converter/export/export_ops.h"

namespace octet::convert {

static Result<void> export_binary(ExportNode& n) {
  const auto& a = n.attributes<schema::Binary>();
  constexpr const char* kNames[] = {"Add", "Sub", "Mul", "Div", "Pow", "Min", "Max"};
  auto y = n.activated(n.emit(kNames[static_cast<int>(a.kind())], {n.operand(0), n.operand(1)}), a.act());
  return y ? n.result(*y) : y.error();
}

static Result<void> export_unary(ExportNode& n) {
  const auto& a = n.attributes<schema::Unary>();
  constexpr const char* kNames[] = {"",     "Exp",   "Log", "Sqrt",       "Neg", "Abs", "Floor",
                                    "Ceil", "Round", "Erf", "Reciprocal", "Sin", "Cos"};
  if (a.kind() != schema::UnaryKind::act) return n.result(n.emit(kNames[static_cast<int>(a.kind())], {n.operand(0)}));
  auto y = n.activated(n.operand(0), a.act());
  return y ? n.result(*y) : y.error();
}

// Scales of channels on either side go into its numbers.
static Result<void> export_affine(ExportNode& n) {
  const octet::Quant &x = n.in(0).quant, &y = n.result_def().quant;
  const bool from_steps = n.int8() && x.per_channel(), to_steps = n.to_u8() && y.per_channel();
  const auto numbers = [&](int i) {
    return std::vector<float>(n.in(i).values<float>().begin(), n.in(i).values<float>().end());
  };
  std::vector<float> scale = numbers(1), shift = numbers(2);
  for (size_t c = 0; c < scale.size(); ++c) {
    const float step = to_steps ? y.scale_at(static_cast<int64_t>(c)) : 1.0f;
    scale[c] *= (from_steps ? x.scale_at(static_cast<int64_t>(c)) : 1.0f) / step;
    shift[c] /= step;
  }
  std::string v = n.emit("Mul", {from_steps ? n.steps(0) : n.operand(0), n.per_channel(scale)});
  v = n.emit("Add", {v, n.per_channel(shift)});
  if (n.has(3)) v = n.emit("PRelu", {v, n.per_channel(numbers(3))});
  return n.result(v, to_steps);
}

static Result<void> export_compare(ExportNode& n) {
  constexpr const char* kNames[] = {"Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "And", "Or", "Xor"};
  const auto kind = n.attributes<schema::Compare>().kind();
  return n.result(n.emit(kNames[static_cast<int>(kind)], {n.operand(0), n.operand(1)}));
}

static Result<void> export_where(ExportNode& n) {
  return n.result(n.emit("Where", {n.operand(0), n.operand(1), n.operand(2)}));
}

static Result<void> export_cast(ExportNode& n) {
  constexpr int64_t kNumbers[] = {1, 2, 3, 6, 7, 9};  // ONNX' of the schema's types
  const auto to = n.attributes<schema::Cast>().to();
  return n.result(n.emit("Cast", {n.operand(0)}, {{"to", kNumbers[static_cast<int>(to)]}}));
}

// Any bounds may stand in the file; QuantizeLinear has those of its type.
static Result<void> export_fake_quantize(ExportNode& n) {
  const auto& a = n.attributes<schema::FakeQuantize>();
  std::string v = n.emit("Div", {n.operand(0), n.scalar(a.scale())});
  v = n.emit("Clip",
             {n.emit("Round", {v}), n.scalar(static_cast<float>(a.low())), n.scalar(static_cast<float>(a.high()))});
  return n.result(n.emit("Mul", {v, n.scalar(a.scale())}));
}

static constexpr ExportOp kExportElementwiseRows[] = {
    {schema::Op::Affine, Wants::kAny, export_affine},
    {schema::Op::Binary, Wants::kAny, export_binary},
    {schema::Op::Cast, Wants::kAny, export_cast},
    {schema::Op::Compare, Wants::kAny, export_compare},
    {schema::Op::FakeQuantize, Wants::kAny, export_fake_quantize},
    {schema::Op::Unary, Wants::kAny, export_unary},
    {schema::Op::Where, Wants::kAny, export_where},
};
extern constinit const ExportRows kExportElementwise{kExportElementwiseRows};

}  // namespace octet::convert
