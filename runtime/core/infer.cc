// Shape inference, with small integer tensors computed on the way by the ops' own execution.
#include "runtime/core/infer.h"

#include <algorithm>
#include <array>
#include <numeric>

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

Unknowns unknowns(const Inferred& all, const NodeDef& node, size_t input) {
  const Value &in = all.values[static_cast<size_t>(node.inputs[input])],
              &out = all.values[static_cast<size_t>(node.outputs[0])];
  if (node.kind->unknowns) return node.kind->unknowns(node, static_cast<int>(input), in, out);
  return node.kind->moves_only && input == 0 ? Unknowns::kMoved : Unknowns::kRefused;
}

std::byte* new_memory(Inferred& all, size_t bytes) {
  all.bytes += bytes + kernels::kReadSlack;
  return all.memory.emplace_back(bytes + kernels::kReadSlack).data();
}

// Whether the node's outputs follow from what is known.
bool known(const Inferred& all, const NodeDef& node) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] < 0) continue;
    const Unknowns how = unknowns(all, node, i);
    const Value& v = all.values[static_cast<size_t>(node.inputs[i])];
    if (node.kind->shapes_only && (how != Unknowns::kRefused || v.shape.elements() >= 0)) continue;
    if (!v.constant || v.dtype == DType::kS8 || v.shape.elements() > kMaxEvaluated) return false;
    bool complete = true;
    for_unknown(v, [&](int64_t) { complete = false; });
    if (!complete && how == Unknowns::kRefused) return false;
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
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] < 0 || unknowns(all, node, i) != Unknowns::kSpread) continue;
    const Value& in = all.values[static_cast<size_t>(node.inputs[i])];
    for_unknown(in, [&](int64_t k) {
      if (in.shape.elements() == out.shape.elements()) return mark(k);
      for (int64_t every = 0; every < out.shape.elements(); ++every) mark(every);
    });
  }
}

Result<void> evaluate(const ModelData& model, const NodeDef& node, const SessionOptions& options, Inferred& all) {
  if (node.kind->sizes_from_data || !known(all, node)) return {};
  for (int t : node.outputs) {
    const int64_t elements = all.values[static_cast<size_t>(t)].shape.elements();
    if (elements < 0 || elements > kMaxEvaluated) return {};
  }
  std::deque<Value> operands;
  std::vector<const Value*> inputs;
  std::vector<Value*> outputs;
  std::vector<std::byte*> pointers;
  auto add = [&](int t, std::byte* memory) {
    operands.push_back(all.values[static_cast<size_t>(t)]);
    operands.back().id = static_cast<int>(pointers.size());
    pointers.push_back(memory);
    return &operands.back();
  };
  for (int t : node.inputs) {
    const auto* data = t < 0 ? nullptr : all.values[static_cast<size_t>(t)].constant;
    inputs.push_back(t < 0 ? nullptr : add(t, const_cast<std::byte*>(data)));  // inputs are only read
  }
  for (int t : node.outputs) {
    const Value& v = all.values[static_cast<size_t>(t)];
    outputs.push_back(add(t, new_memory(all, static_cast<size_t>(v.shape.elements()) * size_of(v.dtype))));
  }
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
  for (size_t i = 0; i < outputs.size(); ++i) {
    Value& out = all.values[static_cast<size_t>(node.outputs[i])];
    std::byte* data = pointers[static_cast<size_t>(outputs[i]->id)];
    mark_unknown(all, node, out, data);
    out.constant = data;
  }
  return {};
}

Result<void> check_output(const Inference& inference, int index) {
  const NodeDef& node = inference.node;
  Value& out = inference.values[static_cast<size_t>(node.outputs[static_cast<size_t>(index)])];
  out.pitch = out.channels();
  int64_t elements = 1;
  bool too_large = false;
  for (int64_t d : out.shape)  // a large size is one beside a size of 0, too
    too_large =
        too_large || d > kMaxOutput || (d >= 0 && !checked_mul(elements, d, &elements)) || elements > kMaxOutput;
  if (!inference.partial && std::find(out.shape.begin(), out.shape.end(), -1) != out.shape.end())
    return inference.error("output " + out.shape.text() + " has an unknown size");
  if (too_large) return inference.error("output " + out.shape.text() + " is too large");
  const Quant& quant = inference.model.output(node, index).quant;
  if (quant.per_channel() && static_cast<int64_t>(quant.scale.size()) != out.channels())
    return inference.error(std::to_string(quant.scale.size()) + " scales for " + std::to_string(out.channels()) +
                           " channels");
  return {};
}

// Infers what can be inferred of the nodes; the others become all.rest.
Result<void> infer_nodes(const ModelData& model, std::span<const int> nodes, const SessionOptions& options,
                         Inferred& all) {
  std::vector<bool> waits(model.tensors.size(), false);  // for the shape or the value
  std::vector<bool> asked(model.tensors.size(), false);  // all.wanted has it
  auto leave = [&](int n) {
    all.rest.push_back(n);
    for (int t : model.nodes[static_cast<size_t>(n)].outputs) waits[static_cast<size_t>(t)] = true;
  };
  for (int n : nodes) {
    const NodeDef& node = model.nodes[static_cast<size_t>(n)];
    if (std::any_of(node.inputs.begin(), node.inputs.end(),
                    [&](int t) { return t >= 0 && waits[static_cast<size_t>(t)]; })) {
      leave(n);
      continue;
    }
    int wanted = -1;
    if (auto done = infer(model, node, options, false, all, &wanted); !done) {
      if (wanted < 0) return done;
      if (!asked[static_cast<size_t>(wanted)]) all.wanted.push_back(wanted);
      asked[static_cast<size_t>(wanted)] = true;
      leave(n);
      continue;
    }
    if (options.memory_limit && all.bytes > options.memory_limit)
      return octet::error(Code::kMemory, where(model, &node), ": shape arithmetic up to here needs ", all.bytes >> 20,
                          " MiB, more than the session's limit; use smaller inputs or raise memory_limit");
    all.nodes.push_back(n);
    if (!node.kind->sizes_from_data) continue;
    for (int t : node.outputs) {
      all.sized.push_back(t);
      waits[static_cast<size_t>(t)] = true;
    }
  }
  return {};
}

}  // namespace

Error Inference::error(const std::string& what) const {
  return octet::error(Code::kBadArgument, where(model, &node), ": ", what);
}

Result<void> Prepare::has_room(size_t bytes) const {
  if (memory && !memory->fits(bytes)) return memory->too_little(where(model, node), bytes);
  return {};
}

Result<void> Prepare::take(size_t bytes) {
  OCTET_TRY(has_room(bytes));
  if (memory) memory->taken += bytes;
  return {};
}

Error Prepare::error(const std::string& what) const {
  return octet::error(Code::kUnsupported, where(model, node), ": ", what);
}

Result<std::span<const int64_t>> Inference::known_s64(int i) {
  const Value& v = in(i);
  if (v.dtype != DType::kS64) return error("input " + std::to_string(i) + " must be s64");
  if (!v.constant) {
    static constexpr auto kNothing = [] {
      std::array<int64_t, kMaxRank * 2> all{};
      all.fill(kUnknown);
      return all;
    }();
    const int64_t count = v.shape.elements();
    if (!partial && count <= kMaxEvaluated) wanted = node.inputs[static_cast<size_t>(i)];
    if (!partial || count < 0 || count > static_cast<int64_t>(kNothing.size()))
      return error("input " + std::to_string(i) + " has too many elements to say sizes");
    return std::span(kNothing).first(static_cast<size_t>(count));
  }
  return std::span(reinterpret_cast<const int64_t*>(v.constant), static_cast<size_t>(v.shape.elements()));
}

Result<void> infer(const ModelData& model, const NodeDef& node, const SessionOptions& options, bool partial,
                   Inferred& all, int* wanted) {
  Inference inference{model, node, all.values, partial};
  if (auto done = node.kind->infer(inference); !done) {
    if (wanted) *wanted = inference.wanted;
    return done;
  }
  for (int i = 0; i < node.kind->outputs; ++i) OCTET_TRY(check_output(inference, i));
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
  std::vector<int> nodes(model.nodes.size());
  std::iota(nodes.begin(), nodes.end(), 0);
  OCTET_TRY(infer_nodes(model, nodes, options, all));
  return all;
}

Result<Inferred> infer_rest(const ModelData& model, const Inferred& before, std::span<const int64_t> found,
                            const SessionOptions& options) {
  Inferred all;
  all.values = before.values;
  for (int t : before.sized) {
    Value& v = all.values[static_cast<size_t>(t)];
    for (int d = 0; d < v.shape.rank(); ++d) v.shape[d] = found[static_cast<size_t>(d)];
    v.pitch = v.channels();
    found = found.subspan(static_cast<size_t>(v.shape.rank()));
  }
  for (int t : before.wanted) {
    Value& v = all.values[static_cast<size_t>(t)];
    const size_t bytes = static_cast<size_t>(v.shape.elements()) * size_of(v.dtype);
    std::byte* memory = new_memory(all, bytes);
    std::copy_n(reinterpret_cast<const std::byte*>(found.data()), bytes, memory);
    v.constant = memory;
    found = found.subspan(words_of(v));
  }
  OCTET_TRY(infer_nodes(model, before.rest, options, all));
  return all;
}

}  // namespace octet
