// Elementwise u8 kernels of every ISA against the reference, byte for byte.
#include <cstring>
#include <limits>

#include "tests/kernels/support.h"

namespace octet::kernels::test {
namespace {

struct Operands {
  std::vector<float> a_multiplier, b_multiplier, offset, a_zero, b_zero, out_multiplier, low, high;
  std::vector<int32_t> zero_point;

  Operands(Random& random, int channels, bool uniform) : zero_point(static_cast<size_t>(padded(channels))) {
    a_multiplier = per_channel(random, channels, 0.01f, 0.9f);
    b_multiplier = per_channel(random, channels, 0.01f, 0.9f);
    offset = per_channel(random, channels, -100, 100);
    a_zero = per_channel(random, channels, 0, 255);
    b_zero = per_channel(random, channels, 0, 255);
    out_multiplier = per_channel(random, channels, 1, 30);
    low = high = per_channel(random, channels, 0, 0);
    for (int n = 0; n < channels; ++n) {
      zero_point[n] = random.byte();
      low[n] = static_cast<float>(-zero_point[n]);
      high[n] = static_cast<float>(255 - zero_point[n]);
      a_zero[n] = std::nearbyint(a_zero[n]);
      b_zero[n] = std::nearbyint(b_zero[n]);
    }
    if (!uniform) return;
    for (auto* v : {&a_multiplier, &b_multiplier, &offset, &a_zero, &b_zero, &out_multiplier, &low, &high}) {
      for (int n = 1; n < channels; ++n) (*v)[n] = (*v)[0];
    }
    for (int n = 1; n < channels; ++n) zero_point[n] = zero_point[0];
  }
};

void check_binary(int64_t rows, int channels, int extra_pitch, bool broadcast, bool uniform, const Activation& act,
                  bool slope = false, int output_apart = 0) {
  Random random(static_cast<uint32_t>(rows * 31 + channels));
  const Operands o(random, channels, uniform);
  const int64_t pitch = channels + extra_pitch;
  const auto x = random.bytes(rows * pitch), y = random.bytes(rows * pitch);
  BinaryU8 b = {.rows = rows,
                .channels = channels,
                .a = x.data(),
                .a_pitch = pitch,
                .b = y.data(),
                .b_pitch = broadcast ? 0 : pitch,
                .a_multiplier = o.a_multiplier.data(),
                .act = act,
                .slope = slope ? o.b_multiplier.data() : nullptr,
                .out_multiplier = act.kind == Act::kNone && !slope ? nullptr : o.out_multiplier.data(),
                .low = o.low.data(),
                .high = o.high.data(),
                .zero_point = o.zero_point.data(),
                .output_pitch = pitch + output_apart};
  BinaryU8 sum = b, product = b;
  sum.b_multiplier = o.b_multiplier.data(), sum.offset = o.offset.data();
  product.a_zero = o.a_zero.data(), product.b_zero = o.b_zero.data();
  std::vector<uint8_t> sums(static_cast<size_t>(rows * b.output_pitch), 0x77), products = sums;
  sum.output = sums.data(), product.output = products.data();
  reference::add(sum);
  reference::mul(product);
  for (const Isa* isa : supported_isas()) {
    std::vector<uint8_t> got_sums(sums.size(), 0x77), got_products = got_sums;
    sum.output = got_sums.data(), product.output = got_products.data();
    isa->add(sum);
    isa->mul(product);
    ASSERT_TRUE(same(sums, got_sums)) << isa->name << " add rows " << rows << " channels " << channels << " act "
                                      << static_cast<int>(act.kind);
    ASSERT_TRUE(same(products, got_products)) << isa->name << " mul rows " << rows << " channels " << channels;
  }
}

TEST(Binary, EveryNumberOfChannels) {
  for (int channels = 1; channels <= 140; channels += channels < 70 ? 1 : 7) {
    for (int rows : {1, 2, 5}) check_binary(rows, channels, channels % 3, channels % 2 == 0, channels % 5 == 0, {});
  }
}
TEST(Binary, OneScaleForAllChannels) {
  for (int channels : {1, 3, 16, 63, 65}) {
    for (int rows : {1, 2, 21, 64, 65}) check_binary(rows, channels, 0, false, true, {});
  }
}
TEST(Binary, RowsApartInTheOutputAlone) {
  for (int channels : {1, 3, 16, 63, 65}) check_binary(21, channels, 0, false, true, {}, false, 2);
}
TEST(Binary, Activations) {
  for (const Activation& act : kActivations) {
    for (int channels : {5, 32, 48, 64}) check_binary(6, channels, 1, false, false, act);
    check_binary(50, 3, 0, false, true, act);
  }
}
TEST(Binary, Slopes) {
  for (int channels : {1, 5, 16, 19, 32, 48, 64, 70}) check_binary(6, channels, 1, false, false, {}, true);
  check_binary(50, 3, 0, false, true, {}, true);
}

TEST(Quantize, Both) {
  Random random(11);
  for (int channels = 1; channels <= 134; channels += channels < 66 ? 1 : 17) {
    for (int64_t rows : {1, 3, 70}) {
      for (bool uniform : {false, true}) {
        const int64_t pitch = channels + (channels % 4 == 3 ? 1 : 0);
        auto scale = per_channel(random, channels, 0.5f, 40);
        std::vector<int32_t> zero(scale.size());
        for (int n = 0; n < channels; ++n) zero[n] = uniform && n ? zero[0] : random.byte();
        for (int n = 1; uniform && n < channels; ++n) scale[n] = scale[0];
        auto input = random.reals(rows * pitch, -12, 12);
        constexpr float kOdd[] = {0.0f,
                                  -0.0f,
                                  1e30f,
                                  -1e30f,
                                  std::numeric_limits<float>::infinity(),
                                  -std::numeric_limits<float>::infinity(),
                                  std::numeric_limits<float>::quiet_NaN(),
                                  0.5f,
                                  1.5f,
                                  2.5f,
                                  -0.5f};
        for (size_t i = 0; i < input.size(); i += 3) input[i] = kOdd[i / 3 % std::size(kOdd)];
        std::vector<uint8_t> expected(static_cast<size_t>(rows * pitch) + kReadSlack, 0x55);
        std::vector<float> back_expected(static_cast<size_t>(rows * pitch), 3);
        reference::quantize(input.data(), pitch, expected.data(), pitch, rows, channels, scale.data(), zero.data());
        reference::dequantize(expected.data(), pitch, back_expected.data(), pitch, rows, channels, scale.data(),
                              zero.data());
        for (const Isa* isa : supported_isas()) {
          std::vector<uint8_t> got(expected.size(), 0x55);
          std::vector<float> back_got(back_expected.size(), 3);
          isa->quantize(input.data(), pitch, got.data(), pitch, rows, channels, scale.data(), zero.data());
          isa->dequantize(expected.data(), pitch, back_got.data(), pitch, rows, channels, scale.data(), zero.data());
          ASSERT_TRUE(same(expected, got)) << isa->name << " quantize rows " << rows << " channels " << channels;
          ASSERT_TRUE(same(back_expected, back_got))
              << isa->name << " dequantize rows " << rows << " channels " << channels;
        }
      }
    }
  }
}

TEST(Bilinear, U8) {
  Random random(12);
  for (int channels : {1, 2, 3, 16, 19, 32, 48, 63, 64, 65, 130}) {
    BilinearU8 b = {
        .channels = channels, .in_w = 7, .out_w = 13, .input_pitch = channels + 1, .output_pitch = channels + 2};
    constexpr int kInH = 5, kOutH = 9;
    std::vector<int32_t> y0, y1, x0, x1;
    std::vector<int16_t> wy, wx;
    for (int y = 0; y < kOutH; ++y)
      y0.push_back(random.integer(0, kInH - 1)), y1.push_back(random.integer(0, kInH - 1)),
          wy.push_back(static_cast<int16_t>(random.integer(0, 4) ? random.integer(0, 2048) : 2048));
    for (int x = 0; x < b.out_w; ++x)
      x0.push_back(random.integer(0, b.in_w - 1)), x1.push_back(random.integer(0, b.in_w - 1)),
          wx.push_back(static_cast<int16_t>(random.integer(0, 4) ? random.integer(0, 2048) : 2048));
    const auto input = random.bytes(kInH * b.in_w * b.input_pitch);
    b.input = input.data(), b.y0 = y0.data(), b.y1 = y1.data(), b.wy = wy.data(), b.x0 = x0.data(), b.x1 = x1.data(),
    b.wx = wx.data();
    std::vector<uint8_t> expected(static_cast<size_t>(kOutH * b.out_w * b.output_pitch), 0x99);
    b.output = expected.data();
    reference::bilinear(b, 0, kOutH);
    for (const Isa* isa : supported_isas()) {
      std::vector<uint8_t> got(expected.size(), 0x99);
      b.output = got.data();
      isa->bilinear(b, 0, 4);
      isa->bilinear(b, 4, kOutH);
      ASSERT_TRUE(same(expected, got)) << isa->name << " channels " << channels;
    }
  }
}

TEST(Table, EveryLength) {
  Random random(13);
  const auto table = random.bytes(256);
  for (int count = 0; count <= 200; ++count) {
    const auto input = random.bytes(count);
    std::vector<uint8_t> expected(static_cast<size_t>(count) + 3, 0x11);
    reference::table(table.data(), input.data(), expected.data(), count);
    for (const Isa* isa : supported_isas()) {
      std::vector<uint8_t> got(expected.size(), 0x11);
      isa->table(table.data(), input.data(), got.data(), count);
      ASSERT_TRUE(same(expected, got)) << isa->name << " count " << count;
    }
  }
}

}  // namespace
}  // namespace octet::kernels::test
