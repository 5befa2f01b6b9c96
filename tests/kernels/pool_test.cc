// Pooling of every ISA against the reference: u8 byte for byte, f32 within rounding.
#include <cstring>

#include "tests/kernels/support.h"

namespace octet::kernels::test {
namespace {

struct Window {
  int kernel_h, kernel_w, stride, dilation, pad, in_h, in_w;
  const char* why;
};
constexpr Window kWindows[] = {
    {5, 5, 1, 1, 2, 9, 20, "SPPF"},       {2, 2, 2, 1, 0, 8, 10, "halving"},
    {3, 3, 2, 1, 1, 9, 9, "ResNet stem"}, {3, 3, 1, 2, 2, 9, 9, "dilated"},
    {7, 7, 1, 1, 0, 7, 7, "global"},      {1, 1, 2, 1, 0, 5, 5, "subsampling"},
    {3, 2, 2, 1, 1, 5, 6, "oblong"},      {13, 13, 1, 1, 6, 6, 6, "wider than the image"},
    {1, 80, 1, 1, 0, 2, 80, "wide row"},  {2, 70, 3, 1, 0, 3, 75, "wider than the buffer"},
    {3, 3, 1, 1, 1, 3, 130, "long row"},
};

Pool pool(const Window& w, int channels, Random& random) {
  Pool p = {.kernel_h = w.kernel_h,
            .kernel_w = w.kernel_w,
            .stride_h = w.stride,
            .stride_w = w.stride,
            .dilation_h = w.dilation,
            .dilation_w = w.dilation,
            .pad_top = w.pad,
            .pad_left = w.pad,
            .in_h = w.in_h,
            .in_w = w.in_w,
            .channels = channels};
  p.out_h = (w.in_h + 2 * w.pad - w.dilation * (w.kernel_h - 1) - 1) / w.stride + 1;
  p.out_w = (w.in_w + 2 * w.pad - w.dilation * (w.kernel_w - 1) - 1) / w.stride + 1;
  p.input_pitch = channels + random.integer(0, 3);
  p.output_pitch = channels + random.integer(0, 3);
  return p;
}

TEST(Pool, U8) {
  Random random(5);
  for (const Window& w : kWindows) {
    for (int channels : {1, 8, 16, 17, 32, 33, 64, 70}) {
      AveragePool a = {.pool = pool(w, channels, random), .count_include_pad = channels % 2 == 0};
      const Pool& p = a.pool;
      const auto multiplier = per_channel(random, channels, 0.3f, 2.5f);
      std::vector<int32_t> zero_in(static_cast<size_t>(padded(channels))), zero_out(zero_in.size());
      for (int n = 0; n < channels; ++n) zero_in[n] = random.byte(), zero_out[n] = random.byte();
      a.multiplier = multiplier.data(), a.zero_point_in = zero_in.data(), a.zero_point_out = zero_out.data();
      const auto input = random.bytes(int64_t{p.in_h} * p.in_w * p.input_pitch);
      const size_t size = static_cast<size_t>(p.out_h * p.out_w * p.output_pitch);
      std::vector<uint8_t> max_expected(size, 0xEE), average_expected(size, 0xEE);
      reference::max_pool(p, input.data(), max_expected.data(), 0, p.out_h);
      reference::average_pool(a, input.data(), average_expected.data(), 0, p.out_h);
      for (const Isa* isa : supported_isas()) {
        std::vector<uint8_t> max_got(size, 0xEE), average_got(size, 0xEE);
        isa->max_pool(p, input.data(), max_got.data(), 0, p.out_h / 2);
        isa->max_pool(p, input.data(), max_got.data(), p.out_h / 2, p.out_h);
        isa->average_pool(a, input.data(), average_got.data(), 0, p.out_h / 2);
        isa->average_pool(a, input.data(), average_got.data(), p.out_h / 2, p.out_h);
        ASSERT_TRUE(same(max_expected, max_got)) << isa->name << " max " << w.why << " channels " << channels;
        ASSERT_TRUE(same(average_expected, average_got))
            << isa->name << " average " << w.why << " channels " << channels;
      }
    }
  }
}

TEST(Pool, F32) {
  Random random(6);
  for (const Window& w : kWindows) {
    for (int channels : {1, 3, 8, 17, 32, 33}) {
      const Pool p = pool(w, channels, random);
      auto input = random.reals(int64_t{p.in_h} * p.in_w * p.input_pitch, -3, 3);
      for (float& v : input)  // among zeros of both signs
        if (channels % 8 == 0 && random.integer(0, 2)) v = random.integer(0, 1) ? 0.0f : -0.0f;
      const size_t size = static_cast<size_t>(p.out_h * p.out_w * p.output_pitch);
      std::vector<float> max_expected(size, 7), average_expected(size, 7);
      reference::max_pool_f32(p, input.data(), max_expected.data(), 0, p.out_h);
      reference::average_pool_f32(p, channels % 2, input.data(), average_expected.data(), 0, p.out_h);
      for (const Isa* isa : supported_isas()) {
        std::vector<float> max_got(size, 7), average_got(size, 7);
        isa->max_pool_f32(p, input.data(), max_got.data(), 0, p.out_h);
        isa->average_pool_f32(p, channels % 2, input.data(), average_got.data(), 0, p.out_h);
        ASSERT_TRUE(same(max_expected, max_got)) << isa->name << " max " << w.why << " channels " << channels;
        ASSERT_TRUE(same(average_expected, average_got))
            << isa->name << " average " << w.why << " channels " << channels;
      }
    }
  }
}

}  // namespace
}  // namespace octet::kernels::test
