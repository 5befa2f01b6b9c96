// depthwise of every ISA against the reference, byte for byte.
#include <cstring>

#include "tests/kernels/support.h"

namespace octet::kernels::test {
namespace {

struct Case {
  int kernel_h, kernel_w, stride, dilation, pad, in_h, in_w, channels;
  const char* why;
};

// huge: products of accumulators and multipliers are far beyond 32 bits, in every other channel.
void check(const Case& c, const Activation& act, bool residual, bool to_u8, bool huge = false) {
  Random random(static_cast<uint32_t>(c.kernel_h * 31 + c.stride * 7 + c.in_w * 131 + c.channels));
  Depthwise d = {.kernel_h = c.kernel_h,
                 .kernel_w = c.kernel_w,
                 .stride_h = c.stride,
                 .stride_w = c.stride,
                 .dilation_h = c.dilation,
                 .dilation_w = c.dilation,
                 .pad_top = c.pad,
                 .pad_left = c.pad,
                 .in_h = c.in_h,
                 .in_w = c.in_w,
                 .channels = c.channels};
  d.out_h = (c.in_h + 2 * c.pad - c.dilation * (c.kernel_h - 1) - 1) / c.stride + 1;
  d.out_w = (c.in_w + 2 * c.pad - c.dilation * (c.kernel_w - 1) - 1) / c.stride + 1;
  ASSERT_GT(d.out_h, 0);
  ASSERT_GT(d.out_w, 0);
  d.input_pitch = c.channels + random.integer(0, 3);
  d.output_pitch = d.residual_pitch = c.channels + random.integer(0, 3);
  const int taps = c.kernel_h * c.kernel_w;
  const std::vector<uint8_t> input = random.bytes(c.in_h * c.in_w * d.input_pitch), zero_row = random.bytes(c.channels);
  const std::vector<uint8_t> res = random.bytes(int64_t{d.out_h} * d.out_w * d.residual_pitch);
  std::vector<int8_t> weights(static_cast<size_t>(taps * c.channels)), packed;
  for (auto& w : weights) w = random.weight();
  EpilogueData data(random, c.channels, 6000.0 * std::sqrt(taps), act, residual, to_u8);
  for (size_t n = 0; huge && n < static_cast<size_t>(c.channels); n += 2)
    data.acc0[n] = n % 4 ? 1 << 30 : -(1 << 30), data.multiplier[n] = 3.0f;
  const std::vector<int32_t> acc0 = data.acc0;
  d.input = input.data();
  d.zero_row = zero_row.data();
  d.epilogue = data.epilogue;
  d.residual = residual ? res.data() : nullptr;

  std::vector<uint8_t> expected(static_cast<size_t>(d.out_h * d.out_w * d.output_pitch) * (to_u8 ? 1 : 4), 0xCD), got;
  d.weights = weights.data();
  d.output = expected.data();
  reference::depthwise(d, 0, d.out_h);
  for (const Isa* isa : supported_isas()) {
    for (int n = 0; n < c.channels; ++n) {
      int32_t sum = 0;
      for (int t = 0; t < taps; ++t) sum += weights[static_cast<size_t>(t * c.channels + n)];
      data.acc0[n] = acc0[n] + isa->depthwise_s8.activation_offset * sum;
    }
    packed.assign(isa->depthwise_s8.packed_bytes(c.kernel_h, c.kernel_w, c.channels), 99);
    isa->depthwise_s8.pack(weights.data(), c.kernel_h, c.kernel_w, c.channels, packed.data());
    got.assign(expected.size(), 0xCD);
    d.weights = packed.data();
    d.output = got.data();
    const int middle = d.out_h / 2;
    isa->depthwise_s8.run(d, 0, middle);
    isa->depthwise_s8.run(d, middle, d.out_h);
    ASSERT_TRUE(same(expected, got)) << isa->name << " " << c.why << " kernel " << c.kernel_h << "x" << c.kernel_w
                                     << " stride " << c.stride << " image " << c.in_h << "x" << c.in_w << " channels "
                                     << c.channels << " act " << static_cast<int>(act.kind);
  }
}

TEST(Depthwise, Geometry) {
  constexpr Case kCases[] = {
      {3, 3, 1, 1, 1, 7, 9, 40, "same 3x3"},
      {3, 3, 2, 1, 1, 9, 11, 40, "3x3 stride 2"},
      {3, 3, 2, 1, 0, 9, 8, 24, "no padding"},
      {5, 5, 1, 1, 2, 8, 7, 24, "same 5x5"},
      {5, 5, 2, 1, 2, 11, 13, 24, "5x5 stride 2"},
      {3, 3, 1, 2, 2, 9, 9, 20, "dilated"},
      {3, 3, 3, 1, 1, 10, 10, 20, "stride 3"},
      {7, 7, 1, 1, 3, 9, 9, 20, "7x7"},
      {1, 1, 1, 1, 0, 5, 5, 20, "1x1"},
      {1, 5, 1, 1, 0, 5, 9, 20, "a row"},
      {5, 1, 1, 1, 0, 9, 5, 20, "a column"},
      {3, 3, 1, 1, 2, 2, 2, 20, "more padding than image"},
      {4, 4, 2, 1, 1, 9, 9, 20, "even kernel"},
      {9, 3, 1, 1, 1, 12, 6, 20, "three groups of rows"},
      {3, 3, 1, 1, 1, 1, 1, 65, "one pixel"},
      {3, 3, 2, 1, 1, 1, 2, 65, "one output"},
  };
  for (const Case& c : kCases) check(c, {}, false, true);
}

TEST(Depthwise, ProductsBeyond32Bits) {
  for (int channels : {1, 8, 33, 64, 70}) check({3, 3, 1, 1, 1, 5, 5, channels, "huge"}, {}, false, true, true);
}

TEST(Depthwise, EveryWidth) {
  for (int w = 1; w <= 37; ++w) {
    for (int kernel : {3, 5}) {
      for (int stride : {1, 2}) check({kernel, kernel, stride, 1, kernel / 2, 4, w, 16, "width"}, {}, false, true);
    }
  }
}

TEST(Depthwise, EveryNumberOfChannels) {
  for (int channels = 1; channels <= 70; ++channels) {
    check({3, 3, 1, 1, 1, 5, 5, channels, "channels"}, {}, false, true);
    check({3, 3, 2, 1, 1, 5, 5, channels, "channels"}, {}, channels % 3 == 0, true);
    check({2, 3, 1, 1, 1, 4, 4, channels, "channels"}, {}, channels % 2 == 0, true);
  }
}

TEST(Depthwise, Activations) {
  for (const Activation& act : kActivations) {
    for (bool residual : {false, true}) {
      for (bool to_u8 : {false, true}) {
        for (int channels : {8, 33, 64}) check({3, 3, 1, 1, 1, 4, 6, channels, "activation"}, act, residual, to_u8);
      }
    }
  }
}

}  // namespace
}  // namespace octet::kernels::test
