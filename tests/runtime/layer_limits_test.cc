// How far a layer may go: the deepest sums that 32 bits hold, constants at the end of the file, residuals of exactly zero.
#include "tests/runtime/build_model.h"
#include "tests/runtime/conv2d_rig.h"

namespace octet {
namespace {

constexpr int64_t kDeepest = 33000;  // products of one int8 sum

// All factors the largest, and the largest bias that the converter stores, 2^29 units of the accumulator: with what zero
// points add the start value stays inside +-2^30, and the sum inside 32 bits.
TEST(LayerLimits, TheDeepestSumIsExact) {
  for (int sign : {1, -1}) {
    ConvCase c{.h = 1, .w = 2, .in = kDeepest, .out = 3, .f32_out = true, .in_zero = 0};
    ConvRig rig(c, 1);
    std::fill(rig.x.begin(), rig.x.end(), uint8_t{255});
    std::fill(rig.weights.begin(), rig.weights.end(), static_cast<int8_t>(127 * sign));
    for (size_t n = 0; n < rig.bias.size(); ++n)
      rig.bias[n] = static_cast<float>(sign * 536870000.0 * rig.x_quant.scale_at(0) * rig.weight_scale[n]);
    schema::pack_conv_s8({1, c.out, 1, c.in}, rig.weights.data(), rig.packed.data());
    const auto expected = rig.expected_int8();
    for (const kernels::Isa* isa : kernels::all_isas()) {
      if (!kernels::supported(*isa)) continue;
      EXPECT_EQ(rig.run(*isa, 1, true, false), expected) << isa->name << " " << sign;
    }
  }
}

// No converter writes such biases. What they are cut to must not depend on what an instruction set's kernel adds by itself.
TEST(LayerLimits, BiasesOfAnySizeGiveEveryKernelTheSameSums) {
  constexpr int64_t kDepth = 2000;
  for (const double units : {0.0, 5e8, 1.0737e9, -1.0738e9, 3e9, -1e12}) {
    ConvCase c{.h = 1, .w = 1, .in = kDepth, .out = 2, .f32_out = true, .in_zero = 255};
    ConvRig rig(c, 1);
    std::fill_n(rig.weights.begin(), kDepth, int8_t{127});
    std::fill_n(rig.weights.begin() + kDepth, kDepth, int8_t{-100});
    for (size_t n = 0; n < 2; ++n)
      rig.bias[n] = static_cast<float>(units * rig.x_quant.scale_at(0) * rig.weight_scale[n]);
    schema::pack_conv_s8({1, c.out, 1, c.in}, rig.weights.data(), rig.packed.data());
    Step step;
    rig.with_layer(kernels::best_isa(), 1, true, false, step, [&](const conv::Layer& layer) {
      const auto plain = conv::epilogue(layer, 0), moved = conv::epilogue(layer, 128);
      EXPECT_EQ(moved->acc0[0] - plain->acc0[0], 128 * 127 * kDepth) << units;
      EXPECT_EQ(moved->acc0[1] - plain->acc0[1], 128 * -100 * kDepth) << units;
      EXPECT_LE(std::abs(plain->acc0[0]), 1 << 30) << units;
    });
  }
}

// A product of two activations that is deeper is no error: it runs in float, whatever the file says of scales.
TEST(LayerLimits, DeeperProductsRunInFloat) {
  for (int64_t depth : {kDeepest, kDeepest + 1}) {
    ModelBuilder b;
    const int x = b.input("x", {1, depth}), keys = b.input("keys", {1, depth}), y = b.tensor("y", {1, 1});
    b.quantise(x, {1.0f}, {0});
    b.quantise(keys, {1.0f}, {128});
    schema::MatMulT product;
    product.transpose_b = true;
    b.node("deep", product, {x, keys}, y);
    b.model.outputs = {y};
    b.model.int8_ops = {"matmul"};
    auto model = Model::from_bytes(b.finish(), "deep.octet");
    ASSERT_TRUE(model) << model.error().text;
    auto session = Session::create(*model, {});
    ASSERT_TRUE(session) << session.error().text;
    for (const StepProfile& step : session->profile()) {
      if (step.node != "deep") continue;
      EXPECT_EQ(step.precision, depth == kDeepest ? Precision::kInt8 : Precision::kF32) << depth;
    }
  }
}

TEST(LayerLimits, ConstantsEndInsideTheFile) {
  const auto with_offset = [](uint64_t more) {
    ModelBuilder b;
    const int x = b.input("x", {16}), c = b.f32("c", {16}, std::vector<float>(16, 1)), y = b.tensor("y", {16});
    b.at(c).offset += more;
    b.node("y", schema::BinaryT{}, {x, c}, y);
    b.model.outputs = {y};
    return Model::from_bytes(b.finish(), "end.octet");
  };
  EXPECT_TRUE(with_offset(0));
  for (uint64_t more : {uint64_t{64}, uint64_t{128}, ~uint64_t{63}}) {
    const auto model = with_offset(more);
    ASSERT_FALSE(model) << more;
    EXPECT_NE(model.error().text.find("'c': data outside the weight segment"), std::string::npos) << model.error().text;
  }
}

// Sums of 2.5 and 1.5 steps are both rounded to 2, unless the residual adds a trace.
TEST(LayerLimits, AResidualOfZeroAddsNothing) {
  constexpr int64_t kChannels = 255;
  ConvCase c{.h = 1, .w = 1, .in = 1, .out = kChannels, .residual = true, .bias = false, .in_zero = 0};
  c.out_per_channel = true;
  ConvRig rig(c, 1);
  rig.x_quant.scale[0] = 0.15f;
  rig.x[0] = 1;
  for (size_t n = 0; n < kChannels; ++n) {
    rig.weights[n] = n % 2 ? 5 : 3;
    rig.weight_scale[n] = 1;
    rig.y_quant.scale[n] = 0.3f, rig.y_quant.zero[n] = 100;
    rig.r_quant.scale[n] = 0.1f;
    rig.residual[n] = rig.r_quant.zero[n] = static_cast<uint8_t>(n + 1);
  }
  schema::pack_conv_s8({1, kChannels, 1, 1}, rig.weights.data(), rig.packed.data());
  for (const kernels::Isa* isa : kernels::all_isas()) {
    if (!kernels::supported(*isa)) continue;
    const auto y = rig.run(*isa, 1, true, false);
    for (size_t n = 0; n < kChannels; ++n)
      EXPECT_EQ(static_cast<int>(y[n]), 102) << isa->name << ", a zero point of " << n + 1;
  }
}

}  // namespace
}  // namespace octet
