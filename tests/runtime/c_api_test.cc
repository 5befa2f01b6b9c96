// The C interface: each option has its own effect, and nothing that a caller passes or that memory does ends the process.
#include <gtest/gtest.h>
#include <octet/octet_c.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>

#include "tests/runtime/build_model.h"

static std::atomic<int> allocations{0};
static std::atomic<int> allowed{INT_MAX};  // allocations until one fails

static void* allocate(size_t bytes) {
  ++allocations;
  return allowed.fetch_sub(1) > 0 ? std::malloc(bytes ? bytes : 1) : nullptr;
}

#pragma GCC diagnostic ignored "-Wmismatched-new-delete"  // GCC takes free() for a mismatch
void* operator new(size_t bytes) {
  if (void* p = allocate(bytes)) return p;
  throw std::bad_alloc();
}
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes); }
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }

namespace {

using octet::ModelBuilder;

class CApi : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() / ("octet_c_api_" + std::to_string(::getpid()));
    std::filesystem::create_directories(path_);
    fixed_ = map("fixed.octet", octet::small_model(false));
    dynamic_ = map("dynamic.octet", octet::small_model(true));
    ModelBuilder floats = octet::small_model(false);
    floats.model.int8_ops.clear();
    unquantised_ = map("float.octet", floats);
  }
  void TearDown() override {
    for (octet_model* m : {fixed_, dynamic_, unquantised_}) octet_model_free(m);
    std::filesystem::remove_all(path_);
  }

  octet_model* map(const std::string& name, const ModelBuilder& builder) {
    const auto bytes = builder.finish();
    std::ofstream(path_ / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    octet_model* model = nullptr;
    EXPECT_EQ(octet_model_map((path_ / name).c_str(), &model), 0) << octet_last_error();
    return model;
  }

  std::filesystem::path path_;
  octet_model *fixed_ = nullptr, *dynamic_ = nullptr, *unquantised_ = nullptr;
};

struct Session {
  octet_session* handle = nullptr;
  explicit Session(const octet_model* model, const octet_options* options = nullptr) {
    EXPECT_EQ(octet_session_create(model, options, &handle), 0) << octet_last_error();
  }
  Session(const Session&) = delete;
  ~Session() { octet_session_free(handle); }
};

// The output for an input of the given height (0: as it is).
std::vector<float> run(octet_session* session, int64_t height = 0) {
  const int64_t shape[] = {1, height, 5, 4};
  if (height) {
    EXPECT_EQ(octet_session_resize_input(session, 0, shape, 4), 0) << octet_last_error();
  }
  octet_tensor x, y;
  EXPECT_EQ(octet_session_input(session, 0, &x), 0) << octet_last_error();
  const auto count = static_cast<size_t>(x.shape[1] * x.shape[2] * x.shape[3]);
  for (size_t i = 0; i < count; ++i) static_cast<float*>(x.data)[i] = static_cast<float>(i * 37 % 100) / 25.0f - 2;
  EXPECT_EQ(octet_session_run(session), 0) << octet_last_error();
  EXPECT_EQ(octet_session_output(session, 0, &y), 0) << octet_last_error();
  const auto* values = static_cast<const float*>(y.data);
  return {values, values + y.shape[1] * y.shape[2]};
}

std::vector<float> run_with(const octet_model* model, const octet_options* options) {
  return run(Session(model, options).handle);
}

TEST_F(CApi, ZeroesMeanTheDefaults) {
  const octet_options zeroes = {};
  EXPECT_EQ(run_with(fixed_, &zeroes), run_with(fixed_, nullptr));
  EXPECT_EQ(run_with(unquantised_, &zeroes), run_with(unquantised_, nullptr));
  octet_options f32 = {}, int8 = {};
  f32.precision = OCTET_PRECISION_F32, int8.precision = OCTET_PRECISION_INT8;
  EXPECT_EQ(run_with(fixed_, &int8), run_with(fixed_, nullptr));
  EXPECT_NE(run_with(fixed_, &f32), run_with(fixed_, nullptr));
}

TEST_F(CApi, PrecisionIsWhatIsAskedFor) {
  octet_options o = {};
  o.precision = OCTET_PRECISION_F32;
  EXPECT_EQ(run_with(fixed_, &o), run_with(unquantised_, nullptr));
  octet_session* session = nullptr;
  o.precision = OCTET_PRECISION_INT8;
  EXPECT_NE(octet_session_create(unquantised_, &o, &session), 0);
  EXPECT_NE(std::string(octet_last_error()).find("quantize"), std::string::npos) << octet_last_error();
  for (int wrong : {-1, 3, 100}) {
    o.precision = wrong;
    EXPECT_NE(octet_session_create(fixed_, &o, &session), 0) << wrong;
    EXPECT_EQ(session, nullptr);
  }
}

// Threads of this process, where the system tells.
int threads() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) ++count;
  return count;
}

TEST_F(CApi, Threads) {
  if (!std::filesystem::exists("/proc/self/task")) GTEST_SKIP();
  const int before = threads();
  octet_options o = {};
  o.threads = 5;
  const Session session(fixed_, &o);
  EXPECT_EQ(threads(), before + 4);
  EXPECT_EQ(run(session.handle), run_with(fixed_, nullptr));
  octet_session* none = nullptr;
  o.threads = -1;
  EXPECT_NE(octet_session_create(fixed_, &o, &none), 0);
}

// As the C++ interface understands the same lists.
std::vector<float> run_lists(std::vector<std::string> ops, std::vector<std::string> exclude) {
  auto model = octet::Model::from_bytes(octet::small_model(false).finish(), "m.octet");
  auto session = octet::Session::create(*model, {.int8_ops = std::move(ops), .int8_exclude = std::move(exclude)});
  EXPECT_TRUE(session) << session.error().text;
  const auto x = session->input(0).f32();
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 37 % 100) / 25.0f - 2;
  EXPECT_TRUE(session->run());
  const auto y = session->output(0).f32();
  return {y.begin(), y.end()};
}

TEST_F(CApi, OpLists) {
  const auto plain = run_with(fixed_, nullptr);
  octet_options o = {};
  o.int8_ops = "pool2d,concat";
  const auto listed = run_with(fixed_, &o);
  EXPECT_EQ(listed, run_lists({"pool2d", "concat"}, {}));
  EXPECT_NE(std::string(octet_session_warnings(Session(fixed_, &o).handle)), "");
  o = {};
  o.int8_exclude = "a,d";
  const auto excluded = run_with(fixed_, &o);
  EXPECT_EQ(excluded, run_lists({}, {"a", "d"}));
  EXPECT_NE(listed, plain);
  EXPECT_NE(excluded, plain);
  EXPECT_EQ(std::string(octet_session_warnings(Session(fixed_).handle)), "");
  octet_session* session = nullptr;
  o.int8_exclude = "nosuchnode";
  EXPECT_NE(octet_session_create(fixed_, &o, &session), 0);
  EXPECT_NE(std::string(octet_last_error()).find("nosuchnode"), std::string::npos) << octet_last_error();
}

// Whether the first of these heights is still prepared after the others.
bool keeps_first(const octet_model* model, const octet_options& o, const std::vector<int64_t>& heights) {
  const Session session(model, &o);
  run(session.handle, 31);  // memory of the session's own is there after this
  for (int64_t h : heights) run(session.handle, h);
  const int64_t shape[] = {1, heights[0], 5, 4};
  octet_tensor x;
  const int before = allocations;
  EXPECT_EQ(octet_session_resize_input(session.handle, 0, shape, 4), 0);
  EXPECT_EQ(octet_session_input(session.handle, 0, &x), 0);
  return allocations - before < 10;
}

TEST_F(CApi, PlansKept) {
  octet_options o = {};
  EXPECT_TRUE(keeps_first(dynamic_, o, {3, 4, 5, 6}));
  EXPECT_FALSE(keeps_first(dynamic_, o, {3, 4, 5, 6, 7}));
  o.plans_kept = 2;
  EXPECT_TRUE(keeps_first(dynamic_, o, {3, 4}));
  EXPECT_FALSE(keeps_first(dynamic_, o, {3, 4, 5}));
}

TEST_F(CApi, KeptBytes) {
  octet_options o = {};
  o.kept_bytes = 1;
  EXPECT_FALSE(keeps_first(dynamic_, o, {3, 4}));
  o.kept_bytes = 1 << 30;
  EXPECT_TRUE(keeps_first(dynamic_, o, {3, 4, 5, 6}));
  EXPECT_FALSE(keeps_first(dynamic_, o, {3, 4, 5, 6, 7}));
}

TEST_F(CApi, NullAndIndicesAreErrors) {
  octet_model* model = fixed_;
  octet_session* session = nullptr;
  octet_tensor t;
  const int64_t shape[] = {1, 6, 5, 4};
  const Session dynamic(dynamic_), good(fixed_);
  octet_session *const s = good.handle, *const d = dynamic.handle;
  ASSERT_EQ(octet_session_run(s), 0);
  const octet_run_options run_options = {nullptr, 0}, late = {nullptr, -1};
  octet_options no_plans = {}, little = {};
  no_plans.plans_kept = -1, little.memory_limit = 1;
  struct {
    int code;
    const char* what;
  } const failures[] = {
      {octet_model_map(nullptr, &model), "map no path"},
      {octet_model_map("x", nullptr), "map to nowhere"},
      {octet_model_input(nullptr, 0, &t), "input of no model"},
      {octet_model_output(nullptr, 0, &t), "output of no model"},
      {octet_model_input(fixed_, 0, nullptr), "input to nowhere"},
      {octet_model_output(fixed_, 0, nullptr), "output to nowhere"},
      {octet_model_input(fixed_, -1, &t), "input -1"},
      {octet_model_output(fixed_, 1, &t), "output 1"},
      {octet_session_create(nullptr, nullptr, &session), "session of no model"},
      {octet_session_create(fixed_, nullptr, nullptr), "session to nowhere"},
      {octet_session_resize_input(nullptr, 0, shape, 4), "resize of no session"},
      {octet_session_resize_input(s, 0, nullptr, 4), "resize to no shape"},
      {octet_session_resize_input(s, 0, shape, -1), "rank -1"},
      {octet_session_resize_input(s, 0, shape, 9), "rank 9"},
      {octet_session_resize_input(s, 0, shape, INT_MAX), "rank INT_MAX"},
      {octet_session_resize_input(s, 7, shape, 4), "resize input 7"},
      {octet_session_resize_input(s, INT_MIN, shape, 4), "resize input INT_MIN"},
      {octet_session_input(nullptr, 0, &t), "input of no session"},
      {octet_session_input(s, 0, nullptr), "session's input to nowhere"},
      {octet_session_input(s, 1, &t), "session's input 1"},
      {octet_session_input(s, -1, &t), "session's input -1"},
      {octet_session_input(d, 0, &t), "input of open size"},
      {octet_session_run(nullptr), "run no session"},
      {octet_session_run(d), "run with open sizes"},
      {octet_session_output(nullptr, 0, &t), "output of no session"},
      {octet_session_output(s, 0, nullptr), "session's output to nowhere"},
      {octet_session_output(s, 1, &t), "session's output 1"},
      {octet_session_output(s, -1, &t), "session's output -1"},
      {octet_session_output(d, 0, &t), "output before a run"},
      {octet_session_run_with(nullptr, &run_options), "run no session with options"},
      {octet_session_run_with(s, &late), "run with a timeout below 0"},
      {octet_session_create(fixed_, &no_plans, &session), "plans_kept below 1"},
      {octet_session_create(fixed_, &little, &session), "a memory_limit of 1"},
      {octet_cancel_create(nullptr), "cancel to nowhere"},
  };
  for (const auto& f : failures) EXPECT_GT(f.code, 0) << f.what;
  EXPECT_EQ(model, nullptr);
  EXPECT_STRNE(octet_last_error(), "");
  EXPECT_EQ(octet_model_input_count(nullptr), -1);
  EXPECT_EQ(octet_model_output_count(nullptr), -1);
  EXPECT_EQ(octet_model_quantized(nullptr), -1);
  EXPECT_STREQ(octet_session_warnings(nullptr), "");
  EXPECT_EQ(octet_session_memory(nullptr), 0u);
  octet_model_free(nullptr);
  octet_session_free(nullptr);
  octet_cancel_free(nullptr);
  octet_cancel_set(nullptr, 1);
  EXPECT_EQ(octet_session_output(s, 0, &t), 0) << "a failed call leaves the session as it was";
}

TEST_F(CApi, OutputsOfTheShapeBeforeAreNotHandedOut) {
  const Session session(dynamic_);
  run(session.handle, 3);
  const int64_t shape[] = {1, 4, 5, 4};
  ASSERT_EQ(octet_session_resize_input(session.handle, 0, shape, 4), 0);
  octet_tensor y;
  EXPECT_GT(octet_session_output(session.handle, 0, &y), 0);
  EXPECT_NE(std::string(octet_last_error()).find("octet_session_run first"), std::string::npos) << octet_last_error();
  run(session.handle);
}

TEST_F(CApi, RunsEndByAFlagOrATimeout) {
  const Session session(fixed_);
  const auto expected = run(session.handle);
  octet_cancel* cancel = nullptr;
  ASSERT_EQ(octet_cancel_create(&cancel), 0);
  const octet_run_options flag = {cancel, 0}, both = {cancel, INT64_MAX};
  octet_cancel_set(cancel, 1);
  octet_tensor y;
  EXPECT_EQ(octet_session_run_with(session.handle, &flag), OCTET_CANCELLED);
  EXPECT_EQ(octet_session_output(session.handle, 0, &y), OCTET_BAD_ARGUMENT);
  octet_cancel_set(cancel, 0);
  EXPECT_EQ(octet_session_run_with(session.handle, &both), 0) << octet_last_error();
  EXPECT_EQ(run(session.handle), expected);
  octet_cancel_free(cancel);
  const Session open(dynamic_);  // 4,000,000 pixels take longer than a microsecond
  const int64_t shape[] = {1, 2000, 2000, 4};
  ASSERT_EQ(octet_session_resize_input(open.handle, 0, shape, 4), 0);
  const octet_run_options soon = {nullptr, 1};
  EXPECT_EQ(octet_session_run_with(open.handle, &soon), OCTET_DEADLINE);
}

TEST_F(CApi, MemoryLimit) {
  octet_options o = {};
  const Session free(fixed_);
  const size_t need = octet_session_memory(free.handle);
  EXPECT_GT(need, 0u);
  o.memory_limit = need;
  EXPECT_EQ(run(Session(fixed_, &o).handle), run(free.handle));
  o.memory_limit = need / 2;
  octet_session* session = nullptr;
  EXPECT_EQ(octet_session_create(fixed_, &o, &session), OCTET_MEMORY);
  EXPECT_NE(std::string(octet_last_error()).find("memory_limit"), std::string::npos) << octet_last_error();
}

// Calls `call` again and again, each time with one allocation more allowed, until it succeeds.
template <class Call>
void with_little_memory(const char* what, Call call) {
  int code = 1;
  for (int n = 0; code != 0 && n < 20000; ++n) {
    allowed = n;
    code = call();
    allowed = INT_MAX;
    ASSERT_TRUE(code == 0 || *octet_last_error()) << what;
  }
  EXPECT_EQ(code, 0) << what << ": " << octet_last_error();
}

TEST_F(CApi, WantOfMemoryIsAnError) {
  const std::string file = path_ / "dynamic.octet";
  octet_model* model = nullptr;
  octet_session* session = nullptr;
  octet_tensor t;
  with_little_memory("map", [&] { return octet_model_map(file.c_str(), &model); });
  octet_options o = {};
  o.threads = 3;
  o.int8_exclude = "pooled";  // a convolution in float may be oneDNN's, which ends the process for want of memory
  with_little_memory("create", [&] { return octet_session_create(model, &o, &session); });
  const int64_t wrong[] = {1, 3, 5, 99}, right[] = {1, 7, 5, 4};
  with_little_memory("a refused size", [&] {
    return octet_session_resize_input(session, 0, wrong, 4) == 0 || std::string(octet_last_error()) == "out of memory";
  });
  with_little_memory("resize", [&] { return octet_session_resize_input(session, 0, right, 4); });
  with_little_memory("run", [&] { return octet_session_run(session); });
  with_little_memory("input", [&] { return octet_session_input(session, 0, &t); });
  with_little_memory("output", [&] { return octet_session_output(session, 0, &t); });
  with_little_memory("model's input", [&] { return octet_model_input(model, 0, &t); });
  octet_session_free(session);
  octet_model_free(model);
}

}  // namespace
