// Building a plan: which nodes run in int8, which conversions that needs, what is a view of what, where memory lies.
#include "runtime/plan.h"

#include <algorithm>
#include <map>

#include "runtime/arena.h"
#include "runtime/precision.h"
#include "runtime/views.h"

namespace octet {
namespace {

// Far above what detectors and segmenters need; a damaged file must not take all memory.
constexpr size_t kMaxArenaBytes = size_t{1} << (sizeof(size_t) > 4 ? 34 : 30);

class Planner {
 public:
  Planner(Plan& plan, const SessionOptions& options, std::vector<bool> int8)
      : plan_(plan), model_(plan.model), options_(options), int8_(std::move(int8)) {}

  Result<void> build() {
    consumers_in_int8();
    for (int t : model_.inputs) plan_.inputs.push_back(form(t, model_.tensors[static_cast<size_t>(t)].dtype));
    for (size_t n = 0; n < model_.nodes.size(); ++n) add_node(n);
    for (int t : model_.outputs) plan_.outputs.push_back(native(t));
    plan_.places.resize(plan_.values.size());
    if (!options_.tap) {
      make_views(plan_);
      write_in_place(plan_);
    }
    OCTET_TRY(prepare_steps());
    place_values();
    if (plan_.arena_bytes > kMaxArenaBytes)
      return error(Code::kUnsupported, model_.name, ": would need ", plan_.arena_bytes >> 20,
                   " MiB of activations, more than ", kMaxArenaBytes >> 20, "; use smaller inputs");
    return {};
  }

 private:
  const TensorDef& def(int t) const { return model_.tensors[static_cast<size_t>(t)]; }

  // Tensors that some int8 node reads as u8.
  void consumers_in_int8() {
    read_as_u8_.assign(model_.tensors.size(), false);
    for (size_t n = 0; n < model_.nodes.size(); ++n)
      if (int8_[n])
        for (int t : model_.nodes[n].inputs)
          if (t >= 0 && !def(t).quant.empty()) read_as_u8_[static_cast<size_t>(t)] = true;
  }

  // The value that holds tensor t as dtype, made when first asked for.
  int form(int t, DType dtype) {
    auto [it, fresh] = forms_.try_emplace({t, dtype}, static_cast<int>(plan_.values.size()));
    if (fresh) {
      Value v = plan_.inferred.values[static_cast<size_t>(t)];
      v.id = it->second;
      v.dtype = dtype;
      if (dtype != def(t).dtype) {
        v.quant = def(t).quant;
        v.constant = nullptr;
      }
      plan_.values.push_back(v);
    }
    return it->second;
  }

  bool exists(int t, DType dtype) const { return forms_.count({t, dtype}) > 0; }

  // Tensor t as dtype, converted from its other form where that is all there is.
  int need(int t, DType dtype) {
    if (exists(t, dtype)) return form(t, dtype);
    const DType other = dtype == DType::kU8 ? DType::kF32 : DType::kU8;
    if (dtype == def(t).dtype && !exists(t, other)) return form(t, dtype);  // a constant
    PlanStep convert;
    convert.quantize = dtype == DType::kU8;
    convert.precision = Precision::kInt8;
    convert.inputs = {form(t, other)};
    convert.outputs = {form(t, dtype)};
    plan_.steps.push_back(std::move(convert));
    return form(t, dtype);
  }

  int native(int t) { return need(t, def(t).dtype); }

  bool is_output(int t) const {
    return std::find(model_.outputs.begin(), model_.outputs.end(), t) != model_.outputs.end();
  }

  void add_node(size_t n) {
    const NodeDef& node = model_.nodes[n];
    const int out = node.outputs[0];
    if (plan_.inferred.values[static_cast<size_t>(out)].constant && !is_output(out))
      return;  // shape arithmetic, known already
    PlanStep step;
    step.node = &node;
    step.precision = int8_[n] ? Precision::kInt8 : Precision::kF32;
    for (int t : node.inputs) {
      if (t < 0)
        step.inputs.push_back(-1);
      else
        step.inputs.push_back(int8_[n] && !def(t).quant.empty() ? need(t, DType::kU8) : native(t));
    }
    DType dtype = def(out).dtype;
    if (int8_[n] && dtype == DType::kF32 && !(node.kind->gives_f32_from_int8 && !read_as_u8_[static_cast<size_t>(out)]))
      dtype = DType::kU8;
    step.outputs = {form(out, dtype)};
    if (plan_.values[static_cast<size_t>(step.outputs[0])].constant)
      plan_.values[static_cast<size_t>(step.outputs[0])].constant = nullptr;
    plan_.steps.push_back(std::move(step));
  }

  Result<void> prepare_steps() {
    for (PlanStep& s : plan_.steps) {
      std::vector<const Value*> inputs;
      std::vector<Value*> outputs;
      for (int v : s.inputs) inputs.push_back(v < 0 ? nullptr : &plan_.values[static_cast<size_t>(v)]);
      for (int v : s.outputs) outputs.push_back(&plan_.values[static_cast<size_t>(v)]);
      Prepare p{model_, s.node, options_, kernels::best_isa(), inputs, outputs, s.step};
      // What has no elements needs no work, and ops need not think of dividing by its sizes.
      if (outputs[0]->shape.elements() == 0)
        s.step = {[](const RunContext&) {}, "empty"};
      else
        OCTET_TRY(s.node ? s.node->kind->prepare(p) : s.quantize ? prepare_quantize(p) : prepare_dequantize(p));
      StepProfile profile;
      const int tensor = outputs[0]->tensor;
      profile.node = s.node ? s.node->name : def(tensor).name;
      profile.op = s.node ? s.node->kind->names(*s.node)[0] : s.quantize ? "quantize" : "dequantize";
      profile.kernel = s.step.kernel;
      profile.precision = s.precision;
      if (inputs[0]) profile.input = inputs[0]->shape;
      profile.output = outputs[0]->shape;
      profile.macs = s.step.macs;
      plan_.profile.push_back(std::move(profile));
    }
    return {};
  }

  // Lifetimes of the values that own memory, extended by those of the values inside them.
  void place_values() {
    const int end = static_cast<int>(plan_.steps.size());
    std::vector<Lifetime> lives(plan_.values.size(), {0, end + 1, -1});
    auto touch = [&](int v, int at) {
      Lifetime& life = lives[static_cast<size_t>(root(plan_, v))];
      life.first = std::min(life.first, at);
      life.last = std::max(life.last, at);
    };
    for (int v : plan_.inputs) touch(v, 0), touch(v, end);
    for (int v : plan_.outputs) touch(v, end);
    size_t scratch = 0;
    for (int i = 0; i < end; ++i) {
      const PlanStep& s = plan_.steps[static_cast<size_t>(i)];
      for (int v : s.inputs)
        if (v >= 0 && !plan_.values[static_cast<size_t>(v)].constant) touch(v, i);
      for (int v : s.outputs) touch(v, i);
      scratch = std::max(scratch, s.step.scratch_bytes);
    }
    std::vector<Lifetime> used;
    std::vector<size_t> owner;
    for (size_t v = 0; v < lives.size(); ++v) {
      if (lives[v].last < 0) continue;
      const Value& value = plan_.values[v];
      lives[v].bytes = static_cast<size_t>(value.rows() * value.pitch) * size_of(value.dtype) + kernels::kReadSlack;
      used.push_back(lives[v]);
      owner.push_back(v);
    }
    used.push_back({scratch + 64, 0, end});
    const Placement placement = place(used);
    for (size_t i = 0; i < owner.size(); ++i) plan_.places[owner[i]].offset = placement.offsets[i];
    plan_.scratch_offset = placement.offsets.back();
    plan_.arena_bytes = placement.bytes;
    resolve_offsets(plan_);
  }

  Plan& plan_;
  const ModelData& model_;
  const SessionOptions& options_;
  std::vector<bool> int8_;        // by node
  std::vector<bool> read_as_u8_;  // by tensor
  std::map<std::pair<int, DType>, int> forms_;
};

}  // namespace

Result<std::unique_ptr<Plan>> Plan::make(const ModelData& model, std::span<const Shape> input_shapes,
                                         const SessionOptions& options) {
  std::unique_ptr<Plan> plan(new Plan(model));
  plan->input_shapes.assign(input_shapes.begin(), input_shapes.end());
  auto inferred = infer(model, input_shapes, options);
  if (!inferred) return inferred.error();
  plan->inferred = std::move(*inferred);
  auto int8 = choose_int8(model, options);
  if (!int8) return int8.error();
  OCTET_TRY(Planner(*plan, options, std::move(*int8)).build());
  return plan;
}

}  // namespace octet
