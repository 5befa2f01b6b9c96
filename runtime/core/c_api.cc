// The C interface over the C++ one: handles, codes and a text for each thread's last error.
#include <octet/octet_c.h>

#include <atomic>
#include <chrono>
#include <new>

#include "runtime/core/error.h"
#include "runtime/core/model.h"

struct octet_model {
  octet::Model model;
};

struct octet_session {
  octet::Session session;
  octet::Model model;
  std::string warnings;
};

struct octet_cancel {
  std::atomic<bool> flag{false};
};

namespace {

thread_local std::string last_error;

static_assert(OCTET_DEADLINE == static_cast<int>(octet::Code::kDeadline) + 1);
int fail(octet::Error e) {
  last_error = std::move(e.text);
  return static_cast<int>(e.code) + 1;
}

int fail(const char* text) { return fail(octet::Error{octet::Code::kBadArgument, text}); }

// No exception crosses the C boundary. These texts are short enough to need no memory.
template <class F>
int guarded(F&& body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    last_error = "out of memory";
  } catch (...) {
    last_error = "internal error";
  }
  return static_cast<int>(octet::Code::kMemory) + 1;
}

std::vector<std::string> split(const char* list) {
  std::vector<std::string> names;
  for (std::string rest = list ? list : ""; !rest.empty();) {
    const size_t comma = rest.find(',');
    if (comma != 0) names.push_back(rest.substr(0, comma));
    rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
  }
  return names;
}

// Names point into the model's flatbuffer, whose strings end with a zero.
void fill(octet_tensor* out, std::string_view name, octet::DType dtype, const octet::Shape& shape, void* data) {
  *out = {name.empty() ? "" : name.data(), static_cast<octet_dtype>(dtype), shape.rank(), {}, data};
  for (int i = 0; i < shape.rank(); ++i) out->shape[i] = shape[i];
}

// 0 where `index` is one of `count` inputs or outputs and there is a place for the answer.
int check(const char* kind, const octet::ModelData& model, size_t count, int index, const octet_tensor* place) {
  if (!place) return fail("no place for the tensor");
  if (index >= 0 && static_cast<size_t>(index) < count) return 0;
  return fail(octet::error(octet::Code::kBadArgument, model.name, " has no ", kind, " ", index, ", only ", count));
}

int describe(const char* kind, const octet::Model& model, const std::vector<octet::TensorInfo>& infos, int index,
             octet_tensor* out) {
  if (int wrong = check(kind, model.data(), infos.size(), index, out)) return wrong;
  const auto& info = infos[static_cast<size_t>(index)];
  fill(out, info.name, info.dtype, info.shape, nullptr);
  return 0;
}

template <class Count>
int count_of(const octet_model* model, Count count) {
  if (model) return static_cast<int>(count(*model));
  guarded([] { return fail("no model"); });
  return -1;
}

// False where the precision is none. What is zero keeps the default.
bool translate(const octet_options& from, bool quantized, octet::SessionOptions* to) {
  if (from.precision < OCTET_PRECISION_DEFAULT || from.precision > OCTET_PRECISION_INT8) return false;
  const bool int8 = from.precision == OCTET_PRECISION_DEFAULT ? quantized : from.precision == OCTET_PRECISION_INT8;
  to->precision = int8 ? octet::Precision::kInt8 : octet::Precision::kF32;
  if (from.threads) to->threads = from.threads;
  if (from.plans_kept) to->plans_kept = from.plans_kept;
  to->int8_ops = split(from.int8_ops);
  to->int8_exclude = split(from.int8_exclude);
  to->kept_bytes = from.kept_bytes;
  to->memory_limit = from.memory_limit;
  return true;
}

std::chrono::steady_clock::time_point after(int64_t microseconds) {
  using Clock = std::chrono::steady_clock;
  const auto now = Clock::now();
  const auto most = std::chrono::duration_cast<std::chrono::microseconds>(Clock::time_point::max() - now).count();
  return microseconds < most ? now + std::chrono::microseconds(microseconds) : Clock::time_point::max();
}

}  // namespace

const char* octet_version(void) { return octet::version().data(); }
const char* octet_last_error(void) { return last_error.c_str(); }

int octet_model_map(const char* path, octet_model** model) {
  return guarded([&] {
    if (!model) return fail("octet_model_map: no place for the model");
    *model = nullptr;
    if (!path) return fail("octet_model_map: no path");
    auto mapped = octet::Model::map(path);
    if (!mapped) return fail(mapped.error());
    *model = new octet_model{*mapped};
    return 0;
  });
}

void octet_model_free(octet_model* model) { delete model; }

int octet_model_input_count(const octet_model* model) {
  return count_of(model, [](const octet_model& m) { return m.model.data().inputs.size(); });
}

int octet_model_output_count(const octet_model* model) {
  return count_of(model, [](const octet_model& m) { return m.model.data().outputs.size(); });
}

int octet_model_quantized(const octet_model* model) {
  return count_of(model, [](const octet_model& m) { return size_t{m.model.quantized()}; });
}

int octet_model_input(const octet_model* model, int index, octet_tensor* info) {
  return guarded([&] {
    if (!model) return fail("octet_model_input: no model");
    return describe("input", model->model, model->model.inputs(), index, info);
  });
}

int octet_model_output(const octet_model* model, int index, octet_tensor* info) {
  return guarded([&] {
    if (!model) return fail("octet_model_output: no model");
    return describe("output", model->model, model->model.outputs(), index, info);
  });
}

int octet_session_create(const octet_model* model, const octet_options* options, octet_session** session) {
  return guarded([&] {
    if (!session) return fail("octet_session_create: no place for the session");
    *session = nullptr;
    if (!model) return fail("octet_session_create: no model");
    octet::SessionOptions o;
    if (!translate(options ? *options : octet_options{}, model->model.quantized(), &o))
      return fail("octet_session_create: the options' precision is no octet_precision");
    auto made = octet::Session::create(model->model, std::move(o));
    if (!made) return fail(made.error());
    std::string warnings;
    for (const std::string& line : made->warnings()) warnings += line + "\n";
    *session = new octet_session{std::move(*made), model->model, std::move(warnings)};
    return 0;
  });
}

void octet_session_free(octet_session* session) { delete session; }
const char* octet_session_warnings(const octet_session* session) { return session ? session->warnings.c_str() : ""; }

int octet_session_resize_input(octet_session* session, int index, const int64_t* shape, int rank) {
  return guarded([&] {
    if (!session) return fail("octet_session_resize_input: no session");
    if (rank < 0 || rank > octet::kMaxRank || (!shape && rank > 0))
      return fail("octet_session_resize_input: no shape of rank 0 to 8");
    auto done = session->session.resize_input(index, octet::Shape(std::span(shape, static_cast<size_t>(rank))));
    if (!done) return fail(done.error());
    return 0;
  });
}

int octet_session_input(octet_session* session, int index, octet_tensor* tensor) {
  return guarded([&] {
    if (!session) return fail("octet_session_input: no session");
    const octet::ModelData& model = session->model.data();
    if (int wrong = check("input", model, model.inputs.size(), index, tensor)) return wrong;
    if (auto ready = session->session.prepare(); !ready) return fail(ready.error());
    const octet::Tensor t = session->session.input(index);
    fill(tensor, t.name, t.dtype, t.shape, t.data);
    return 0;
  });
}

int octet_session_run(octet_session* session) { return octet_session_run_with(session, nullptr); }

int octet_session_run_with(octet_session* session, const octet_run_options* options) {
  return guarded([&] {
    if (!session) return fail("octet_session_run: no session");
    octet::RunOptions o;
    if (options && options->cancel) o.cancel = &options->cancel->flag;
    if (options && options->timeout_us < 0) return fail("octet_session_run: a timeout below 0");
    if (options && options->timeout_us > 0) o.deadline = after(options->timeout_us);
    if (auto done = session->session.run(o); !done) return fail(done.error());
    return 0;
  });
}

int octet_session_output(const octet_session* session, int index, octet_tensor* tensor) {
  return guarded([&] {
    if (!session) return fail("octet_session_output: no session");
    const octet::ModelData& model = session->model.data();
    if (int wrong = check("output", model, model.outputs.size(), index, tensor)) return wrong;
    const octet::Tensor t = session->session.output(index);
    if (!t.data) return fail("octet_session_output: call octet_session_run first");
    fill(tensor, t.name, t.dtype, t.shape, t.data);
    return 0;
  });
}

size_t octet_session_memory(const octet_session* session) { return session ? session->session.memory_bytes() : 0; }

int octet_cancel_create(octet_cancel** cancel) {
  return guarded([&] {
    if (!cancel) return fail("octet_cancel_create: no place for the flag");
    *cancel = nullptr;
    *cancel = new octet_cancel;
    return 0;
  });
}

void octet_cancel_free(octet_cancel* cancel) { delete cancel; }

void octet_cancel_set(octet_cancel* cancel, int cancelled) {
  if (cancel) cancel->flag.store(cancelled != 0, std::memory_order_relaxed);
}
