// A node while it is written as ONNX.
#include "converter/export/export_node.h"

#include "runtime/ops/common.h"

namespace octet::convert {

std::string ExportNode::operand(int i) const {
  if (!has(i)) return {};
  const int t = def.inputs[static_cast<size_t>(i)];
  return int8() && octet::quantised(in(i)) ? e.quantised(t, layout) : e.value(t, layout);
}

bool ExportNode::moves_steps() const {
  if (!int8()) return false;
  bool per_channel = result_def().quant.per_channel();
  for (int i = 0; i < static_cast<int>(def.inputs.size()); ++i)
    per_channel = per_channel || (has(i) && in(i).quant.per_channel());
  return per_channel;
}

std::string ExportNode::emit(const std::string& op, Names inputs, const Attributes& attributes) const {
  return e.out.node(op, std::move(inputs), attributes, name() + "_" + op);
}

// One op from opset 20 on. Before, x / 2 * (1 + erf(x / sqrt(2))), or x * sigmoid(x * (a + b * x * x)).
std::string ExportNode::gelu(const std::string& x, bool by_tanh) const {
  if (opset() >= 20) return emit("Gelu", {x}, {{"approximate", std::string(by_tanh ? "tanh" : "none")}});
  if (!by_tanh) {
    const std::string erf = emit("Erf", {emit("Mul", {x, scalar(0.707106781f)})});
    return emit("Mul", {emit("Mul", {x, scalar(0.5f)}), emit("Add", {erf, scalar(1)})});
  }
  const std::string cubic = emit("Mul", {emit("Mul", {x, x}), scalar(0.0713548163f)});
  return emit("Mul", {x, emit("Sigmoid", {emit("Mul", {x, emit("Add", {cubic, scalar(1.59576912f)})})})});
}

// HardSwish of ONNX has these two numbers.
static bool is_hard_swish(const schema::Activation& act) { return act.a() == 1.0f / 6 && act.b() == 0.5f; }

Result<std::string> ExportNode::activated(std::string x, const schema::Activation* act) const {
  using schema::ActKind;
  const ActKind kind = act ? act->kind() : ActKind::none;
  const auto hard_sigmoid = [&] { return emit("HardSigmoid", {x}, {{"alpha", act->a()}, {"beta", act->b()}}); };
  switch (kind) {
    case ActKind::none:
      return x;
    case ActKind::relu:
      return emit("Relu", {x});
    case ActKind::clip:
      return emit("Clip", {x, scalar(act->a()), scalar(act->b())});
    case ActKind::silu:
      return emit("Mul", {x, emit("Sigmoid", {x})});
    case ActKind::sigmoid:
      return emit("Sigmoid", {x});
    case ActKind::hard_swish:
      if (opset() >= 14 && is_hard_swish(*act)) return emit("HardSwish", {x});
      return emit("Mul", {x, hard_sigmoid()});
    case ActKind::hard_sigmoid:
      return hard_sigmoid();
    case ActKind::leaky_relu:
      return emit("LeakyRelu", {x}, {{"alpha", act->a()}});
    case ActKind::tanh:
      return emit("Tanh", {x});
    case ActKind::gelu:
    case ActKind::gelu_tanh:
      return gelu(x, kind == ActKind::gelu_tanh);
  }
  return refuse("has an activation that ONNX lacks");
}

Result<void> ExportNode::result(const std::string& made, bool in_steps, bool on_grid) const {
  e.made(def.outputs[0], layout_of(0), made, {.u8 = to_u8(), .in_steps = in_steps, .on_grid = on_grid});
  return {};
}

Result<void> ExportNode::results(const Names& names) const {
  for (size_t k = 0; k < names.size(); ++k)
    e.made(def.outputs[k], layout_of(static_cast<int>(k)), names[k], {.u8 = e.to_u8(index_, def.outputs[k])});
  return {};
}

int64_t ExportNode::axis(int64_t a, int rank) const {
  if (a < 0) a += rank;
  constexpr int64_t kNchwPlace[] = {0, 2, 3, 1};
  return layout == Layout::kNchw && rank == 4 ? kNchwPlace[a] : a;
}

Error ExportNode::refuse(const std::string& what) const {
  return error(Code::kUnsupported, e.model.name, ": ", def.kind->names(def)[0], " '", def.name, "' ", what);
}

}  // namespace octet::convert
