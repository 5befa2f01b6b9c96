// Shape inference, with small integer tensors computed on the way by the ops' own execution.
#include "runtime/infer.h"

#include <algorithm>

namespace octet {
namespace {

constexpr int64_t kMaxEvaluated = 4096;  // elements: shape arithmetic is small, and data is not to be computed here

constexpr int64_t kMaxOutput = int64_t{1} << (sizeof(size_t) > 4 ? 32 : 28);  // elements of one tensor

std::string where(const ModelData& model, const NodeDef* node) {
  if (!node) return model.name;
  return model.name + ": " + std::string(node->kind->names(*node)[0]) + " '" + std::string(node->name) + "'";
}

template <class F>
void for_unknown(const Value& v, F body) {
  for (int64_t i = 0; i < v.shape.elements(); ++i)
    if (v.dtype == DType::kS64 ? reinterpret_cast<const int64_t*>(v.constant)[i] == kUnknown
                               : v.dtype == DType::kS32 && reinterpret_cast<const int32_t*>(v.constant)[i] == kUnknown)
      body(i);
}

// Whether execution may see elements that are unknown: it moves them, or they are marked in the result (Binary).
bool takes_unknown(const Inferred& all, const NodeDef& node, size_t input) {
  const Value &in = all.values[static_cast<size_t>(node.inputs[input])],
              &out = all.values[static_cast<size_t>(node.outputs[0])];
  switch (node.kind->type) {
    case schema::Op::Concat:
    case schema::Op::Reshape:  // has no more use for its sizes once its shape is known
      return true;
    case schema::Op::Cast:
      return out.dtype == DType::kS64 || out.dtype == DType::kS32;
    case schema::Op::Binary:
      return out.shape.rank() <= 1 && in.dtype != DType::kF32;
    default:
      return node.kind->moves_only && input == 0;
  }
}

// Whether the node's output follows from what is known.
bool known(const Inferred& all, const NodeDef& node) {
  if (node.kind->type == schema::Op::ShapeOf) return true;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] < 0) continue;
    const Value& v = all.values[static_cast<size_t>(node.inputs[i])];
    if (!v.constant || v.dtype == DType::kS8 || v.shape.elements() > kMaxEvaluated) return false;
    bool complete = true;
    for_unknown(v, [&](int64_t) { complete = false; });
    if (!complete && !takes_unknown(all, node, i)) return false;
  }
  return true;
}

// Arithmetic with something unknown has made nonsense of these elements.
void mark_unknown(const Inferred& all, const NodeDef& node, const Value& out, std::byte* data) {
  auto mark = [&](int64_t i) {
    if (out.dtype == DType::kS64)
      reinterpret_cast<int64_t*>(data)[i] = kUnknown;
    else
      reinterpret_cast<int32_t*>(data)[i] = static_cast<int32_t>(kUnknown);
  };
  for (int t : node.inputs) {
    const Value& in = all.values[static_cast<size_t>(t)];
    for_unknown(in, [&](int64_t i) {
      if (in.shape.elements() == out.shape.elements()) return mark(i);
      for (int64_t k = 0; k < out.shape.elements(); ++k) mark(k);
    });
  }
}

Result<void> evaluate(const ModelData& model, const NodeDef& node, const SessionOptions& options, Inferred& all) {
  Value& out = all.values[static_cast<size_t>(node.outputs[0])];
  const int64_t elements = out.shape.elements();
  if (elements < 0 || elements > kMaxEvaluated || !known(all, node)) return {};
  auto& memory = all.memory.emplace_back(static_cast<size_t>(elements) * size_of(out.dtype) + kernels::kReadSlack);
  std::vector<Value> operands(node.inputs.size() + 1);
  std::vector<const Value*> inputs(node.inputs.size());
  std::vector<std::byte*> pointers(node.inputs.size() + 1);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] < 0) continue;
    operands[i] = all.values[static_cast<size_t>(node.inputs[i])];
    operands[i].id = static_cast<int>(i);
    inputs[i] = &operands[i];
    pointers[i] = const_cast<std::byte*>(operands[i].constant);  // inputs are only read
  }
  Value& result = operands.back();
  result = out;
  result.id = static_cast<int>(node.inputs.size());
  pointers.back() = memory.data();
  Value* outputs[] = {&result};
  Step step;
  SessionOptions single = options;
  single.threads = 1;
  single.use_onednn = false;
  Prepare prepare{model, &node, single, kernels::best_isa(), inputs, outputs, step};
  OCTET_TRY(node.kind->prepare(prepare));
  std::vector<std::byte> scratch(step.scratch_bytes + 64);
  auto* aligned = reinterpret_cast<std::byte*>((reinterpret_cast<uintptr_t>(scratch.data()) + 63) / 64 * 64);
  Threads alone(1);
  step.run({pointers.data(), aligned, alone});
  if (node.kind->type == schema::Op::Binary) mark_unknown(all, node, out, memory.data());
  out.constant = memory.data();
  return {};
}

}  // namespace

Error Inference::error(const std::string& what) const {
  return octet::error(Code::kBadArgument, where(model, &node), ": ", what);
}

Error Prepare::error(const std::string& what) const {
  return octet::error(Code::kUnsupported, where(model, node), ": ", what);
}

Result<std::span<const int64_t>> Inference::known_s64(int i) const {
  const Value& v = in(i);
  if (v.dtype != DType::kS64) return error("input " + std::to_string(i) + " must be s64");
  if (!v.constant) {
    static constexpr auto kNothing = [] {
      std::array<int64_t, kMaxRank * 2> all{};
      all.fill(kUnknown);
      return all;
    }();
    const int64_t count = v.shape.elements();
    if (!partial || count < 0 || count > static_cast<int64_t>(kNothing.size()))
      return error("input " + std::to_string(i) + " depends on data, but must be known from the input shapes");
    return std::span(kNothing).first(static_cast<size_t>(count));
  }
  return std::span(reinterpret_cast<const int64_t*>(v.constant), static_cast<size_t>(v.shape.elements()));
}

Result<void> infer(const ModelData& model, const NodeDef& node, const SessionOptions& options, bool partial,
                   Inferred& all) {
  Inference inference{model, node, all.values, partial};
  OCTET_TRY(node.kind->infer(inference));
  const TensorDef& def = model.output(node, 0);
  Value& out = all.values[static_cast<size_t>(node.outputs[0])];
  out.pitch = out.channels();
  int64_t elements = 1;
  bool too_large = false;
  for (int64_t d : out.shape)  // a large size is one beside a size of 0, too
    too_large =
        too_large || d > kMaxOutput || (d >= 0 && !checked_mul(elements, d, &elements)) || elements > kMaxOutput;
  if (!partial && std::find(out.shape.begin(), out.shape.end(), -1) != out.shape.end())
    return inference.error("output " + out.shape.text() + " has an unknown size");
  if (too_large) return inference.error("output " + out.shape.text() + " is too large");
  if (def.quant.per_channel() && static_cast<int64_t>(def.quant.scale.size()) != out.channels())
    return inference.error(std::to_string(def.quant.scale.size()) + " scales for " + std::to_string(out.channels()) +
                           " channels");
  return evaluate(model, node, options, all);
}

Result<Inferred> infer(const ModelData& model, std::span<const Shape> input_shapes, const SessionOptions& options) {
  Inferred all;
  all.values.resize(model.tensors.size());
  for (size_t t = 0; t < model.tensors.size(); ++t) {
    const TensorDef& def = model.tensors[t];
    Value& v = all.values[t];
    v.tensor = static_cast<int>(t);
    v.dtype = def.dtype;
    v.shape = def.shape;
    v.constant = def.data;
    v.pitch = v.channels();
  }
  for (size_t i = 0; i < model.inputs.size(); ++i) {
    Value& v = all.values[static_cast<size_t>(model.inputs[i])];
    v.shape = input_shapes[i];
    v.pitch = v.channels();
  }
  for (const NodeDef& node : model.nodes) OCTET_TRY(infer(model, node, options, false, all));
  return all;
}

}  // namespace octet
