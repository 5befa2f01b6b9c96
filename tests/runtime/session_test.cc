// Sessions: equal bytes for any number of threads and any plan history, views that change nothing, no allocation in run().
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <random>
#include <thread>

#include "runtime/core/observe.h"
#include "runtime/core/op.h"
#include "tests/runtime/build_model.h"

static std::atomic<bool> counting{false};
static std::atomic<int> allocations{0};
static std::atomic<int64_t> live_bytes{0};

static void* allocate(size_t bytes) {
  if (counting) ++allocations;
  void* p = std::malloc(bytes ? bytes : 1);
  live_bytes += static_cast<int64_t>(malloc_usable_size(p));
  return p;
}
static void release(void* p) {
  live_bytes -= static_cast<int64_t>(malloc_usable_size(p));
  std::free(p);
}

// Every allocation of the program passes here, so that a test can count those of a run. GCC takes free() for a mismatch.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void* operator new(size_t bytes) {
  if (void* p = allocate(bytes)) return p;
  throw std::bad_alloc();
}
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes); }
void operator delete(void* p, const std::nothrow_t&) noexcept { release(p); }
void operator delete(void* p) noexcept { release(p); }
void operator delete(void* p, size_t) noexcept { release(p); }

namespace octet {
namespace {

std::vector<float> run(Session& session, unsigned seed) {
  std::mt19937 random(seed);
  EXPECT_TRUE(session.prepare());
  for (float& v : session.input(0).f32()) v = static_cast<float>(random() % 500) / 100.0f - 2.5f;
  auto done = session.run();
  EXPECT_TRUE(done) << done.error().text;
  const auto y = session.output(0).f32();
  return {y.begin(), y.end()};
}

Session make(const Model& model, SessionOptions options) {
  auto session = Session::create(model, std::move(options));
  EXPECT_TRUE(session) << session.error().text;
  return std::move(*session);
}

TEST(Session, Int8StaysCloseToFloat) {
  const Model model = small_model().loaded();
  Session f32 = make(model, {.precision = Precision::kF32}), int8 = make(model, {});
  const auto expected = run(f32, 1), got = run(int8, 1);
  ASSERT_EQ(expected.size(), got.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 0.02f) << i;
}

TEST(Session, ThreadsGiveTheSameBytes) {
  const Model model = small_model(true).loaded();
  Session one = make(model, {.threads = 1});
  ASSERT_TRUE(one.resize_input(0, {1, 33, 17, 4}));
  const auto expected = run(one, 2);
  for (int threads : {2, 4}) {
    Session session = make(model, {.threads = threads});
    ASSERT_TRUE(session.resize_input(0, {1, 33, 17, 4}));
    EXPECT_EQ(run(session, 2), expected) << threads;
  }
}

TEST(Session, ViewsChangeNothing) {
  const Model model = small_model().loaded();
  Session views = make(model, {});
  Session copies = make(model, {});
  observe(copies, [](int, const Tensor&) {});  // an observer needs every tensor by itself
  EXPECT_EQ(run(views, 3), run(copies, 3));
  EXPECT_LT(views.profile().size(), copies.profile().size());
}

TEST(Session, KeptPlansAreUsedAgainAndGiveTheSame) {
  const Model model = small_model(true).loaded();
  Session session = make(model, {.plans_kept = 2});
  std::vector<std::vector<float>> first;
  for (int round = 0; round < 3; ++round)
    for (int64_t h : {4, 9, 6}) {  // more shapes than plans are kept
      ASSERT_TRUE(session.resize_input(0, {1, h, 5, 4}));
      const auto y = run(session, static_cast<unsigned>(h));
      EXPECT_EQ(y.size(), static_cast<size_t>(h * 5 * 2));
      if (round == 0) first.push_back(y);
      EXPECT_EQ(y, first[h == 4 ? 0 : h == 9 ? 1 : 2]);
    }
}

TEST(Session, FiftySizesInTurnNeitherLeakNorChange) {
  const Model model = small_model(true).loaded();
  auto at = [&](Session& session, int64_t h) {
    EXPECT_TRUE(session.resize_input(0, {1, h, 3 + h % 4, 4}));
    return run(session, static_cast<unsigned>(h));
  };
  Session session = make(model, {.plans_kept = 3});
  int64_t after_round[4] = {};
  for (int64_t& live : after_round) {
    for (int64_t h = 3; h < 53; ++h) {
      Session fresh = make(model, {});
      ASSERT_EQ(at(session, h), at(fresh, h)) << h;
    }
    live = live_bytes;
  }
  EXPECT_LE(after_round[3], after_round[1] + 256) << "of " << after_round[0];
}

TEST(Session, MemoryForShapesNotInUseHasALimit) {
  const Model model = small_model(true).loaded();
  Session session = make(model, {.plans_kept = 50, .kept_bytes = 64 << 10});
  auto use = [&](int64_t h) {
    EXPECT_TRUE(session.resize_input(0, {1, h, h, 4}));
    return run(session, 1);
  };
  const auto small = use(5);
  const int64_t live = live_bytes;
  use(300);
  EXPECT_GT(session.arena_bytes(), size_t{64} << 10);
  for (int64_t h = 6; h < 56; ++h) use(h);
  EXPECT_EQ(use(5), small);
  EXPECT_LE(session.arena_bytes(), size_t{64} << 10);
  EXPECT_LT(live_bytes - live, 256 << 10);  // fifty plans would be more
}

TEST(Session, InputsStayUntilOverwritten) {
  Session session = make(small_model().loaded(), {});
  const auto y = run(session, 4);
  ASSERT_TRUE(session.run());
  const auto again = session.output(0).f32();
  EXPECT_EQ(y, std::vector<float>(again.begin(), again.end()));
}

TEST(Session, ManySessionsShareAModelFromManyThreads) {
  const Model model = small_model().loaded();
  Session alone = make(model, {});
  const auto expected = run(alone, 5);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        Session session =
            make(model,
                 {.threads = 1 + i % 2, .precision = i % 3 ? Precision::kInt8 : Precision::kF32, .use_onednn = false});
        const auto y = run(session, 5);
        EXPECT_TRUE(i % 3 == 0 || y == expected);
      }
    });
  for (std::thread& t : threads) t.join();
}

TEST(Session, SteadyStateRunAllocatesNothing) {
  const Model model = small_model().loaded();
  for (Precision precision : {Precision::kInt8, Precision::kF32}) {
    Session session = make(model, {.threads = 2, .precision = precision, .profile = true, .use_onednn = false});
    run(session, 6);
    allocations = 0;
    counting = true;
    (void)session.run();
    counting = false;
    EXPECT_EQ(allocations, 0);
  }
}

TEST(Session, SteadyStateRunAllocatesNothingBehindSizesFromData) {
  ModelBuilder b;
  const int x = b.input("x", {1, 9}), at = b.tensor("at", {2, -1}, schema::DType::s64), y = b.tensor("y", {-1});
  b.node("at", schema::NonZeroT{}, {x}, at);
  schema::CastT cast;
  cast.to = schema::DType::f32;
  b.node("y", cast, {at}, y);
  b.model.outputs = {y};
  auto model = Model::from_bytes(b.finish(), "m.octet");
  ASSERT_TRUE(model) << model.error().text;
  Session session = make(*model, {.precision = Precision::kF32});
  auto run_with = [&](size_t nonzeros) {
    const auto v = session.input(0).f32();
    for (size_t i = 0; i < v.size(); ++i) v[i] = i < nonzeros;
    (void)session.run();
  };
  run_with(3), run_with(7);
  allocations = 0;
  counting = true;
  run_with(3), run_with(3), run_with(7);
  counting = false;
  EXPECT_EQ(allocations, 0);
  EXPECT_EQ(session.output(0).shape, Shape({2, 7}));
}

TEST(Session, OpListsDecideWhatRunsInInt8) {
  const Model model = small_model().loaded();
  auto int8_steps = [&](SessionOptions options) {
    Session session = make(model, std::move(options));
    std::string steps;
    for (const StepProfile& p : session.profile())
      if (p.precision == Precision::kInt8 && p.op != "quantize" && p.op != "dequantize")
        steps += std::string(p.node) + " ";
    return steps;
  };
  EXPECT_EQ(int8_steps({}), "a pooled c d ");
  EXPECT_EQ(int8_steps({.precision = Precision::kF32}), "");
  EXPECT_EQ(int8_steps({.int8_ops = {"Conv"}}), "a c d ");
  EXPECT_EQ(int8_steps({.int8_exclude = {"c"}}), "a pooled d ");
  EXPECT_FALSE(Session::create(model, {.int8_ops = {"convolution"}}));
  EXPECT_FALSE(Session::create(model, {.int8_exclude = {"nosuchnode"}}));
}

TEST(Session, OtherOpListsThanTheModelsAreWarnedOf) {
  auto builder = small_model();
  builder.model.int8_ops = {"conv2d", "concat"};
  const Model model = *Model::from_bytes(builder.finish(), "small.octet");
  EXPECT_TRUE(make(model, {}).warnings().empty());
  EXPECT_TRUE(make(model, {.int8_ops = {"Conv"}}).warnings().empty());
  EXPECT_TRUE(make(model, {.precision = Precision::kF32, .int8_ops = {"pool2d"}}).warnings().empty());
  const auto more = make(model, {.int8_ops = {"conv2d", "pool2d"}}).warnings();
  ASSERT_EQ(more.size(), 1u);
  EXPECT_NE(more[0].find("pool2d will run in int8"), std::string::npos) << more[0];
  const auto less = make(model, {.int8_ops = {"pool2d"}}).warnings();
  ASSERT_EQ(less.size(), 2u);
  EXPECT_NE(less[1].find("conv2d will run in float"), std::string::npos) << less[1];
}

// What shape arithmetic computes is known before a run. Ops that must know it do, though the caller reads it as well.
TEST(Session, ASizeMayBeAnOutputAndWhereASliceEnds) {
  ModelBuilder b;
  const int x = b.input("x", {-1, 4});
  const int rows = b.tensor("rows", {1}, schema::DType::s64), end = b.tensor("end", {1}, schema::DType::s64);
  const auto s64 = [&](const char* name, int64_t value) {
    return b.constant<int64_t>(name, {1}, {value}, schema::DType::s64);
  };
  b.node("rows", schema::ShapeOfT{.start = 0, .end = 1}, {x}, rows);
  b.node("end", schema::BinaryT{.kind = schema::BinaryKind::sub}, {rows, s64("one", 1)}, end);
  const int y = b.tensor("y", {-1, 4});
  b.node("y", schema::SliceT{}, {x, s64("start", 1), end, s64("axis", 0)}, y);
  b.model.outputs = {y, end};
  auto model = Model::from_bytes(b.finish(), "m.octet");
  ASSERT_TRUE(model) << model.error().text;
  Session session = make(*model, {.precision = Precision::kF32});
  ASSERT_TRUE(session.resize_input(0, {5, 4}));
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(session.prepare());
    for (size_t i = 0; i < 20; ++i) session.input(0).f32()[i] = static_cast<float>(i);
    ASSERT_TRUE(session.run());
    EXPECT_EQ(session.output(0).shape, Shape({3, 4}));
    EXPECT_EQ(session.output(0).f32()[0], 4);
    EXPECT_EQ(session.output(1).s64()[0], 4);
    session.output(1).s64()[0] = 9;  // the caller's to overwrite
  }
}

TEST(Session, NamesOfOpsMeanOneThing) {
  ModelBuilder b;
  const int x = b.input("x", {1, 4, 4, 4});
  auto conv = [&](int64_t groups, int64_t out) {
    const int64_t in = 4 / groups;
    const int w = b.f32("w", {out, 1, 1, in}, std::vector<float>(static_cast<size_t>(out * in), 1));
    const int y = b.tensor("y", {1, 4, 4, out});
    schema::Conv2dT op;
    op.groups = static_cast<int32_t>(groups);
    b.node("conv", op, {x, w}, y);
    return y;
  };
  const int grouped = conv(2, 4), deep = conv(4, 4), product = b.tensor("product", {1, 4, 4, 4});
  conv(4, 8);
  schema::BinaryT times;
  times.kind = schema::BinaryKind::mul;
  b.node("product", times, {grouped, deep}, product);
  b.model.outputs = {product};
  auto model = Model::from_bytes(b.finish(), "m.octet");
  ASSERT_TRUE(model) << model.error().text;
  std::string names;
  for (const NodeDef& n : model->data().nodes) {
    names.append(n.kind->names(n)[0]).append(" ");
    for (std::string_view name : n.kind->names(n)) EXPECT_NE(name, "mul");  // Paddle's matmul
  }
  EXPECT_EQ(names, "conv2d depthwise_conv2d depthwise_conv2d multiply ");
}

TEST(Session, ErrorsNameWhatWasWrong) {
  const Model model = small_model().loaded();
  EXPECT_NE(Session::create(model, {.threads = 0}).error().text.find("threads"), std::string::npos);
  Session session = make(model, {});
  const auto wrong = session.resize_input(0, {1, 3, 3, 4});
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().text.find("{1, 6, 5, 4}"), std::string::npos) << wrong.error().text;
  EXPECT_FALSE(session.resize_input(5, {1}));
  Session dynamic = make(small_model(true).loaded(), {});
  EXPECT_NE(dynamic.run().error().text.find("resize_input"), std::string::npos);
  auto floats = small_model();
  floats.model.int8_ops.clear();
  auto unquantised = Model::from_bytes(floats.finish(), "float.octet");
  ASSERT_TRUE(unquantised);
  EXPECT_NE(Session::create(*unquantised, {}).error().text.find("octet-convert quantize"), std::string::npos);
}

TEST(Session, TensorsGiveTheirElementsAsTheirTypeOnly) {
  std::vector<int64_t> memory(6);
  for (DType type : {DType::kF32, DType::kU8, DType::kS8, DType::kS32, DType::kS64, DType::kBool}) {
    const Tensor t{.name = "t", .dtype = type, .shape = {2, 3}, .data = memory.data()};
    EXPECT_EQ(t.f32().size(), type == DType::kF32 ? 6u : 0u) << name_of(type);
    EXPECT_EQ(t.u8().size(), type == DType::kU8 ? 6u : 0u) << name_of(type);
    EXPECT_EQ(t.s8().size(), type == DType::kS8 ? 6u : 0u) << name_of(type);
    EXPECT_EQ(t.s32().size(), type == DType::kS32 ? 6u : 0u) << name_of(type);
    EXPECT_EQ(t.s64().size(), type == DType::kS64 ? 6u : 0u) << name_of(type);
    EXPECT_EQ(t.boolean().size(), type == DType::kBool ? 6u : 0u) << name_of(type);
    EXPECT_EQ(t.bytes().size(), 6 * size_of(type)) << name_of(type);
  }
  const Tensor open{.name = "t", .dtype = DType::kF32, .shape = {-1, 3}, .data = nullptr};
  EXPECT_TRUE(open.f32().empty() && open.bytes().empty());
}

#ifndef NDEBUG
TEST(SessionDeathTest, WhatTheCallerOwesIsAsserted) { EXPECT_DEATH((void)Shape({1, 2})[2], "rank"); }
#endif

}  // namespace
}  // namespace octet
