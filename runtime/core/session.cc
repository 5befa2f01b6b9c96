// Sessions: plans for the shapes seen lately, the memory they share, running and profiling.
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <list>

#include "runtime/core/float_environment.h"
#include "runtime/core/inspect.h"
#include "runtime/core/observe.h"
#include "runtime/core/plan.h"
#include "runtime/core/precision.h"
#include "runtime/core/profile.h"

namespace octet {

namespace {

// Memory that grows when more is asked for. Fresh pages are zero: what lies between rows is read, though multiplied by zero.
// They cost nothing until touched.
struct Arena {
  std::shared_ptr<std::byte> memory;
  size_t bytes = 0;

  bool reserve(size_t wanted) {
    if (bytes >= wanted) return true;
    memory.reset();
    bytes = 0;
    void* mapped = ::mmap(nullptr, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return false;
#ifdef MADV_HUGEPAGE
    // Large tensors are walked through once each, a page table's worth at a time. Small arenas would grow by half a huge page.
    if (wanted >= size_t{16} << 20) ::madvise(mapped, wanted, MADV_HUGEPAGE);
#endif
    memory = {static_cast<std::byte*>(mapped), [wanted](std::byte* p) { ::munmap(p, wanted); }};
    bytes = wanted;
    return true;
  }
};

// A plan in use: the first for the inputs' shapes, each further one for sizes that its predecessor's run found.
struct Part {
  Plan* plan = nullptr;
  Arena arena;
  std::vector<std::byte*> pointers;  // by value
  std::vector<Shape> shapes;         // by value, where the plan finds any
};

// A tensor that has to be known outside the plan that makes it.
struct Exported {
  std::byte* data = nullptr;
  Shape shape;
};

constexpr size_t kMaxParts = 32;  // far above what models need; a damaged file must not take all memory

}  // namespace

struct SessionState {
  Model model;
  SessionOptions options;
  Threads threads;
  std::vector<bool> int8;  // by node
  std::vector<std::string> warnings;
  std::vector<Shape> shapes;               // wanted, by input
  std::list<std::unique_ptr<Plan>> plans;  // most recently used first
  std::deque<Part> parts;                  // parts[0].plan null: prepare() first
  std::vector<Exported> exported;          // by tensor
  std::vector<int64_t> found;              // scratch of use_rest()
  ProfileSum dropped;                      // of plans that are no longer kept
  Observer observer;
  Memory memory;                  // of the plan that is being made
  RunOptions stop;                // of the run that is going on, or none
  bool ran = false;               // the outputs are there
  std::atomic<bool> busy{false};  // a thread is in it

  SessionState(const Model& m, SessionOptions o) : model(m), options(std::move(o)), threads(options.threads) {
    parts.emplace_back();
    exported.resize(m.data().tensors.size());
  }
  PlanSource source() { return {model.data(), options, int8, memory, stop, observer != nullptr}; }
};

namespace {

using Clock = std::chrono::steady_clock;
using Plans = std::list<std::unique_ptr<Plan>>;

bool too_many(const Plans& plans, const SessionOptions& options) {
  if (static_cast<int>(plans.size()) > options.plans_kept) return true;
  size_t kept = 0;
  for (auto p = std::next(plans.begin()); p != plans.end(); ++p) kept += (*p)->bytes();
  return options.kept_bytes && kept > options.kept_bytes;
}

template <class Visit>
void for_all(const Plans& plans, const Visit& visit) {
  for (const auto& plan : plans) {
    visit(*plan);
    for_all(plan->rests, visit);
  }
}

void drop_last(SessionState& s, Plans& plans) {
  Plans last;
  last.splice(last.end(), plans, std::prev(plans.end()));
  if (s.options.profile) for_all(last, [&](const Plan& p) { s.dropped.add(p, false); });
}

// What counts against the limit, but for the arena of `level`.
size_t held_beside(const SessionState& s, size_t level) {
  size_t bytes = s.model.data().constants.bytes();
  for (size_t l = 0; l < s.parts.size(); ++l) bytes += l == level ? 0 : s.parts[l].arena.bytes;
  for (const auto& plan : s.plans) bytes += plan->bytes();
  return bytes;
}

// Drops what the plans in use before `level` do not need, all but `kept` plans at that level. Those in use are the first ones.
void release(SessionState& s, size_t level, size_t kept) {
  for (size_t l = level; l < s.parts.size(); ++l) s.parts[l].plan = nullptr, s.parts[l].arena = {};
  Plans* plans = &s.plans;
  for (size_t l = 0; l < level; ++l, plans = &plans->front()->rests)
    while (plans->size() > 1) drop_last(s, *plans);
  while (plans->size() > kept) drop_last(s, *plans);
  for (const auto& plan : *plans)
    while (!plan->rests.empty()) drop_last(s, plan->rests);
}

// Where the values of a plan lie, and what that gives to later plans.
void lay_out(SessionState& s, Part& part, const Plan& plan) {
  part.pointers.resize(plan.values.size());
  for (size_t v = 0; v < plan.values.size(); ++v) {
    const Value& value = plan.values[v];
    const size_t owner = static_cast<size_t>(plan.places[v].owner);
    std::byte* const base = plan.places[owner].imported
                                ? s.exported[static_cast<size_t>(plan.values[owner].tensor)].data
                                : part.arena.memory.get();
    part.pointers[v] = value.constant ? const_cast<std::byte*>(value.constant) : base + plan.places[v].offset;
  }
  part.shapes.clear();
  if (!plan.inferred.sized.empty())
    for (const Value& v : plan.values) part.shapes.push_back(v.shape);
  for (int v : plan.exports) {
    const Value& value = plan.values[static_cast<size_t>(v)];
    s.exported[static_cast<size_t>(value.tensor)] = {part.pointers[static_cast<size_t>(v)], value.shape};
  }
}

// Makes `plan` the one that runs at `level`, the first of its list; those behind it are open again.
Result<void> use(SessionState& s, size_t level, Plan& plan) {
  if (level == s.parts.size()) s.parts.emplace_back();
  Part& part = s.parts[level];
  if (part.plan == &plan) return {};
  for (size_t l = level; l < s.parts.size(); ++l) s.parts[l].plan = nullptr;
  const size_t cap = s.options.kept_bytes;
  if (cap && part.arena.bytes > std::max(cap, plan.arena_bytes)) part.arena = {};
  auto room = [&] { return Memory{s.options.memory_limit, held_beside(s, level)}; };
  if (!room().fits(std::max(part.arena.bytes, plan.arena_bytes))) release(s, level, 1);
  if (!room().fits(plan.arena_bytes)) return room().too_little(s.model.name() + ": activations", plan.arena_bytes);
  if (!part.arena.reserve(plan.arena_bytes))
    return error(Code::kMemory, s.model.name(), ": the system has no memory for ", plan.arena_bytes >> 20,
                 " MiB of activations; use smaller inputs");
  lay_out(s, part, plan);
  part.plan = &plan;
  return {};
}

// The plan for which `fits`, most recently used first; otherwise what `make` makes, if need be in place of all that is not in use.
template <class Fits, class Make>
Result<Plan*> find_or_make(SessionState& s, size_t level, Plans& plans, const Fits& fits, const Make& make) {
  auto found = std::find_if(plans.begin(), plans.end(), [&](const auto& p) { return fits(*p); });
  if (found == plans.end()) {
    auto make_within = [&](size_t optional) {
      s.memory = {s.options.memory_limit, held_beside(s, level), 0, optional};
      return make();
    };
    const size_t optional = optional_bytes(s.model.data().weight_bytes);
    auto plan = make_within(optional);
    const auto too_large = [&] { return !plan && plan.error().code == Code::kMemory; };
    if (too_large()) {
      release(s, level, 0);
      plan = make_within(optional);
    }
    if (too_large()) plan = make_within(0);
    if (!plan) return plan.error();
    plans.push_front(std::move(*plan));
    while (plans.size() > 1 && too_many(plans, s.options)) drop_last(s, plans);
  } else {
    plans.splice(plans.begin(), plans, found);
  }
  return plans.front().get();
}

// Plans and uses what comes behind `level` for the sizes and values that are in `exported`.
Result<void> use_rest(SessionState& s, size_t level) {
  Plan& plan = *s.parts[level].plan;
  if (level + 1 == kMaxParts)
    return error(Code::kUnsupported, s.model.name(), ": more than ", kMaxParts,
                 " times sizes depend on data that depend on such sizes");
  s.found.clear();
  for (int t : plan.inferred.sized) {
    const Shape& shape = s.exported[static_cast<size_t>(t)].shape;
    s.found.insert(s.found.end(), shape.begin(), shape.end());
  }
  for (int t : plan.inferred.wanted) {
    const Value& v = plan.inferred.values[static_cast<size_t>(t)];
    const size_t at = s.found.size();
    s.found.resize(at + words_of(v));
    std::copy_n(s.exported[static_cast<size_t>(t)].data, static_cast<size_t>(v.shape.elements()) * size_of(v.dtype),
                reinterpret_cast<std::byte*>(s.found.data() + at));
  }
  auto rest = find_or_make(
      s, level + 1, plan.rests, [&](const Plan& p) { return p.found == s.found; },
      [&] { return Plan::make_rest(s.source(), plan, s.found); });
  if (!rest) return rest.error();
  return use(s, level + 1, **rest);
}

Tensor view(const SessionState& s, const Part& part, int value) {
  const Value& v = part.plan->values[static_cast<size_t>(value)];
  return {s.model.data().tensors[static_cast<size_t>(v.tensor)].name, v.dtype,
          part.shapes.empty() ? v.shape : part.shapes[static_cast<size_t>(value)],
          part.pointers[static_cast<size_t>(value)]};
}

void show(const SessionState& s, const Part& part, int value) {
  const Value& v = part.plan->values[static_cast<size_t>(value)];
  if (v.dtype == DType::kF32 || v.dtype == DType::kU8) s.observer(v.tensor, view(s, part, value));
}

// What this plan knew before it ran; outputs of the model are made by steps all the same.
void show_known(const SessionState& s, const Plan& plan) {
  const ModelData& model = s.model.data();
  std::vector<bool> made(model.tensors.size(), false);
  for (const PlanStep& step : plan.steps)
    for (int v : step.outputs) made[static_cast<size_t>(plan.values[static_cast<size_t>(v)].tensor)] = true;
  for (int n : plan.inferred.nodes)
    for (int t : model.nodes[static_cast<size_t>(n)].outputs) {
      const Value& v = plan.inferred.values[static_cast<size_t>(t)];
      if (v.constant && v.dtype == DType::kF32 && !made[static_cast<size_t>(t)])
        s.observer(t,
                   {model.tensors[static_cast<size_t>(t)].name, v.dtype, v.shape, const_cast<std::byte*>(v.constant)});
    }
}

Result<void> run_steps(SessionState& s, Part& part) {
  Plan& plan = *part.plan;
  const RunContext context{part.pointers.data(), part.arena.memory.get() + plan.scratch_offset, s.threads,
                           part.shapes.data()};
  if (s.observer) {
    for (int v : plan.inputs) show(s, part, v);
    show_known(s, plan);
  }
  plan.poison.begin(plan, part.arena.memory.get());
  const struct Unpoison {
    const Plan& plan;
    Part& part;
    ~Unpoison() { part.plan->poison.end(plan, part.arena.memory.get()); }
  } unpoison{plan, part};
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    OCTET_TRY(stopped(s.model.data(), s.stop));
    const PlanStep& step = plan.steps[i];
    plan.poison.before_step(plan, part.arena.memory.get(), i);
    if (!s.options.profile) {
      step.step.run(context);
    } else {
      const auto begin = Clock::now();
      step.step.run(context);
      plan.profile[i].total_ns += std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin).count();
      ++plan.profile[i].runs;
    }
    if (s.observer)
      for (int v : step.outputs) show(s, part, v);
  }
  if (part.shapes.empty()) return {};
  for (int v : plan.exports)
    s.exported[static_cast<size_t>(plan.values[static_cast<size_t>(v)].tensor)].shape =
        part.shapes[static_cast<size_t>(v)];
  return {};
}

Result<void> prepare_now(SessionState& s) {
  if (s.parts[0].plan) return {};
  for (size_t i = 0; i < s.shapes.size(); ++i)
    if (s.shapes[i].elements() < 0)
      return error(Code::kBadArgument, s.model.name(), ": input '", s.model.inputs()[i].name,
                   "' has the dynamic shape ", s.shapes[i].text(), "; call resize_input() first");
  auto plan = find_or_make(
      s, 0, s.plans, [&](const Plan& p) { return p.input_shapes == s.shapes; },
      [&] { return Plan::make(s.source(), s.shapes); });
  if (!plan) return plan.error();
  OCTET_TRY(use(s, 0, **plan));
  // Memory for the largest sizes, so that no run has to grow it. Should they not go together, smaller ones still may.
  for (size_t level = 0; !s.parts[level].plan->inferred.rest.empty(); ++level)
    if (!s.parts[level].plan->inferred.wanted.empty() || !use_rest(s, level)) break;
  return {};
}

Result<void> run_now(SessionState& s, const RunOptions& options) {
  s.ran = false;
  s.stop = options;
  OCTET_TRY(prepare_now(s));
  for (size_t level = 0;; ++level) {
    OCTET_TRY(run_steps(s, s.parts[level]));
    if (s.parts[level].plan->inferred.rest.empty()) break;
    OCTET_TRY(use_rest(s, level));
  }
  s.ran = true;
  return {};
}

// body(), unless another thread is in the session.
template <class F>
Result<void> alone(SessionState& s, const F& body) {
  if (s.busy.exchange(true, std::memory_order_acquire))
    return error(Code::kBusy, s.model.name(), ": another thread is in this session; make one for each thread");
  const struct Leave {
    std::atomic<bool>& busy;
    ~Leave() { busy.store(false, std::memory_order_release); }
  } leave{s.busy};
  const FloatEnvironment environment;
  return without_throwing(s.model.name(), body);
}

}  // namespace

static Error moved_from() { return error(Code::kBadArgument, "the session is empty: it was moved from"); }

Session::Session(std::unique_ptr<SessionState> state) : state_(std::move(state)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

static Result<std::unique_ptr<SessionState>> make_state(const Model& model, SessionOptions options) {
  const FloatEnvironment environment;
  if (options.memory_limit == 0) options.memory_limit = default_memory_limit();
  auto state = std::make_unique<SessionState>(model, std::move(options));
  if (const int wanted = state->options.threads, started = state->threads.count(); started < wanted)
    return error(Code::kIo, "threads: the system started ", started, " of ", wanted, "; ask for at most ", started,
                 " or raise the limits of threads and memory (ulimit -u, ulimit -v)");
  bool known = true;
  for (const TensorInfo& input : model.inputs()) {
    state->shapes.push_back(input.shape);
    known = known && input.shape.elements() >= 0;
  }
  auto int8 = choose_int8(model.data(), state->options);
  if (!int8) return int8.error();
  state->int8 = std::move(*int8);
  state->warnings = int8_warnings(model.data(), state->options, state->int8);
  if (known) OCTET_TRY(prepare_now(*state));
  return state;
}

Result<Session> Session::create(const Model& model, SessionOptions options) {
  if (!model.data_) return error(Code::kBadArgument, "the model is empty: it was moved from");
  if (options.threads < 1 || options.threads > 1024)
    return error(Code::kBadArgument, "threads: ", options.threads, " is not in 1..1024");
  if (options.plans_kept < 1)
    return error(Code::kBadArgument, "plans_kept: ", options.plans_kept, " is not at least 1");
  if (const char* wrong = kernels::isa_choice_error()) return error(Code::kBadArgument, wrong);
  auto state = without_throwing(model.name(), [&] { return make_state(model, std::move(options)); });
  if (!state) return state.error();
  return Session(std::move(*state));
}

static Result<void> resize(SessionState& s, int index, const Shape& shape) {
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
  s.parts[0].plan = nullptr;
  s.ran = false;
  return {};
}

Result<void> Session::resize_input(int index, const Shape& shape) {
  if (!state_) return moved_from();
  return alone(*state_, [&] { return resize(*state_, index, shape); });
}

Result<void> Session::prepare() {
  if (!state_) return moved_from();
  return alone(*state_, [&] {
    state_->stop = {};
    return prepare_now(*state_);
  });
}

Result<void> Session::run(const RunOptions& options) {
  if (!state_) return moved_from();
  return alone(*state_, [&] { return run_now(*state_, options); });
}

static bool within(int index, const std::vector<int>& tensors) {
  return index >= 0 && static_cast<size_t>(index) < tensors.size();
}

Tensor Session::input(int index) {
  if (!state_ || !state_->parts[0].plan || !within(index, state_->model.data().inputs)) return {};
  return view(*state_, state_->parts[0], state_->parts[0].plan->inputs[static_cast<size_t>(index)]);
}

Tensor Session::output(int index) const {
  if (!state_ || !state_->parts[0].plan || !within(index, state_->model.data().outputs)) return {};
  const ModelData& model = state_->model.data();
  const auto tensor = static_cast<size_t>(model.outputs[static_cast<size_t>(index)]);
  const Exported& made = state_->exported[tensor];
  return {model.tensors[tensor].name, model.tensors[tensor].dtype, made.shape, state_->ran ? made.data : nullptr};
}

const std::vector<std::string>& Session::warnings() const {
  static const std::vector<std::string> kNone;
  return state_ ? state_->warnings : kNone;
}

std::vector<StepProfile> Session::profile() const {
  ProfileSum sum;
  if (!state_) return {};
  std::vector<const Plan*> in_use;
  for (const Part& part : state_->parts) {
    if (!part.plan) break;
    in_use.push_back(part.plan);
    sum.add(*part.plan, true);
  }
  for_all(state_->plans, [&](const Plan& p) {
    if (std::find(in_use.begin(), in_use.end(), &p) == in_use.end()) sum.add(p, false);
  });
  sum.add(state_->dropped);
  return sum.rows();
}

void Session::reset_profile() {
  if (!state_) return;
  state_->dropped.clear();
  for_all(state_->plans, [](Plan& p) {
    for (StepProfile& row : p.profile) row.runs = row.total_ns = 0;
  });
}

size_t Session::arena_bytes() const {
  size_t bytes = 0;
  if (!state_) return bytes;
  for (const Part& part : state_->parts) bytes += part.arena.bytes;
  return bytes;
}

size_t Session::memory_bytes() const { return state_ ? held_beside(*state_, state_->parts.size()) : 0; }

struct SessionInside {
  static const SessionState& state(const Session& session) { return *session.state_; }
  static SessionState& state(Session& session) { return *session.state_; }
};

void observe(Session& session, Observer observer) {
  SessionState& s = SessionInside::state(session);
  s.observer = std::move(observer);
  s.ran = false;
  s.plans.clear();
  for (Part& part : s.parts) part.plan = nullptr;
}

std::vector<Shape> tensor_shapes(const Session& session) {
  const Plan* last = nullptr;
  for (const Part& part : SessionInside::state(session).parts)
    if (part.plan) last = part.plan;
  std::vector<Shape> shapes;
  if (!last) return shapes;
  for (const Value& v : last->inferred.values) shapes.push_back(v.shape);
  return shapes;
}

std::string_view version() { return OCTET_VERSION; }
std::string_view cpu_kernels() { return kernels::best_isa().name; }

}  // namespace octet
