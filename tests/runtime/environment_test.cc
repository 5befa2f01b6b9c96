// Whatever floating point environment the caller has, outputs are the same bytes, and the caller's stays as it was.
#include <gtest/gtest.h>

#include <cfenv>
#include <cmath>
#include <random>

#include "tests/runtime/build_model.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace octet {
namespace {

#if defined(__x86_64__)
constexpr uint64_t kFlush = 0x8040;  // results and operands
uint64_t control() { return _mm_getcsr(); }
void set_control(uint64_t v) { _mm_setcsr(static_cast<unsigned>(v)); }
#elif defined(__aarch64__)
constexpr uint64_t kFlush = uint64_t{1} << 24;
uint64_t control() {
  uint64_t v;
  asm volatile("mrs %0, fpcr" : "=r"(v));
  return v;
}
void set_control(uint64_t v) { asm volatile("msr fpcr, %0" : : "r"(v)); }
#else
constexpr uint64_t kFlush = 0;
uint64_t control() { return 0; }
void set_control(uint64_t) {}
#endif

// What a caller may have set; back to the default at the end.
class Callers {
 public:
  Callers(int rounding, bool flush) : default_(control()) {
    std::fesetround(rounding);
    if (flush) set_control(control() | kFlush);
    mine_ = control();
  }
  ~Callers() {
    set_control(default_);
    std::fesetround(FE_TONEAREST);
  }
  bool untouched(int rounding) const { return std::fegetround() == rounding && control() == mine_; }

 private:
  uint64_t default_, mine_ = 0;
};

constexpr int kRoundings[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};

// Functions, an output of subnormal numbers, weights made when preparing, and a constant computed then: 1/3 of a float's kind.
ModelBuilder float_model() {
  ModelBuilder b;
  const int x = b.input("x", {1, 33, 70, 4});
  auto unary = [&](schema::UnaryKind kind, int in) {
    schema::UnaryT a;
    a.kind = kind;
    const int y = b.tensor("y", b.at(in).shape);
    b.node("unary", a, {in}, y);
    return y;
  };
  auto binary = [&](schema::BinaryKind kind, int p, int q, std::vector<int64_t> shape) {
    schema::BinaryT a;
    a.kind = kind;
    const int y = b.tensor("y", std::move(shape));
    b.node("binary", a, {p, q}, y);
    return y;
  };
  const std::vector<int64_t> image = {1, 33, 70, 4};
  const int sine = unary(schema::UnaryKind::sin, x);
  const int tiny = binary(schema::BinaryKind::mul, sine, b.f32("least", {1}, {3e-39f}), image);
  const int third = binary(schema::BinaryKind::div, b.f32("one", {3}, {1, 2, 5}), b.f32("three", {3}, {3, 7, 11}), {3});
  const int power = binary(schema::BinaryKind::pow, unary(schema::UnaryKind::exp, x), b.f32("e", {1}, {1.7f}), image);
  schema::ResizeT resize;
  resize.mode = schema::ResizeMode::linear;
  resize.size = {50, 61};
  const int resized = b.tensor("resized", {1, 50, 61, 4});
  b.node("resized", resize, {x}, resized);
  schema::SoftmaxT softmax;
  softmax.axis = 3;
  const int soft = b.tensor("soft", image);
  b.node("soft", softmax, {x}, soft);
  b.model.outputs = {tiny, third, power, resized, soft};
  return b;
}

Session make(const Model& model, SessionOptions options) {
  auto session = Session::create(model, std::move(options));
  EXPECT_TRUE(session) << session.error().text;
  return std::move(*session);
}

std::vector<std::byte> outputs(Session& session, const Model& model, const std::vector<float>& input) {
  std::copy(input.begin(), input.end(), session.input(0).f32().begin());
  EXPECT_TRUE(session.run());
  std::vector<std::byte> all;
  for (size_t i = 0; i < model.outputs().size(); ++i) {
    const auto bytes = session.output(static_cast<int>(i)).bytes();
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  return all;
}

void check(const ModelBuilder& builder, Precision precision) {
  const Model model = builder.loaded();
  std::mt19937 random(11);
  std::vector<float> input(static_cast<size_t>(model.inputs()[0].shape.elements()));
  for (float& v : input) v = static_cast<float>(random() % 4001) / 1000.0f - 2;
  Session plain = make(model, {.precision = precision, .use_onednn = false});
  const auto expected = outputs(plain, model, input);
  for (int rounding : kRoundings)
    for (bool flush : {false, true})
      for (int threads : {1, 2}) {
        const Callers callers(rounding, flush);
        const Model again = builder.loaded();
        ASSERT_TRUE(callers.untouched(rounding)) << "by loading";
        auto session = Session::create(again, {.threads = threads, .precision = precision, .use_onednn = false});
        ASSERT_TRUE(session) << session.error().text;
        ASSERT_TRUE(callers.untouched(rounding)) << "by create()";
        ASSERT_EQ(outputs(*session, again, input), expected)
            << rounding << " flush " << flush << " threads " << threads;
        ASSERT_TRUE(callers.untouched(rounding)) << "by run()";
        ASSERT_EQ(outputs(plain, model, input), expected) << "prepared before, run with " << rounding << " " << flush;
      }
}

TEST(Environment, FloatModel) { check(float_model(), Precision::kF32); }
TEST(Environment, Int8Model) { check(small_model(), Precision::kInt8); }
TEST(Environment, QuantisedModelInFloat) { check(small_model(), Precision::kF32); }

TEST(Environment, OutputsHoldSubnormalNumbers) {
  const Model model = float_model().loaded();
  Session session = make(model, {.precision = Precision::kF32});
  outputs(session, model, std::vector<float>(static_cast<size_t>(model.inputs()[0].shape.elements()), 0.7f));
  EXPECT_EQ(std::fpclassify(session.output(0).f32()[0]), FP_SUBNORMAL);
}

TEST(Environment, FlagsAreTheCallers) {
  std::feclearexcept(FE_ALL_EXCEPT);
  const Model model = float_model().loaded();
  Session session = make(model, {.precision = Precision::kF32});
  const std::vector<float> input(static_cast<size_t>(model.inputs()[0].shape.elements()), 1e9f);
  std::feclearexcept(FE_ALL_EXCEPT);
  outputs(session, model, input);  // overflows
  EXPECT_EQ(std::fetestexcept(FE_OVERFLOW | FE_UNDERFLOW | FE_INEXACT | FE_INVALID), 0);
}

}  // namespace
}  // namespace octet
