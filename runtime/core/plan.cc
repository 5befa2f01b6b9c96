// Building a plan: which nodes run in int8, which conversions that needs, what is a view of what, where memory lies.
#include "runtime/core/plan.h"

#include <algorithm>

#include "runtime/core/offers.h"
#include "runtime/core/precision.h"
#include "runtime/core/views.h"

namespace octet {
namespace {

constexpr size_t kStepBytes = 1024;   // a step's closure, names and profile
constexpr size_t kChannelBytes = 64;  // the tables that an int8 step has for each channel, at most

class Planner {
 public:
  Planner(Plan& plan, const PlanSource& source)
      : plan_(plan),
        model_(source.model),
        options_(source.options),
        int8_(source.int8),
        memory_(source.memory),
        stop_(source.stop),
        observed_(source.observed) {}

  Result<void> build() {
    consumers_in_int8();
    made_.assign(model_.tensors.size(), false);
    output_.assign(model_.tensors.size(), false);
    for (int t : model_.outputs) output_[static_cast<size_t>(t)] = true;
    if (!plan_.behind) add_inputs();
    for (int n : plan_.inferred.nodes) add_node(static_cast<size_t>(n));
    add_exports();
    plan_.places.resize(plan_.values.size());
    add_imports();
    if (!observed_) {
      join_steps(plan_);
      make_views(plan_);
      write_in_place(plan_);
    }
    OCTET_TRY(take_for_itself());
    find_owners(plan_);
    const auto peak = check_peak(lifetimes(), 0);  // before ops make anything
    if (!peak) return peak.error();
    const size_t constants = model_.constants.bytes(), optional = accept_offers(*peak);
    OCTET_TRY(prepare_steps());
    place_values();
    memory_.taken -= optional;  // they are Constants by now, as are others
    const size_t now = model_.constants.bytes();
    memory_.held += now > constants ? now - constants : 0;
    if (const auto placed = check_peak(lifetimes(), plan_.arena_bytes); !placed) return placed.error();
    plan_.own_bytes = memory_.taken;
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

  void add_inputs() {
    for (int t : model_.inputs) {
      plan_.inputs.push_back(form(t, def(t).dtype));
      made_[static_cast<size_t>(t)] = true;
    }
  }

  // What this plan knows or makes of the outputs, of what the rest reads and of what says which plan that is.
  void add_exports() {
    std::vector<bool> done(model_.tensors.size(), false);
    auto add = [&](int t) {
      if (t < 0 || done[static_cast<size_t>(t)]) return;
      done[static_cast<size_t>(t)] = true;
      if (made_[static_cast<size_t>(t)] || (def(t).constant && !plan_.behind))
        plan_.exports.push_back(written_.count(t) ? written_[t] : native(t));
    };
    for (int t : model_.outputs) add(t);
    for (int n : plan_.inferred.rest)
      for (int t : model_.nodes[static_cast<size_t>(n)].inputs)
        if (t >= 0 && !known(t)) add(t);
    for (const auto* found : {&plan_.inferred.sized, &plan_.inferred.wanted})
      for (int t : *found) add(t);
  }

  void add_imports() {
    for (const Value& v : plan_.values)
      if (!v.constant && !made_[static_cast<size_t>(v.tensor)] && v.dtype == def(v.tensor).dtype)
        plan_.places[static_cast<size_t>(v.id)].imported = true;
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

  bool known(int t) const { return plan_.inferred.values[static_cast<size_t>(t)].constant; }

  // For a tensor that is known and made all the same, because the caller sees it: those who read it need what is known.
  int written(int t) {
    Value v = plan_.inferred.values[static_cast<size_t>(t)];
    v.id = written_[t] = static_cast<int>(plan_.values.size());
    v.constant = nullptr;
    plan_.values.push_back(v);
    return v.id;
  }

  void add_node(size_t n) {
    const NodeDef& node = model_.nodes[n];
    if (std::all_of(node.outputs.begin(), node.outputs.end(),
                    [&](int t) { return known(t) && !output_[static_cast<size_t>(t)]; }))
      return;  // shape arithmetic, known already
    PlanStep step;
    step.node = &node;
    step.precision = int8_[n] ? Precision::kInt8 : Precision::kF32;
    for (int t : node.inputs) {
      if (t < 0)
        step.inputs.push_back(-1);
      else if (node.kind->shapes_only && exists(t, DType::kU8))
        step.inputs.push_back(form(t, DType::kU8));
      else
        step.inputs.push_back(int8_[n] && !def(t).quant.empty() ? need(t, DType::kU8) : native(t));
    }
    for (int t : node.outputs) {
      DType dtype = def(t).dtype;
      if (int8_[n] && dtype == DType::kF32 && !(node.kind->gives_f32_from_int8 && !read_as_u8_[static_cast<size_t>(t)]))
        dtype = DType::kU8;
      step.outputs.push_back(known(t) ? written(t) : form(t, dtype));
      made_[static_cast<size_t>(t)] = true;
    }
    plan_.steps.push_back(std::move(step));
  }

  // Calls body(prepare, empty) for a step; empty: what it makes has no elements.
  template <class F>
  auto with(PlanStep& s, const F& body) {
    std::vector<const Value*> inputs;
    std::vector<Value*> outputs;
    for (int v : s.inputs) inputs.push_back(v < 0 ? nullptr : &plan_.values[static_cast<size_t>(v)]);
    for (int v : s.outputs) outputs.push_back(&plan_.values[static_cast<size_t>(v)]);
    Prepare p{model_, s.node, options_, kernels::best_isa(), inputs, outputs, s.step, &memory_, s.optional};
    return body(p,
                std::all_of(outputs.begin(), outputs.end(), [](const Value* v) { return v->shape.elements() == 0; }));
  }

  // Takes memory for what makes steps faster, beside `peak` bytes of activations. What the session holds for other plans does not
  // matter here, so that the same plan is made every time. Returns the bytes taken.
  size_t accept_offers(size_t peak) {
    std::vector<std::vector<Offer>> offers;
    for (PlanStep& s : plan_.steps)
      offers.push_back(with(s, [&](Prepare& p, bool empty) {
        return empty || !s.node || !s.node->kind->offers ? std::vector<Offer>() : s.node->kind->offers(p);
      }));
    const auto accepted = accept(offers, std::min((memory_.limit - memory_.taken - peak) / 4, memory_.optional));
    size_t taken = 0;
    for (size_t i = 0; i < accepted.size(); ++i) {
      if (!accepted[i]) continue;
      plan_.steps[i].optional = accepted[i]->bytes;
      taken += accepted[i]->fresh;
    }
    memory_.taken += taken;
    return taken;
  }

  // The steps that are joined to this one from the last to the first, since each takes rows for the next.
  Result<void> prepare_joined(PlanStep& s, const Prepare& whole) {
    RowSink tail;
    std::string kernels;
    std::vector<Value*> outputs(whole.outputs.begin(), whole.outputs.end());
    for (size_t i = s.joined.size(); i-- > 0;) {
      const Joined& joined = s.joined[i];
      const Value* input = &plan_.values[static_cast<size_t>(joined.input)];
      Value* output = &plan_.values[static_cast<size_t>(joined.output)];
      Step step;
      RowSink rows;
      Prepare p{model_, joined.node, options_, kernels::best_isa(), {&input, 1}, {&output, 1}, step, &memory_};
      p.rows = &rows;
      if (tail) p.tail = &tail;
      OCTET_TRY(joined.node->kind->prepare(p));
      tail = std::move(rows);
      kernels = " + " + step.kernel + kernels;
      outputs[0] = &plan_.values[static_cast<size_t>(joined.input)];
    }
    Prepare p = whole;
    p.outputs = outputs;
    if (tail) p.tail = &tail;
    OCTET_TRY(s.node ? s.node->kind->prepare(p) : s.quantize ? prepare_quantize(p) : prepare_dequantize(p));
    s.step.kernel += kernels;
    return {};
  }

  Result<void> prepare_steps() {
    for (PlanStep& s : plan_.steps) {
      OCTET_TRY(stopped(model_, stop_));
      OCTET_TRY(with(s, [&](Prepare& p, bool empty) { return prepare_step(s, p, empty); }));
    }
    return {};
  }

  Result<void> prepare_step(PlanStep& s, Prepare& p, bool empty) {
    // What has no elements needs no work, and ops need not think of dividing by its sizes.
    if (empty)
      s.step = {[](const RunContext&) {}, "empty"};
    else
      OCTET_TRY(prepare_joined(s, p));
    StepProfile profile;
    const int tensor = p.out().tensor;
    profile.node = s.node ? s.node->name : def(tensor).name;
    profile.op = s.node ? s.node->kind->names(*s.node)[0] : s.quantize ? "quantize" : "dequantize";
    profile.kernel = s.step.kernel;
    profile.unit = s.step.unit;
    profile.precision = s.precision;
    if (p.has_in(0)) profile.input = p.in(0).shape;
    profile.output = p.out().shape;
    profile.macs = s.step.macs;
    profile.products = s.step.products;
    plan_.profile.push_back(std::move(profile));
    return {};
  }

  // What the plan has whatever its ops make.
  Result<void> take_for_itself() {
    size_t bytes = plan_.values.size() * (sizeof(Value) + sizeof(Place) + sizeof(Shape) + sizeof(std::byte*)) +
                   plan_.inferred.values.size() * sizeof(Value) + plan_.steps.size() * (sizeof(PlanStep) + kStepBytes);
    bytes += plan_.inferred.bytes;
    for (const PlanStep& s : plan_.steps) {
      const bool layer = s.node && s.node->kind->gives_f32_from_int8;  // its tables are Constants
      const int first = s.inputs[0] < 0 ? s.outputs[0] : s.inputs[0];
      if (s.precision == Precision::kInt8 && !layer)
        bytes += static_cast<size_t>(std::max(plan_.values[static_cast<size_t>(first)].channels(),
                                              plan_.values[static_cast<size_t>(s.outputs[0])].channels())) *
                 kChannelBytes;
    }
    if (!memory_.fits(bytes)) return memory_.too_little(model_.name + ": its plan", bytes);
    memory_.taken += bytes;
    return {};
  }

  // The bytes of the activations: those alive at the same time, or the `placed` bytes that their layout takes. Where they do not
  // fit, an error that names what makes the largest of them.
  Result<size_t> check_peak(const std::vector<Lifetime>& lives, size_t placed) {
    std::vector<uint64_t> born(plan_.steps.size() + 2), dead(plan_.steps.size() + 2);
    for (const Lifetime& life : lives) {
      if (life.bytes == 0) continue;
      born[static_cast<size_t>(life.first)] += life.bytes;
      dead[static_cast<size_t>(life.last) + 1] += life.bytes;
    }
    uint64_t alive = 0, most = placed;
    int at = -1;  // the step of the peak; the layout may need more than any
    for (size_t i = 0; i <= plan_.steps.size(); ++i) {
      alive += born[i] - dead[i];
      if (alive > most) most = alive, at = static_cast<int>(i);
    }
    const auto bytes = static_cast<size_t>(std::min<uint64_t>(most, std::numeric_limits<size_t>::max()));
    if (memory_.fits(bytes)) return bytes;
    if (lives.empty()) return memory_.too_little(model_.name, bytes);
    size_t largest = 0;
    for (size_t v = 0; v < lives.size(); ++v)
      if (lives[v].bytes > lives[largest].bytes && (at < 0 || (lives[v].first <= at && at <= lives[v].last)))
        largest = v;
    return memory_.too_little(maker_of(plan_.values[largest]) + " and what is there with it", bytes);
  }

  // "m.octet: expand 'e' of {1, 4}"
  std::string maker_of(const Value& value) const {
    std::string text = model_.name + ": tensor '" + std::string(def(value.tensor).name) + "'";
    for (const PlanStep& s : plan_.steps)
      if (s.node && std::find(s.outputs.begin(), s.outputs.end(), value.id) != s.outputs.end())
        text =
            model_.name + ": " + std::string(s.node->kind->names(*s.node)[0]) + " '" + std::string(s.node->name) + "'";
    return text + " of " + value.shape.text();
  }

  // By value, of those that own memory in the arena: from the first step that needs it or what lies inside to the last.
  std::vector<Lifetime> lifetimes() const {
    const int end = static_cast<int>(plan_.steps.size());
    std::vector<Lifetime> lives(plan_.values.size(), {0, end + 1, -1});
    auto touch = [&](int v, int at) {
      const int owner = plan_.places[static_cast<size_t>(v)].owner;
      const Value& value = plan_.values[static_cast<size_t>(owner)];
      if (value.constant || plan_.places[static_cast<size_t>(owner)].imported) return;
      Lifetime& life = lives[static_cast<size_t>(owner)];
      life.first = std::min(life.first, at);
      life.last = std::max(life.last, at);
      life.bytes = static_cast<size_t>(value.rows() * value.pitch) * size_of(value.dtype) + kernels::kReadSlack;
    };
    for (int v : plan_.inputs) touch(v, 0), touch(v, end);
    for (int v : plan_.exports) touch(v, end);
    for (int i = 0; i < end; ++i)
      for (const auto* list :
           {&plan_.steps[static_cast<size_t>(i)].inputs, &plan_.steps[static_cast<size_t>(i)].outputs})
        for (int v : *list)
          if (v >= 0) touch(v, i);
    return lives;
  }

  void place_values() {
    find_owners(plan_);
    const std::vector<Lifetime> lives = lifetimes();
    std::vector<Lifetime> used;
    size_t scratch = 0;
    for (const PlanStep& s : plan_.steps) scratch = std::max(scratch, s.step.scratch_bytes);
    for (const Lifetime& life : lives)
      if (life.bytes > 0) used.push_back(life);
    used.push_back({scratch + 64, 0, static_cast<int>(plan_.steps.size())});
    const Placement placement = octet::place(used);
    plan_.scratch_offset = placement.offsets.back();
    plan_.arena_bytes = placement.bytes;
    std::vector<size_t> base(lives.size(), 0);
    for (size_t v = 0, i = 0; v < lives.size(); ++v)
      if (lives[v].bytes > 0) base[v] = placement.offsets[i++];
    for (Place& p : plan_.places) p.offset += base[static_cast<size_t>(p.owner)];
    plan_.poison.follow(plan_, lives);
  }

  Plan& plan_;
  const ModelData& model_;
  const SessionOptions& options_;
  const std::vector<bool>& int8_;  // by node
  Memory& memory_;
  const RunOptions& stop_;
  const bool observed_;
  std::vector<bool> read_as_u8_;  // by tensor
  std::vector<bool> made_;        // by tensor: a step of this plan writes it, or it is an input
  std::vector<bool> output_;      // by tensor: the model's
  std::map<std::pair<int, DType>, int> forms_;
  std::map<int, int> written_;
};

}  // namespace

Result<std::unique_ptr<Plan>> Plan::make(const PlanSource& source, std::unique_ptr<Plan> plan) {
  OCTET_TRY(Planner(*plan, source).build());
  return plan;
}

Result<std::unique_ptr<Plan>> Plan::make(const PlanSource& source, std::span<const Shape> input_shapes) {
  std::unique_ptr<Plan> plan(new Plan);
  plan->input_shapes.assign(input_shapes.begin(), input_shapes.end());
  auto inferred = infer(source.model, input_shapes, source.options, source.stop);
  if (!inferred) return inferred.error();
  plan->inferred = std::move(*inferred);
  return make(source, std::move(plan));
}

Result<std::unique_ptr<Plan>> Plan::make_rest(const PlanSource& source, const Plan& before,
                                              std::span<const int64_t> found) {
  std::unique_ptr<Plan> plan(new Plan);
  plan->behind = true;
  plan->found.assign(found.begin(), found.end());
  auto inferred = infer_rest(source.model, before.inferred, found, source.options, source.stop);
  if (!inferred) return inferred.error();
  plan->inferred = std::move(*inferred);
  return make(source, std::move(plan));
}

size_t Plan::bytes() const {
  size_t bytes = own_bytes;
  for (const auto& rest : rests) bytes += rest->bytes();
  return bytes;
}

}  // namespace octet
