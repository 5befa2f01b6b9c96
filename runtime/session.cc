// Sessions: plans for the shapes seen lately, the arena they share, running and profiling.
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <list>

#include "runtime/inspect.h"
#include "runtime/plan.h"
#include "runtime/precision.h"

namespace octet {

struct SessionState {
  Model model;
  SessionOptions options;
  Threads threads;
  std::vector<Shape> shapes;               // wanted, by input
  std::list<std::unique_ptr<Plan>> plans;  // most recently used first
  Plan* plan = nullptr;                    // the one in use; null: prepare() first
  std::shared_ptr<std::byte> arena;
  size_t arena_bytes = 0;
  std::vector<std::byte*> pointers;  // by value of the plan in use

  SessionState(const Model& m, SessionOptions o) : model(m), options(std::move(o)), threads(options.threads) {}
};

namespace {

using Clock = std::chrono::steady_clock;

// Fresh pages are zero: what lies between rows is read, though multiplied by zero. They cost nothing until touched.
bool reserve(SessionState& s, size_t bytes) {
  if (s.arena_bytes >= bytes) return true;
  s.arena.reset();
  s.arena_bytes = 0;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  s.arena = {static_cast<std::byte*>(memory), [bytes](std::byte* p) { ::munmap(p, bytes); }};
  s.arena_bytes = bytes;
  return true;
}

Result<void> use(SessionState& s, Plan& plan) {
  if (!reserve(s, plan.arena_bytes))
    return error(Code::kIo, s.model.name(), ": no memory for ", plan.arena_bytes >> 20,
                 " MiB of activations; use smaller inputs");
  s.plan = &plan;
  s.pointers.resize(plan.values.size());
  for (size_t v = 0; v < plan.values.size(); ++v)
    s.pointers[v] = plan.values[v].constant ? const_cast<std::byte*>(plan.values[v].constant)
                                            : s.arena.get() + plan.places[v].offset;
  return {};
}

Tensor view(const SessionState& s, int value) {
  const Value& v = s.plan->values[static_cast<size_t>(value)];
  return {s.model.data().tensors[static_cast<size_t>(v.tensor)].name, v.dtype, v.shape,
          s.pointers[static_cast<size_t>(value)]};
}

void tap(const SessionState& s, int value) {
  if (s.plan->values[static_cast<size_t>(value)].dtype == DType::kF32) s.options.tap(view(s, value));
}

}  // namespace

Session::Session(std::unique_ptr<SessionState> state) : state_(std::move(state)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::create(const Model& model, SessionOptions options) {
  if (!model.data_) return error(Code::kBadArgument, "the model is empty");
  if (options.threads < 1 || options.threads > 1024)
    return error(Code::kBadArgument, "threads: ", options.threads, " is not in 1..1024");
  if (const char* wrong = kernels::isa_choice_error()) return error(Code::kBadArgument, wrong);
  options.plans_kept = std::max(options.plans_kept, 1);
  auto state = std::make_unique<SessionState>(model, std::move(options));
  bool known = true;
  for (const TensorInfo& input : model.inputs()) {
    state->shapes.push_back(input.shape);
    known = known && input.shape.elements() >= 0;
  }
  auto int8 = choose_int8(model.data(), state->options);  // reports what can be wrong before shapes are known
  if (!int8) return int8.error();
  Session session(std::move(state));
  if (known) OCTET_TRY(session.prepare());
  return session;
}

Result<void> Session::resize_input(int index, const Shape& shape) {
  SessionState& s = *state_;
  const auto& inputs = s.model.data().inputs;
  if (index < 0 || index >= static_cast<int>(inputs.size()))
    return error(Code::kBadArgument, s.model.name(), " has no input ", index);
  const TensorDef& def = s.model.data().tensors[static_cast<size_t>(inputs[static_cast<size_t>(index)])];
  bool fits = shape.rank() == def.shape.rank() && shape.elements() > 0;
  for (int d = 0; fits && d < shape.rank(); ++d) fits = def.shape[d] == -1 || def.shape[d] == shape[d];
  if (!fits)
    return error(Code::kBadArgument, s.model.name(), ": input '", def.name, "' takes ", def.shape.text(),
                 " (-1: any size), not ", shape.text());
  s.shapes[static_cast<size_t>(index)] = shape;
  s.plan = nullptr;
  return {};
}

Result<void> Session::prepare() {
  SessionState& s = *state_;
  if (s.plan) return {};
  for (size_t i = 0; i < s.shapes.size(); ++i)
    if (s.shapes[i].elements() < 0)
      return error(Code::kBadArgument, s.model.name(), ": input '", s.model.inputs()[i].name,
                   "' has the dynamic shape ", s.shapes[i].text(), "; call resize_input() first");
  auto found = std::find_if(s.plans.begin(), s.plans.end(), [&](const auto& p) { return p->input_shapes == s.shapes; });
  if (found == s.plans.end()) {
    auto plan = Plan::make(s.model.data(), s.shapes, s.options);
    if (!plan) return plan.error();
    s.plans.push_front(std::move(*plan));
    if (static_cast<int>(s.plans.size()) > s.options.plans_kept) s.plans.pop_back();
  } else {
    s.plans.splice(s.plans.begin(), s.plans, found);
  }
  return use(s, *s.plans.front());
}

Tensor Session::input(int index) { return view(*state_, state_->plan->inputs[static_cast<size_t>(index)]); }
Tensor Session::output(int index) const { return view(*state_, state_->plan->outputs[static_cast<size_t>(index)]); }

Result<void> Session::run() {
  OCTET_TRY(prepare());
  SessionState& s = *state_;
  Plan& plan = *s.plan;
  const RunContext context{s.pointers.data(), s.arena.get() + plan.scratch_offset, s.threads};
  if (s.options.tap)
    for (int v : plan.inputs) tap(s, v);
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const PlanStep& step = plan.steps[i];
    if (!s.options.profile) {
      step.step.run(context);
    } else {
      const auto begin = Clock::now();
      step.step.run(context);
      plan.profile[i].total_ns += std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin).count();
      ++plan.profile[i].runs;
    }
    if (s.options.tap)
      for (int v : step.outputs) tap(s, v);
  }
  return {};
}

std::vector<StepProfile> Session::profile() const {
  return state_->plan ? state_->plan->profile : std::vector<StepProfile>{};
}

void Session::reset_profile() {
  if (!state_->plan) return;
  for (StepProfile& p : state_->plan->profile) p.runs = p.total_ns = 0;
}

size_t Session::arena_bytes() const { return state_->arena_bytes; }

struct SessionInside {
  static const SessionState& state(const Session& session) { return *session.state_; }
};

std::vector<Shape> tensor_shapes(const Session& session) {
  std::vector<Shape> shapes;
  for (const Value& v : SessionInside::state(session).plan->inferred.values) shapes.push_back(v.shape);
  return shapes;
}

std::optional<Tensor> constant_value(const Session& session, int tensor) {
  const SessionState& s = SessionInside::state(session);
  const Value& v = s.plan->inferred.values[static_cast<size_t>(tensor)];
  if (!v.constant) return std::nullopt;
  return Tensor{s.model.data().tensors[static_cast<size_t>(tensor)].name, v.dtype, v.shape,
                const_cast<std::byte*>(v.constant)};
}

std::string_view version() { return OCTET_VERSION; }
std::string_view cpu_kernels() { return kernels::best_isa().name; }

}  // namespace octet
