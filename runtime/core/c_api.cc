// The C interface over the C++ one: handles, codes and a text for each thread's last error.
#include <octet/octet_c.h>

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
  bool ran = false;
};

namespace {

thread_local std::string last_error;

int fail(const octet::Error& e) {
  last_error = e.text;
  return static_cast<int>(e.code) + 1;
}

int fail(const char* text) { return fail(octet::error(octet::Code::kBadArgument, text)); }

// Memory may run out; that must not cross the C boundary as an exception.
template <class F>
int guarded(F&& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return fail("out of memory");
  }
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

int describe(const std::vector<octet::TensorInfo>& infos, int index, octet_tensor* out) {
  if (index < 0 || static_cast<size_t>(index) >= infos.size()) return fail("no tensor of this index");
  const auto& info = infos[static_cast<size_t>(index)];
  fill(out, info.name, info.dtype, info.shape, nullptr);
  return 0;
}

}  // namespace

const char* octet_version(void) { return octet::version().data(); }
const char* octet_last_error(void) { return last_error.c_str(); }

int octet_model_map(const char* path, octet_model** model) {
  if (!path || !model) return fail("octet_model_map: null argument");
  return guarded([&] {
    auto mapped = octet::Model::map(path);
    if (!mapped) return fail(mapped.error());
    *model = new octet_model{*mapped};
    return 0;
  });
}

void octet_model_free(octet_model* model) { delete model; }
int octet_model_input_count(const octet_model* model) { return static_cast<int>(model->model.data().inputs.size()); }
int octet_model_output_count(const octet_model* model) { return static_cast<int>(model->model.data().outputs.size()); }
int octet_model_quantized(const octet_model* model) { return model->model.quantized(); }

int octet_model_input(const octet_model* model, int index, octet_tensor* info) {
  return guarded([&] { return describe(model->model.inputs(), index, info); });
}

int octet_model_output(const octet_model* model, int index, octet_tensor* info) {
  return guarded([&] { return describe(model->model.outputs(), index, info); });
}

int octet_session_create(const octet_model* model, const octet_options* options, octet_session** session) {
  if (!model || !session) return fail("octet_session_create: null argument");
  return guarded([&] {
    octet::SessionOptions o;
    o.precision = model->model.quantized() ? octet::Precision::kInt8 : octet::Precision::kF32;
    if (options) {
      if (options->threads) o.threads = options->threads;
      o.precision = options->precision == OCTET_PRECISION_INT8 ? octet::Precision::kInt8 : octet::Precision::kF32;
      o.int8_ops = split(options->int8_ops);
      o.int8_exclude = split(options->int8_exclude);
      if (options->plans_kept) o.plans_kept = options->plans_kept;
      o.kept_bytes = options->kept_bytes;
    }
    auto made = octet::Session::create(model->model, std::move(o));
    if (!made) return fail(made.error());
    std::string warnings;
    for (const std::string& line : made->warnings()) warnings += line + "\n";
    *session = new octet_session{std::move(*made), model->model, std::move(warnings)};
    return 0;
  });
}

void octet_session_free(octet_session* session) { delete session; }
const char* octet_session_warnings(const octet_session* session) { return session->warnings.c_str(); }

int octet_session_resize_input(octet_session* session, int index, const int64_t* shape, int rank) {
  if (!shape || rank < 0 || rank > octet::kMaxRank) return fail("octet_session_resize_input: bad shape");
  session->ran = false;
  auto done = session->session.resize_input(index, octet::Shape(std::span(shape, static_cast<size_t>(rank))));
  return done ? 0 : fail(done.error());
}

int octet_session_input(octet_session* session, int index, octet_tensor* tensor) {
  return guarded([&] {
    if (index < 0 || index >= static_cast<int>(session->model.data().inputs.size()))
      return fail("no input of this index");
    if (auto ready = session->session.prepare(); !ready) return fail(ready.error());
    const octet::Tensor t = session->session.input(index);
    fill(tensor, t.name, t.dtype, t.shape, t.data);
    return 0;
  });
}

int octet_session_run(octet_session* session) {
  return guarded([&] {
    auto done = session->session.run();
    session->ran = static_cast<bool>(done);
    return done ? 0 : fail(done.error());
  });
}

int octet_session_output(const octet_session* session, int index, octet_tensor* tensor) {
  if (index < 0 || index >= static_cast<int>(session->model.data().outputs.size()))
    return fail("no output of this index");
  if (!session->ran) return fail("octet_session_output: call octet_session_run first");
  const octet::Tensor t = session->session.output(index);
  fill(tensor, t.name, t.dtype, t.shape, t.data);
  return 0;
}
