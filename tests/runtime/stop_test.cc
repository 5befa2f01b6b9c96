// Runs that end before they are done: by a flag, by a deadline. The session runs again and gives the same bytes.
#include <gtest/gtest.h>

#include <thread>

#include "runtime/core/observe.h"
#include "tests/runtime/build_model.h"

namespace octet {
namespace {

constexpr int kSteps = 40;

// y = sin(sin(... x)), and where: the indices of what is not zero in it, behind a size that the data decide.
Model chain() {
  ModelBuilder b;
  int x = b.input("x", {64, 64});
  for (int i = 0; i < kSteps; ++i) {
    const int y = b.tensor("t" + std::to_string(i), {64, 64});
    b.node("t" + std::to_string(i), schema::UnaryT{.kind = schema::UnaryKind::sin}, {x}, y);
    x = y;
  }
  const int found = b.tensor("found", {2, -1}, schema::DType::s64),
            turned = b.tensor("turned", {-1, 2}, schema::DType::s64);
  b.node("found", schema::NonZeroT{}, {x}, found);
  schema::TransposeT turn;
  turn.perm = {1, 0};
  b.node("turned", turn, {found}, turned);
  b.model.outputs = {x, turned};
  auto model = Model::from_bytes(b.finish(), "chain.octet");
  EXPECT_TRUE(model) << model.error().text;
  return *model;
}

Session made(const Model& model, int threads = 1) {
  auto session = Session::create(model, {.threads = threads, .precision = Precision::kF32, .profile = true});
  EXPECT_TRUE(session) << session.error().text;
  float next = 0;
  for (float& v : session->input(0).f32()) v = next += 0.01f;
  return std::move(*session);
}

int64_t steps_run(const Session& session) {
  int64_t runs = 0;
  for (const StepProfile& p : session.profile()) runs += p.runs;
  return runs;
}

std::vector<float> values(const Session& session) {
  const auto y = session.output(0).f32();
  return {y.begin(), y.end()};
}

TEST(Stop, AFlagThatIsSetAndADeadlineThatIsOverEndARunBeforeItsFirstStep) {
  Session session = made(chain());
  const std::atomic<bool> set{true}, clear{false};
  const auto cancelled = session.run({.cancel = &set});
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, Code::kCancelled);
  const auto late = session.run({.deadline = std::chrono::steady_clock::now()});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kDeadline);
  EXPECT_NE(late.error().text.find("chain.octet"), std::string::npos);
  EXPECT_EQ(steps_run(session), 0);
  EXPECT_TRUE(session.run({.cancel = &clear, .deadline = std::chrono::steady_clock::now() + std::chrono::hours(1)}));
  EXPECT_GT(steps_run(session), kSteps);
}

// A flag that is set while step 7 runs ends the run after it, and one behind the data's sizes as well.
TEST(Stop, OneStepLaterAtMost) {
  const Model model = chain();
  for (const int at : {0, 7, kSteps - 1, kSteps + 1}) {
    Session session = made(model);
    std::atomic<bool> cancel{false};
    int seen = 0;
    observe(session, [&](int, const Tensor&) { cancel = cancel || seen++ == at; });
    ASSERT_TRUE(session.prepare());
    const auto done = session.run({.cancel = &cancel});
    EXPECT_EQ(static_cast<bool>(done), at > kSteps) << at;
    EXPECT_EQ(seen, std::min(at, kSteps) + 1) << at;
  }
}

TEST(Stop, AnotherThreadEndsARunAndTheNextGivesTheSameBytes) {
  const Model model = chain();
  Session fresh = made(model);
  ASSERT_TRUE(fresh.run());
  const auto expected = values(fresh);
  for (const int threads : {1, 3}) {
    Session session = made(model, threads);
    for (int round = 0; round < 5; ++round) {
      std::atomic<bool> cancel{false};
      std::thread other([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(1 + round));
        cancel = true;
      });
      auto done = session.run({.cancel = &cancel});
      while (done) done = session.run({.cancel = &cancel});
      other.join();
      EXPECT_EQ(done.error().code, Code::kCancelled);
      EXPECT_EQ(session.output(0).data, nullptr) << "half a result";
      ASSERT_TRUE(session.run());
      EXPECT_EQ(values(session), expected);
      EXPECT_EQ(session.output(1).shape, fresh.output(1).shape);
    }
  }
}

}  // namespace
}  // namespace octet
