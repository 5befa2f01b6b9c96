// What callers do wrong: every C++ function with a wrong index, out of order, after a move, from two threads, after fork(). An
// error or no data, never a crash or a hang. The C interface's table is in c_api_test.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <filesystem>
#include <thread>

#include "runtime/core/observe.h"
#include "tests/runtime/build_model.h"

namespace octet {
namespace {

Session make(const Model& model, SessionOptions options = {}) {
  auto session = Session::create(model, std::move(options));
  EXPECT_TRUE(session) << session.error().text;
  return std::move(*session);
}

bool empty(const Tensor& t) { return !t.data && t.f32().empty() && t.bytes().empty(); }

// One row: what is called, and whether it refused (an Error, or no data).
struct Row {
  const char* what;
  bool refused;
};

TEST(Misuse, IndicesOrderAndMoves) {
  const Model model = small_model().loaded(), open_model = small_model(true).loaded();
  Session ready = make(model), open = make(open_model), ran = make(model), resized = make(open_model),
          gone = make(model);
  ASSERT_TRUE(ran.run());
  ASSERT_TRUE(resized.resize_input(0, {1, 6, 5, 4}));
  ASSERT_TRUE(resized.run());
  ASSERT_TRUE(resized.resize_input(0, {1, 7, 5, 4}));
  const Session taken = std::move(gone);
  Model left = small_model().loaded();
  const Model kept = std::move(left);
  const Row rows[] = {
      {"input -1", empty(ready.input(-1))},
      {"input 1", empty(ready.input(1))},
      {"input INT_MAX", empty(ready.input(INT_MAX))},
      {"input of open sizes", empty(open.input(0))},
      {"input after resize_input", empty(resized.input(0))},
      {"input of a moved session", empty(gone.input(0))},
      {"output -1", empty(ran.output(-1))},
      {"output 1", empty(ran.output(1))},
      {"output INT_MIN", empty(ran.output(INT_MIN))},
      {"output before a run", empty(ready.output(0))},
      {"output of open sizes", empty(open.output(0))},
      {"output after resize_input", empty(resized.output(0))},
      {"output of a moved session", empty(gone.output(0))},
      {"run with open sizes", !open.run()},
      {"run of a moved session", !gone.run()},
      {"prepare with open sizes", !open.prepare()},
      {"prepare of a moved session", !gone.prepare()},
      {"resize_input -1", !open.resize_input(-1, {1, 6, 5, 4})},
      {"resize_input 1", !open.resize_input(1, {1, 6, 5, 4})},
      {"resize_input to rank 0", !open.resize_input(0, {})},
      {"resize_input to size 0", !open.resize_input(0, {1, 0, 5, 4})},
      {"resize_input to size -1", !open.resize_input(0, {1, -1, 5, 4})},
      {"resize_input to INT64_MAX", !open.resize_input(0, {1, INT64_MAX, INT64_MAX, 4})},
      {"resize_input of a moved session", !gone.resize_input(0, {1, 6, 5, 4})},
      {"profile of a moved session", gone.profile().empty()},
      {"warnings of a moved session", gone.warnings().empty()},
      {"arena_bytes of a moved session", gone.arena_bytes() == 0},
      {"memory_bytes of a moved session", gone.memory_bytes() == 0},
      {"session of a moved model", !Session::create(left)},
      {"inputs of a moved model", left.inputs().empty()},
      {"outputs of a moved model", left.outputs().empty()},
      {"name of a moved model", left.name().empty()},
      {"metadata of a moved model", left.metadata("numerics").empty()},
      {"quantized of a moved model", !left.quantized()},
      {"threads 0", !Session::create(model, {.threads = 0})},
      {"threads 1025", !Session::create(model, {.threads = 1025})},
      {"threads INT_MIN", !Session::create(model, {.threads = INT_MIN})},
      {"plans_kept 0", !Session::create(model, {.plans_kept = 0})},
      {"plans_kept -1", !Session::create(model, {.plans_kept = -1})},
      {"memory_limit 1", !Session::create(model, {.memory_limit = 1})},
      {"no bytes", !Model::from_bytes({}, "empty")},
      {"no path", !Model::map("")},
  };
  for (const Row& row : rows) EXPECT_TRUE(row.refused) << row.what;
  gone.reset_profile();
  EXPECT_FALSE(empty(ran.output(0))) << "misuse leaves a session as it was";
  EXPECT_FALSE(empty(ready.input(0)));
  EXPECT_TRUE(ready.run());
  gone = make(model);
  EXPECT_TRUE(gone.run()) << "a session may be moved into one that was moved from";
}

// What a path may name beside a model; none may block, be read without end or be changed by it.
TEST(Misuse, PathsThatAreNoFiles) {
  const std::string pipe = ::testing::TempDir() + "octet_misuse_" + std::to_string(::getpid());
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const std::string paths[] = {pipe, "/", "/dev/zero", "/dev/null", "/proc/self/mem", "/nosuchfile"};
  for (const std::string& path : paths) {
    const auto model = Model::map(path);
    ASSERT_FALSE(model) << path;
    EXPECT_NE(model.error().text.find(path), std::string::npos) << model.error().text;
  }
  ::unlink(pipe.c_str());
}

TEST(Misuse, ASecondThreadIsToldThatASessionIsBusy) {
  Session session = make(small_model(true).loaded());
  ASSERT_TRUE(session.resize_input(0, {1, 6, 5, 4}));
  std::atomic<int> stage{0};
  observe(session, [&](int, const Tensor&) {  // holds the first thread inside run()
    if (stage == 0) stage = 1;
    while (stage == 1) std::this_thread::yield();
  });
  std::thread first([&] { EXPECT_TRUE(session.run()); });
  while (stage == 0) std::this_thread::yield();
  const Result<void> refused[] = {session.run(), session.prepare(), session.resize_input(0, {1, 7, 5, 4})};
  stage = 2;
  first.join();
  for (const auto& r : refused) {
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code, Code::kBusy) << r.error().text;
  }
  EXPECT_TRUE(session.run());
}

#if !defined(__SANITIZE_THREAD__)  // it starts no threads behind a fork
std::vector<float> result_of(Session& session) {
  float next = 0;
  for (float& v : session.input(0).f32()) v = next = next > 2 ? -2 : next + 0.13f;
  if (!session.run()) return {};
  const auto y = session.output(0).f32();
  return {y.begin(), y.end()};
}

TEST(Misuse, AChildOfForkUsesWhatItInherited) {
  const Model model = small_model(true).loaded();
  for (const int threads : {1, 2, 4}) {
    Session session = make(model, {.threads = threads});
    ASSERT_TRUE(session.resize_input(0, {1, 64, 64, 4}));
    ASSERT_TRUE(session.prepare());
    const auto expected = result_of(session);
    ASSERT_FALSE(expected.empty());
    // Exit codes of the child, 0 where all is well: run, run and destroy, only destroy, and all that in a grandchild.
    const auto child = [&](int what) {
      ::alarm(20);
      if (what < 2 && result_of(session) != expected) return 2;
      if (what > 0) const Session dead = std::move(session);
      if (what == 1) {
        Session fresh = make(model, {.threads = threads});
        if (!fresh.resize_input(0, {1, 64, 64, 4}) || !fresh.prepare() || result_of(fresh) != expected) return 3;
      }
      if (what != 3) return 0;
      Session inner = make(model, {.threads = threads});
      if (!inner.resize_input(0, {1, 64, 64, 4}) || !inner.prepare()) return 4;
      const pid_t grandchild = ::fork();
      if (grandchild == 0) ::_exit(result_of(inner) == expected ? 0 : 5);
      int status = 0;
      ::waitpid(grandchild, &status, 0);
      return WIFEXITED(status) ? WEXITSTATUS(status) : 6;
    };
    for (int what : {0, 1, 2, 3}) {
      const pid_t pid = ::fork();
      if (pid == 0) ::_exit(child(what));
      int status = 0;
      ::waitpid(pid, &status, 0);
      EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << threads << " threads, " << what << ": " << status;
    }
    EXPECT_EQ(result_of(session), expected) << "the parent's session is as it was";
  }
}
#endif

}  // namespace
}  // namespace octet
