// Float kernels of every ISA: the same bits as the reference, which is close to sums in double precision.
#include <cmath>
#include <cstring>

#include "tests/kernels/support.h"

namespace octet::kernels::test {
namespace {

double activate(const Activation& act, double x) {
  switch (act.kind) {
    case Act::kNone:
      return x;
    case Act::kRelu:
      return std::max(x, 0.0);
    case Act::kClip:
      return std::min(std::max<double>(x, act.a), double{act.b});
    case Act::kSilu:
      return x / (1 + std::exp(-x));
    case Act::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case Act::kHardSwish:
      return x * std::clamp(act.a * x + act.b, 0.0, 1.0);
    case Act::kHardSigmoid:
      return std::clamp(act.a * x + act.b, 0.0, 1.0);
    case Act::kLeakyRelu:
      return x < 0 ? x * act.a : x;
    case Act::kTanh:
      return std::tanh(x);
    case Act::kGelu:
      return x / 2 * std::erfc(-x * M_SQRT1_2);
    case Act::kGeluTanh:
      return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  }
  return x;
}

// `tolerance` is relative to the largest magnitude expected; NaN must meet NaN and infinity infinity.
::testing::AssertionResult close(const std::vector<float>& expected, const std::vector<float>& got, double tolerance) {
  double largest = 0;
  for (float v : expected) largest = std::isfinite(v) ? std::max<double>(largest, std::fabs(v)) : largest;
  for (size_t i = 0; i < expected.size(); ++i) {
    const bool same_kind = std::isnan(expected[i])   ? std::isnan(got[i])
                           : std::isinf(expected[i]) ? expected[i] == got[i]
                                                     : true;
    if (!same_kind ||
        (std::isfinite(expected[i]) && !(std::fabs(double{expected[i]} - got[i]) <= tolerance * largest))) {
      return ::testing::AssertionFailure() << "element " << i << ": expected " << expected[i] << ", got " << got[i];
    }
  }
  return ::testing::AssertionSuccess();
}

void check_conv(int rows, int taps, int in_channels, int channels, const Activation& act, bool residual) {
  Random random(static_cast<uint32_t>(rows + taps * 100 + channels));
  const auto input = random.reals(int64_t{taps} * rows * in_channels, -1, 1);
  std::vector<const float*> pointers;
  for (int i = 0; i < taps * rows; ++i) pointers.push_back(input.data() + i * in_channels);
  auto weights = random.reals(int64_t{padded(channels)} * taps * in_channels, -1, 1);
  const auto bias = per_channel(random, channels, -1, 1);
  const int pitch = channels + 2;
  const auto res = random.reals(rows * pitch, -1, 1);
  ConvTileF32 tile = {.rows = rows,
                      .taps = taps,
                      .in_channels = in_channels,
                      .input = pointers.data(),
                      .weights = weights.data(),
                      .channels = channels,
                      .bias = bias.data(),
                      .act = act,
                      .relu_after = residual,
                      .output_pitch = pitch,
                      .residual = residual ? res.data() : nullptr,
                      .residual_pitch = pitch};
  std::vector<float> expected(static_cast<size_t>(rows * pitch), 5), got;
  tile.output = expected.data();
  reference::conv_tile_f32(tile);
  std::vector<float> exact(expected.size(), 5);
  for (int r = 0; r < rows; ++r) {
    for (int n = 0; n < channels; ++n) {
      double sum = bias[static_cast<size_t>(n)];
      for (int t = 0; t < taps; ++t)
        for (int c = 0; c < in_channels; ++c)
          sum += double{pointers[static_cast<size_t>(t * rows + r)][c]} *
                 weights[static_cast<size_t>(((n / kBlock * taps + t) * in_channels + c) * kBlock + n % kBlock)];
      const double y = activate(act, sum) + (residual ? res[static_cast<size_t>(r * pitch + n)] : 0);
      exact[static_cast<size_t>(r * pitch + n)] = static_cast<float>(residual ? std::max(y, 0.0) : y);
    }
  }
  ASSERT_TRUE(close(exact, expected, 3e-6)) << "rows " << rows << " channels " << channels;
  for (const Isa* isa : supported_isas()) {
    if (rows > isa->conv_rows_f32) continue;
    got.assign(expected.size(), 5);
    tile.output = got.data();
    isa->conv_tile_f32(tile);
    ASSERT_TRUE(same(expected, got)) << isa->name << " rows " << rows << " taps " << taps << " in " << in_channels
                                     << " channels " << channels << " act " << static_cast<int>(act.kind);
  }
}

TEST(ConvTileF32, Shapes) {
  for (int rows = 1; rows <= kMaxRows; ++rows) {
    for (int channels : {1, 15, 16, 17, 32, 47, 64, 80}) check_conv(rows, 2, 5, channels, {}, channels % 2);
  }
  for (int channels = 1; channels <= 70; ++channels) check_conv(5, 1, 3, channels, {}, false);
}
TEST(ConvTileF32, Activations) {
  for (const Activation& act : kActivations) check_conv(4, 1, 20, 35, act, true);
}

TEST(DepthwiseF32, Shapes) {
  Random random(31);
  for (int channels : {1, 7, 8, 9, 16, 31, 32, 33, 48, 64, 65, 70}) {
    for (int kernel : {1, 3, 5}) {
      DepthwiseF32 d = {.kernel_h = kernel,
                        .kernel_w = kernel,
                        .stride_h = 2,
                        .stride_w = 1,
                        .pad_top = kernel / 2,
                        .pad_left = kernel / 2,
                        .in_h = 7,
                        .in_w = 6,
                        .out_h = 4,
                        .out_w = 6,
                        .channels = channels,
                        .act = kActivations[static_cast<size_t>(channels) % std::size(kActivations)]};
      d.input_pitch = channels + 1, d.output_pitch = channels + 2;
      const auto input = random.reals(d.in_h * d.in_w * d.input_pitch, -1, 1),
                 weights = random.reals(kernel * kernel * channels, -1, 1);
      const auto bias = random.reals(channels, -1, 1);
      d.input = input.data(), d.weights = weights.data(), d.bias = bias.data();
      std::vector<float> expected(static_cast<size_t>(d.out_h * d.out_w * d.output_pitch), 2), got;
      d.output = expected.data();
      reference::depthwise_f32(d, 0, d.out_h);
      const float y00 = expected[0];  // one corner by hand
      double sum = bias[0];
      for (int j = d.pad_top; j < kernel; ++j)
        for (int k = d.pad_left; k < kernel; ++k)
          sum += double{input[static_cast<size_t>(((j - d.pad_top) * d.in_w + k - d.pad_left) * d.input_pitch)]} *
                 weights[static_cast<size_t>((j * kernel + k) * channels)];
      ASSERT_NEAR(y00, activate(d.act, sum), 3e-6) << "channels " << channels << " kernel " << kernel;
      for (const Isa* isa : supported_isas()) {
        got.assign(expected.size(), 2);
        d.output = got.data();
        isa->depthwise_f32(d, 0, 1);
        isa->depthwise_f32(d, 1, d.out_h);
        ASSERT_TRUE(same(expected, got)) << isa->name << " channels " << channels << " kernel " << kernel;
      }
    }
  }
}

TEST(BinaryF32, OperationsAndSteps) {
  Random random(32);
  for (int op = 0; op <= static_cast<int>(BinaryF32::kMax); ++op) {
    for (int count : {1, 4, 15, 16, 17, 40}) {
      auto a = random.reals(count, 0.1f, 4), b = random.reals(count, 0.5f, 3);
      for (float first : {2.0f, 0.5f, 1.7f}) {
        b[0] = first;
        for (auto [a_step, b_step] : {std::pair{1, 1}, {1, 0}, {0, 1}}) {
          std::vector<float> expected(static_cast<size_t>(count) + 1, 9);
          reference::binary_f32(static_cast<BinaryF32>(op), a.data(), a_step, b.data(), b_step, expected.data(), count);
          for (const Isa* isa : supported_isas()) {
            std::vector<float> got(expected.size(), 9);
            isa->binary_f32(static_cast<BinaryF32>(op), a.data(), a_step, b.data(), b_step, got.data(), count);
            ASSERT_TRUE(same(expected, got)) << isa->name << " op " << op << " count " << count << " b " << first;
          }
        }
      }
    }
  }
}

TEST(UnaryF32, Operations) {
  Random random(33);
  for (int op = 0; op <= static_cast<int>(UnaryF32::kCos); ++op) {
    for (const Activation& act : kActivations) {
      if (op != 0 && act.kind != Act::kNone) continue;
      const bool positive = op == static_cast<int>(UnaryF32::kLog) || op == static_cast<int>(UnaryF32::kSqrt);
      for (int count : {1, 7, 16, 33, 1000}) {
        const auto in = random.reals(count, positive ? 0.01f : -20, 20);
        std::vector<float> expected(static_cast<size_t>(count) + 1, 9);
        reference::unary_f32(static_cast<UnaryF32>(op), act, in.data(), expected.data(), count);
        for (const Isa* isa : supported_isas()) {
          std::vector<float> got(expected.size(), 9);
          isa->unary_f32(static_cast<UnaryF32>(op), act, in.data(), got.data(), count);
          ASSERT_EQ(expected, got) << isa->name << " op " << op << " act " << static_cast<int>(act.kind) << " count "
                                   << count;
        }
      }
    }
  }
}

// Zeros of both signs, infinities and NaN: the same bits, but for the sign and payload of a NaN.
const std::vector<float> kSpecial = {0.0f,  -0.0f,  1.0f, -1.0f, INFINITY, -INFINITY, NAN,   1e-40f, -1e-40f,
                                     3e38f, -3e38f, 0.5f, -0.5f, 1.5f,     2.5f,      -2.5f, 100.0f};

::testing::AssertionResult same_but_nan(const std::vector<float>& expected, const std::vector<float>& got) {
  for (size_t i = 0; i < expected.size(); ++i)
    if (!(std::isnan(expected[i]) && std::isnan(got[i])) && std::memcmp(&expected[i], &got[i], sizeof(float)) != 0)
      return ::testing::AssertionFailure() << "element " << i << ": expected " << expected[i] << ", got " << got[i];
  return ::testing::AssertionSuccess();
}

TEST(UnaryF32, SpecialValues) {
  for (int op = 0; op <= static_cast<int>(UnaryF32::kCos); ++op) {
    for (const Activation& act : kActivations) {
      if (op != 0 && act.kind != Act::kNone) continue;
      std::vector<float> expected(kSpecial.size()), got(kSpecial.size());
      const auto count = static_cast<int64_t>(kSpecial.size());
      reference::unary_f32(static_cast<UnaryF32>(op), act, kSpecial.data(), expected.data(), count);
      for (const Isa* isa : supported_isas()) {
        isa->unary_f32(static_cast<UnaryF32>(op), act, kSpecial.data(), got.data(), count);
        ASSERT_TRUE(same_but_nan(expected, got)) << isa->name << " op " << op << " act " << static_cast<int>(act.kind);
      }
    }
  }
}

TEST(BinaryF32, SpecialValues) {
  const auto count = static_cast<int64_t>(kSpecial.size());
  for (int op = 0; op <= static_cast<int>(BinaryF32::kMax); ++op) {
    for (float other : kSpecial) {
      std::vector<float> expected(kSpecial.size()), got(kSpecial.size());
      reference::binary_f32(static_cast<BinaryF32>(op), kSpecial.data(), 1, &other, 0, expected.data(), count);
      for (const Isa* isa : supported_isas()) {
        isa->binary_f32(static_cast<BinaryF32>(op), kSpecial.data(), 1, &other, 0, got.data(), count);
        ASSERT_TRUE(same_but_nan(expected, got)) << isa->name << " op " << op << " with " << other;
      }
    }
  }
}

TEST(ArgmaxF32, SpecialValues) {
  for (size_t first = 0; first < kSpecial.size(); ++first) {
    std::vector<float> row(kSpecial.begin() + static_cast<std::ptrdiff_t>(first), kSpecial.end());
    int64_t expected = -1, got = -1;
    reference::argmax_f32(row.data(), 0, 1, static_cast<int>(row.size()), &expected);
    for (const Isa* isa : supported_isas()) {
      isa->argmax_f32(row.data(), 0, 1, static_cast<int>(row.size()), &got);
      ASSERT_EQ(expected, got) << isa->name << " from " << first;
    }
  }
}

TEST(UnaryF32, ExpIsRelativelyAccurateAndHasItsLimits) {
  for (const Isa* isa : supported_isas()) {
    for (float x = -100; x < 100; x += 0.37f) {
      float y;
      isa->unary_f32(UnaryF32::kExp, {}, &x, &y, 1);
      const double wanted = std::exp(double{x});
      if (wanted > 3.5e38) {
        ASSERT_TRUE(std::isinf(y)) << isa->name << " " << x;
      } else {
        ASSERT_NEAR(y, wanted, wanted * 6e-7 + 2e-38) << isa->name << " " << x;
      }
    }
  }
}

TEST(LayerNormF32, LengthsAndOperands) {
  Random random(35);
  for (int count = 1; count <= 70; ++count) {
    const auto in = random.reals(count, -3, 9), scale = random.reals(count, -2, 2), bias = random.reals(count, -1, 1);
    for (int operands = 0; operands < 8; ++operands) {
      LayerNormF32 norm{count, (operands & 4) == 0, 1e-3f};
      if (operands & 1) norm.scale = scale.data();
      if (operands & 2) norm.bias = bias.data();
      std::vector<float> expected(static_cast<size_t>(count) + 1, 7);
      reference::layer_norm_f32(norm, in.data(), expected.data());
      double mean = 0, squares = 0;
      for (float x : in) mean += norm.centred ? double{x} / count : 0;
      for (float x : in) squares += (x - mean) * (x - mean) / count;
      for (size_t i = 0; i < in.size(); ++i) {
        double y = (in[i] - mean) / std::sqrt(squares + 1e-3);
        if (norm.scale) y *= scale[i];
        if (norm.bias) y += bias[i];
        ASSERT_NEAR(expected[i], y, 1e-5) << i << " of " << count << " operands " << operands;
      }
      for (const Isa* isa : supported_isas()) {
        std::vector<float> got(expected.size(), 7);
        isa->layer_norm_f32(norm, in.data(), got.data());
        ASSERT_EQ(expected, got) << isa->name << " count " << count << " operands " << operands;
      }
    }
  }
}

TEST(BilinearAndSoftmaxF32, Lengths) {
  Random random(34);
  for (int count = 1; count <= 70; ++count) {
    const auto in = random.reals(count * 4, -30, 30);
    const float* corners[4] = {in.data(), in.data() + count, in.data() + 2 * count, in.data() + 3 * count};
    const float weights[4] = {0.1f, 0.2f, 0.3f, 0.4f};
    std::vector<float> blend(static_cast<size_t>(count) + 1, 1), soft(blend);
    reference::bilinear_f32(count, corners, weights, blend.data());
    reference::softmax_f32(in.data(), soft.data(), 1, count);
    double sum = 0;
    for (int i = 0; i < count; ++i) sum += std::exp(double{in[static_cast<size_t>(i)]});
    for (size_t i = 0; i < static_cast<size_t>(count); ++i)
      ASSERT_NEAR(soft[i], std::exp(double{in[i]}) / sum, 1e-6) << i << " of " << count;
    for (const Isa* isa : supported_isas()) {
      std::vector<float> blend_got(blend.size(), 1), soft_got(blend.size(), 1);
      isa->bilinear_f32(count, corners, weights, blend_got.data());
      isa->softmax_f32(in.data(), soft_got.data(), 1, count);
      ASSERT_EQ(blend, blend_got) << isa->name << " bilinear " << count;
      ASSERT_EQ(soft, soft_got) << isa->name << " softmax " << count;
    }
  }
}

TEST(BilinearRowF32, ChannelsPitchesAndNeighbours) {
  Random random(36);
  constexpr int kInWidth = 6, kOutWidth = 43;
  std::vector<int32_t> x0, x1;
  for (int x = 0; x < kOutWidth;
       ++x) {  // runs of many lengths, one longer than the kernel takes at once, one with x1 alone changing
    x0.push_back(x < 20 ? 0 : x < 22 ? 1 : x < 30 ? x % 3 : x < 40 ? 4 : 5);
    x1.push_back(x == 19 ? 0 : std::min(x0.back() + 1, kInWidth - 1));
  }
  const auto wx = random.reals(kOutWidth, 0, 1);
  for (int channels = 1; channels <= 70; ++channels) {
    for (const int gap : {0, 3}) {
      const auto in = random.reals(2 * kInWidth * (channels + gap), -9, 9);
      std::vector<float> expected(static_cast<size_t>(kOutWidth * (channels + gap)), 7);
      BilinearF32 b{.channels = channels,
                    .upper = in.data(),
                    .lower = in.data() + kInWidth * (channels + gap),
                    .input_pitch = channels + gap,
                    .wy = random.real(0, 1),
                    .x0 = x0.data(),
                    .x1 = x1.data(),
                    .wx = wx.data(),
                    .output = expected.data(),
                    .output_pitch = channels + gap};
      for (const int begin : {0, 5}) {
        const int end = begin ? kOutWidth - 4 : kOutWidth;
        b.output = expected.data();
        std::fill(expected.begin(), expected.end(), 7.0f);
        reference::bilinear_row_f32(b, begin, end);
        for (const Isa* isa : supported_isas()) {
          std::vector<float> got(expected.size(), 7);
          b.output = got.data();
          isa->bilinear_row_f32(b, begin, end);
          ASSERT_TRUE(same(expected, got))
              << isa->name << " channels " << channels << " gap " << gap << " from " << begin;
        }
      }
    }
  }
}

TEST(SoftmaxF32, ManyRows) {
  Random random(35);
  for (int count = 1; count <= 20; ++count) {
    for (int64_t rows : {1, 2, 3, 5, 16, 17, 40}) {
      auto in = random.reals(rows * count, -90, 90);
      if (rows == 40) in[7] = -INFINITY, in[13] = std::numeric_limits<float>::quiet_NaN();
      std::vector<float> expected(in.size() + 1, 7);
      reference::softmax_f32(in.data(), expected.data(), rows, count);
      for (const Isa* isa : supported_isas()) {
        std::vector<float> got(expected.size(), 7);
        isa->softmax_f32(in.data(), got.data(), rows, count);
        ASSERT_TRUE(same_but_nan(expected, got)) << isa->name << " " << rows << " rows of " << count;
      }
    }
  }
}

TEST(AffineF32, ChannelsAndPitches) {
  Random random(36);
  for (int channels = 1; channels <= 40; ++channels) {
    const int64_t rows = 1 + channels % 4, in_pitch = channels + channels % 3, out_pitch = channels + channels % 5;
    const auto in = random.reals(rows * in_pitch, -5, 5), scale = random.reals(channels, -2, 2),
               shift = random.reals(channels, -1, 1), slope = random.reals(channels, -1, 2);
    for (const float* slopes : {static_cast<const float*>(nullptr), slope.data()}) {
      std::vector<float> expected(static_cast<size_t>(rows * out_pitch), 7);
      AffineF32 a = {.rows = rows,
                     .channels = channels,
                     .input = in.data(),
                     .input_pitch = in_pitch,
                     .scale = scale.data(),
                     .shift = shift.data(),
                     .slope = slopes,
                     .output = expected.data(),
                     .output_pitch = out_pitch};
      reference::affine_f32(a);
      for (const Isa* isa : supported_isas()) {
        std::vector<float> got(expected.size(), 7);
        a.output = got.data();
        isa->affine_f32(a);
        ASSERT_EQ(expected, got) << isa->name << " channels " << channels;
      }
    }
  }
}

}  // namespace
}  // namespace octet::kernels::test
