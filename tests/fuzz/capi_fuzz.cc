// The C interface as calls that the input chooses, in right and wrong orders, on handles that are there and that are NULL: a call
// does what the header says, or fails with a text. What it does not allow (freed handles, two threads at a time) is left out.
#include <octet/octet_c.h>

#include <array>

#include "tests/fuzz/fuzz.h"
#include "tests/runtime/build_model.h"

namespace octet::fuzz {
namespace {

void expect(bool right, const char* what) {
  if (!right) fail(what);
}

// A code as it is; a failure must come with a text.
int checked(int code) {
  expect(code >= OCTET_OK && code <= OCTET_DEADLINE, "a code that is none");
  expect(code == 0 || *octet_last_error(), "a failure without a text");
  return code;
}

const std::string& model_path(bool dynamic) {
  static const std::array<std::string, 2> paths = [] {
    std::array<std::string, 2> made;
    for (const bool open : {false, true}) {
      const auto bytes = small_model(open).finish();
      made[open] = file_of({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, open ? ".open" : ".fixed");
    }
    return made;
  }();
  return paths[dynamic];
}

struct Slot {
  octet_session* session = nullptr;
  bool ran = false;
};

class Caller {
 public:
  explicit Caller(std::span<const uint8_t> data) : data_(data), in_(data) {}
  ~Caller() {
    for (octet_model* m : models_) octet_model_free(m);
    for (const Slot& s : sessions_) octet_session_free(s.session);
    octet_cancel_free(cancel_);
  }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  void play() {
    for (int calls = 0; !in_.empty() && calls < 64; ++calls) call();
  }

 private:
  int index() { return in_.range(0, 3) ? 0 : in_.range(-2, 3); }

  void call() {
    constexpr void (Caller::*kCalls[])() = {&Caller::map,    &Caller::map,    &Caller::free_model, &Caller::describe,
                                            &Caller::create, &Caller::create, &Caller::close,      &Caller::warn,
                                            &Caller::resize, &Caller::resize, &Caller::write,      &Caller::run,
                                            &Caller::run,    &Caller::read,   &Caller::read};
    (this->*in_.one_of(kCalls))();
  }

  void map() {
    octet_model*& m = in_.one_of(models_);
    octet_model_free(m);
    const int kind = in_.range(0, 5);
    if (kind == 0) {
      expect(checked(octet_model_map(nullptr, &m)) && !m, "no path, and a model");
    } else if (kind == 1) {
      expect(checked(octet_model_map("/no/such/file", &m)) && !m, "no file, and a model");
    } else if (kind == 2) {
      const int code = checked(octet_model_map(file_of(data_, ".octet").c_str(), &m));
      expect((code == 0) == (m != nullptr), "a code and a model that do not agree");
    } else {
      m = nullptr;
      if (kind == 3) checked(octet_model_map(model_path(false).c_str(), nullptr));
      expect(!checked(octet_model_map(model_path(in_.flag()).c_str(), &m)) && m, "a good model is refused");
    }
  }

  void free_model() {
    octet_model*& m = in_.one_of(models_);
    octet_model_free(m);
    m = nullptr;
  }

  void describe() {
    const octet_model* m = in_.one_of(models_);
    const bool output = in_.flag();
    const int count = output ? octet_model_output_count(m) : octet_model_input_count(m), i = index();
    expect((count < 0) == (m == nullptr), "a count of no model");
    expect((octet_model_quantized(m) < 0) == (m == nullptr), "no model is quantised");
    octet_tensor info;
    octet_tensor* place = in_.range(0, 7) ? &info : nullptr;
    const int code = checked(output ? octet_model_output(m, i, place) : octet_model_input(m, i, place));
    expect((code == 0) == (m && place && i >= 0 && i < count), "a description of what is not there");
    if (code == 0) expect(info.name && !info.data && info.rank <= OCTET_MAX_RANK, "a wrong description");
  }

  void create() {
    constexpr const char* kOps[] = {nullptr,         nullptr, nullptr,      "",        "conv2d",
                                    "conv2d,pool2d", ",,",    "no such op", "mul,Conv"};
    constexpr const char* kExclude[] = {nullptr, nullptr, nullptr, "a", "joined,d", "pool2d", "no such node"};
    const octet_options options{.threads = threads(in_.range(-1, 3)),
                                .precision = in_.range(-1, 3),
                                .int8_ops = in_.one_of(kOps),
                                .int8_exclude = in_.one_of(kExclude),
                                .plans_kept = in_.range(-1, 3),
                                .kept_bytes = in_.any<uint16_t>(),
                                .memory_limit = in_.flag() ? 0 : size_t{1} << in_.range(4, 24)};
    const octet_model* m = in_.one_of(models_);
    Slot& s = in_.one_of(sessions_);
    octet_session_free(s.session);
    s = {};
    if (in_.range(0, 7) == 0) checked(octet_session_create(m, &options, nullptr));
    const int code = checked(octet_session_create(m, in_.flag() ? &options : nullptr, &s.session));
    expect((code == 0) == (s.session != nullptr), "a code and a session that do not agree");
  }

  void close() {
    Slot& s = in_.one_of(sessions_);
    octet_session_free(s.session);
    s = {};
  }

  void warn() { expect(octet_session_warnings(in_.one_of(sessions_).session), "warnings are NULL"); }

  void resize() {
    constexpr int64_t kSizes[] = {1, 2, 3, 8, 33, 0, -1, INT64_MAX, INT64_MIN, int64_t{1} << 40};
    Slot& s = in_.one_of(sessions_);
    std::array<int64_t, OCTET_MAX_RANK + 2> shape{1, 6, 5, 4, 1, 1, 1, 1, 1, 1};
    const bool usual = in_.range(0, 3) > 0;
    for (size_t d = usual ? 1 : 0; d < (usual ? 3 : shape.size()); ++d) shape[d] = in_.one_of(kSizes);
    const int rank = usual ? 4 : in_.range(-2, OCTET_MAX_RANK + 2), i = index();
    const int code = checked(octet_session_resize_input(s.session, i, in_.range(0, 15) ? shape.data() : nullptr, rank));
    if (code == 0) s.ran = false;
    expect(code || s.session, "no session is resized");
  }

  void write() {
    Slot& s = in_.one_of(sessions_);
    octet_tensor t;
    octet_tensor* place = in_.range(0, 7) ? &t : nullptr;
    const int code = checked(octet_session_input(s.session, index(), place));
    expect(code || (s.session && place), "an input of no session");
    if (code == 0) std::memset(t.data, in_.any<uint8_t>(), bytes_of(t));
  }

  void run() {
    Slot& s = in_.one_of(sessions_);
    s.ran = checked(octet_session_run(s.session)) == 0;
    expect(!s.ran || s.session, "no session runs");
  }

  void run_with() {
    constexpr int64_t kTimeouts[] = {0, 0, 1, 1'000'000, INT64_MAX, -1, INT64_MIN};
    const octet_run_options options{.cancel = in_.flag() ? cancel_ : nullptr, .timeout_us = in_.one_of(kTimeouts)};
    const bool given = in_.range(0, 3) > 0;
    Slot& s = in_.one_of(sessions_);
    const int code = checked(octet_session_run_with(s.session, given ? &options : nullptr));
    s.ran = code == OCTET_OK;
    expect(!s.ran || s.session, "no session runs");
    expect(!s.ran || !given || !options.cancel || !cancelled_, "a run that is to end goes on");
    expect(code != OCTET_CANCELLED || (options.cancel && cancelled_), "a run ends that nobody ended");
  }

  void change_flag() {
    cancelled_ = in_.flag();
    if (!cancel_ || in_.range(0, 3) == 0) {
      octet_cancel_free(cancel_);
      if (in_.range(0, 7) == 0) expect(checked(octet_cancel_create(nullptr)), "a flag without a place");
      expect(!checked(octet_cancel_create(&cancel_)) && cancel_, "no flag");
    }
    octet_cancel_set(cancel_, cancelled_);
    octet_cancel_set(nullptr, 1);
  }

  void ask_memory() {
    const Slot& s = in_.one_of(sessions_);
    expect(s.session || octet_session_memory(s.session) == 0, "no session has memory");
    (void)octet_session_memory(s.session);
  }

  void read() {
    const Slot& s = in_.one_of(sessions_);
    octet_tensor t;
    octet_tensor* place = in_.range(0, 7) ? &t : nullptr;
    const int code = checked(octet_session_output(s.session, index(), place));
    expect(code || (s.session && place && s.ran), "an output without a run");
    if (code) return;
    size_t sum = 0;
    for (size_t b = 0; b < bytes_of(t); ++b) sum += static_cast<const volatile uint8_t*>(t.data)[b];
    expect(sum <= 255 * bytes_of(t), "bytes above 255");
  }

  static size_t bytes_of(const octet_tensor& t) {
    expect(t.rank >= 0 && t.rank <= OCTET_MAX_RANK, "a rank that is none");
    size_t bytes = size_of(static_cast<DType>(t.dtype));
    for (int d = 0; d < t.rank; ++d) bytes *= static_cast<size_t>(t.shape[d]);
    return bytes;
  }

  std::span<const uint8_t> data_;
  Choices in_;
  std::array<octet_model*, 2> models_{};
  std::array<Slot, 3> sessions_{};
  octet_cancel* cancel_ = nullptr;
  bool cancelled_ = false;
};

}  // namespace
}  // namespace octet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  octet::fuzz::Caller({data, size}).play();
  return 0;
}
