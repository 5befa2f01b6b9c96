// What lies between the values of an arena: room for reads behind each, and in sanitizer builds a fence around those alive.
#include <gtest/gtest.h>

#include "runtime/core/observe.h"
#include "runtime/core/plan.h"
#include "tests/runtime/build_model.h"

namespace octet {
namespace {

// x and the outputs of `count` sigmoids in a row, by default 64 bytes each, so that rounding up to cache lines makes no room.
Model chain(int count, int64_t floats = 16) {
  ModelBuilder b;
  int t = b.input("x", {1, floats});
  for (int i = 0; i < count; ++i) {
    const int y = b.tensor("y" + std::to_string(i), {1, floats});
    b.node("n" + std::to_string(i), schema::UnaryT{.act = schema::Activation(schema::ActKind::sigmoid, 0, 0)}, {t}, y);
    t = y;
  }
  b.model.outputs = {t};
  auto model = Model::from_bytes(b.finish(), "chain.octet");
  EXPECT_TRUE(model) << model.error().text;
  return *model;
}

// Kernels load whole vectors: what stands up to kReadSlack behind a value may be read, so it must be in the arena, and what
// is written there at the same time by others must not be this value's.
TEST(ArenaBounds, RoomToReadBehindEveryValue) {
  const Model model = chain(3);
  const SessionOptions options{.precision = Precision::kF32};
  const std::vector<bool> int8(model.data().nodes.size(), false);
  const Shape shapes[] = {{1, 16}};
  Memory memory;
  const auto plan = Plan::make({model.data(), options, int8, memory, true}, shapes);  // each value in memory of its own
  ASSERT_TRUE(plan) << plan.error().text;
  const Plan& p = **plan;
  ASSERT_EQ(p.values.size(), 4u);
  size_t end = p.scratch_offset + 64;
  for (const Value& v : p.values) {
    const size_t begin = p.places[static_cast<size_t>(v.id)].offset;
    EXPECT_LE(begin + 64 + static_cast<size_t>(kernels::kReadSlack), p.arena_bytes) << v.id;
    // Neighbours of the chain live at the same step.
    if (v.id > 0) {
      const size_t before = p.places[static_cast<size_t>(v.id - 1)].offset;
      EXPECT_GE(std::max(begin, before) - std::min(begin, before), 64u + kernels::kReadSlack) << v.id;
    }
    end = std::max(end, begin + 64 + static_cast<size_t>(kernels::kReadSlack));
  }
  EXPECT_EQ(end, p.arena_bytes);
}

// Of whole cache lines, one float less and one more: whoever counts on rounding up is wrong about one of them.
TEST(ArenaBounds, RoomWhateverRoundingUpAdds) {
  for (int64_t floats : {15, 16, 17, 31, 33}) {
    const Model model = chain(1, floats);
    const SessionOptions options{.precision = Precision::kF32};
    const Shape shapes[] = {{1, floats}};
    const std::vector<bool> int8 = {false};
    Memory memory;
    const auto plan = Plan::make({model.data(), options, int8, memory, true}, shapes);
    ASSERT_TRUE(plan) << plan.error().text;
    const size_t first = (*plan)->places[0].offset, second = (*plan)->places[1].offset;
    EXPECT_GE(std::max(first, second) - std::min(first, second), static_cast<size_t>(floats) * 4 + kernels::kReadSlack)
        << floats;
  }
}

#ifdef OCTET_POISON

// An observer sees each tensor just after the step that made it, so it can do what a step that strays would do.
void run_straying(int64_t floats) {
  auto session = Session::create(chain(3), {.precision = Precision::kF32});
  if (!session) std::abort();
  observe(*session, [floats](int, const Tensor& t) {
    if (t.name == "y0") *(t.f32().data() + floats) = 1;
  });
  if (!session->run()) std::abort();
}

TEST(ArenaBoundsDeathTest, WhatNoLiveValueOwnsIsNotTouched) {
  run_straying(0);
  run_straying(15);
  constexpr int64_t kBehind = (64 + kernels::kReadSlack) / 4;
  EXPECT_DEATH(run_straying(kBehind), "use-after-poison");
}

// After a run all of the arena is the caller's to look at, and the next run is watched like the first.
TEST(ArenaBoundsDeathTest, EveryRunIsWatched) {
  int run = 0;
  auto session = Session::create(chain(3), {.precision = Precision::kF32});
  ASSERT_TRUE(session);
  observe(*session, [&](int, const Tensor& t) {
    if (t.name == "y0" && run == 2) *(t.f32().data() + (64 + kernels::kReadSlack) / 4) = 1;
  });
  ASSERT_TRUE(session->prepare());
  for (run = 0; run < 2; ++run) {
    session->input(0).f32()[0] = 1;
    ASSERT_TRUE(session->run());
    EXPECT_GT(session->output(0).f32()[0], 0);
  }
  EXPECT_DEATH((void)session->run(), "use-after-poison");
}

#endif

}  // namespace
}  // namespace octet
