// Winograd's convolution of every ISA against the direct sums of the same windows.
#include <algorithm>
#include <functional>

#include "tests/kernels/support.h"

namespace octet::kernels::test {
namespace {

struct Case {
  int h, w, in, out;  // of the output; the input is two pixels larger each way
  Activation act = {};
  bool residual = false, to_u8 = true;
  std::function<uint8_t(Random&)> pixel = [](Random& r) { return r.byte(); };
  std::function<int8_t(Random&, int tap)> weight = [](Random& r, int) { return r.weight(); };
};

int up4(int v) { return (v + kWinogradOut - 1) / kWinogradOut; }

struct Run {
  explicit Run(const Case& of)
      : c(of),
        random(static_cast<uint32_t>(of.h * 7919 + of.w * 131 + of.in * 17 + of.out)),
        in_w(up4(of.w) * kWinogradOut + 2),
        groups((of.in + kGroup - 1) / kGroup),
        in_pitch(of.in + random.integer(0, 3)),
        pitch(of.out + random.integer(0, 5)),
        data(random, of.out, 6000.0 * std::sqrt(9 * of.in), of.act, of.residual, of.to_u8) {
    input = random.bytes(int64_t{up4(c.h) * kWinogradOut + 2} * in_w * in_pitch);
    for (auto& p : input) p = c.pixel(random);
    weights.resize(static_cast<size_t>(padded(c.out) * 9 * groups * kGroup));
    for (int n = 0; n < c.out; ++n)
      for (int t = 0; t < 9; ++t)
        for (int i = 0; i < c.in; ++i) weights[at(n, t, i)] = c.weight(random, t);
    if (c.residual) residual = random.bytes(int64_t{c.h} * c.w * pitch);
  }

  size_t at(int n, int tap, int i) const {
    return static_cast<size_t>((((n / kBlock * 9 + tap) * groups + i / kGroup) * kBlock + n % kBlock) * kGroup +
                               i % kGroup);
  }

  std::vector<uint8_t> fresh() const {
    return std::vector<uint8_t>(static_cast<size_t>(c.h * c.w * pitch) * (c.to_u8 ? 1 : 4), 0xAB);
  }

  std::vector<uint8_t> expected() {
    const int acc_pitch = padded(c.out);
    std::vector<int32_t> acc(static_cast<size_t>((c.h * c.w + kFinishSlack) * acc_pitch));
    for (int p = 0; p < c.h * c.w; ++p)
      for (int n = 0; n < c.out; ++n) {
        int64_t sum = data.acc0[static_cast<size_t>(n)];
        for (int t = 0; t < 9; ++t)
          for (int i = 0; i < c.in; ++i)
            sum += input[static_cast<size_t>(((p / c.w + t / 3) * in_w + p % c.w + t % 3) * in_pitch + i)] *
                   weights[at(n, t, i)];
        acc[static_cast<size_t>(p * acc_pitch + n)] = static_cast<int32_t>(sum);
      }
    std::vector<uint8_t> y = fresh();
    reference::finish({.acc = acc.data(),
                       .acc_pitch = acc_pitch,
                       .rows = c.h * c.w,
                       .channels = c.out,
                       .epilogue = data.epilogue,
                       .output = y.data(),
                       .output_pitch = pitch,
                       .residual = c.residual ? residual.data() : nullptr,
                       .residual_pitch = pitch});
    return y;
  }

  std::vector<uint8_t> by(const WinogradS8& kernel) {
    const int tiles_w = up4(c.w), tiles = up4(c.h) * tiles_w;
    std::vector<int16_t> packed(static_cast<size_t>(winograd_weights(c.in, c.out)));
    for (int n = 0; n < c.out; n += kWinogradChannels)
      winograd_pack(weights.data() + at(n, 0, 0), groups, std::min(c.out - n, kWinogradChannels), kernel.interleave,
                    packed.data() + winograd_weights(c.in, n));
    const int64_t plane = winograd_plane(tiles, c.in);
    std::vector<int16_t> transformed(static_cast<size_t>(plane * kWinogradPoints), 0x7fff);
    std::vector<int32_t> sums(static_cast<size_t>(winograd_sums(tiles)));
    std::vector<WinogradTile> where;
    for (int t = 0; t < tiles; ++t) {
      const int y = t / tiles_w * kWinogradOut, x = t % tiles_w * kWinogradOut;
      const uint8_t* lines[kWinogradSide];
      for (int i = 0; i < kWinogradSide; ++i) lines[i] = input.data() + ((y + i) * in_w + x) * in_pitch;
      kernel.input({lines, in_pitch, c.in, transformed.data() + t * winograd_pitch(c.in), plane});
      where.push_back({int64_t{y} * c.w + x, std::min(c.h - y, kWinogradOut), std::min(c.w - x, kWinogradOut)});
    }
    std::vector<uint8_t> got = fresh();
    kernel.output({.tiles = tiles,
                   .at = where.data(),
                   .line_pixels = c.w,
                   .in_channels = c.in,
                   .input = transformed.data(),
                   .weights = packed.data(),
                   .channels = c.out,
                   .sums = sums.data(),
                   .epilogue = data.epilogue,
                   .output = got.data(),
                   .output_pitch = pitch,
                   .residual = c.residual ? residual.data() : nullptr,
                   .residual_pitch = pitch});
    return got;
  }

  const Case& c;
  Random random;
  int in_w, groups, in_pitch, pitch;
  EpilogueData data;
  std::vector<uint8_t> input, residual;
  std::vector<int8_t> weights;
};

void check(const Case& c, const char* why) {
  Run run(c);
  const std::vector<uint8_t> expected = run.expected();
  for (const Isa* isa : supported_isas()) {
    if (!isa->winograd_s8.output) continue;
    EXPECT_TRUE(same(expected, run.by(isa->winograd_s8)))
        << isa->name << " " << c.h << "x" << c.w << " in " << c.in << " out " << c.out << ": " << why;
  }
}

TEST(Winograd, OneAroundEveryTile) {
  for (int h : {1, 3, 4, 5})
    for (int w : {1, 4, 7, 16, 17, 21}) check({.h = h, .w = w, .in = 7, .out = 18}, "pixels");
  for (int in : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 65})
    check({.h = 4, .w = 5, .in = in, .out = 17}, "input channels");
  for (int out : {1, 4, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 80, 129})
    check({.h = 5, .w = 9, .in = 6, .out = out}, "output channels");
  for (int tiles = 1; tiles <= 26; ++tiles) check({.h = 4, .w = 4 * tiles, .in = 4, .out = 33}, "tiles");
}

TEST(Winograd, EveryEpilogue) {
  for (Act act : {Act::kNone, Act::kSilu, Act::kHardSwish, Act::kSigmoid})
    for (bool residual : {false, true})
      for (bool to_u8 : {true, false})
        check({.h = 6, .w = 11, .in = 5, .out = 70, .act = {act, 1.0f / 6, 0.5f}, .residual = residual, .to_u8 = to_u8},
              "epilogue");
}

// The largest sums that the proof lets through, both signs: 115 channels of 9 * 127 * 255 are just below 2^25.
TEST(Winograd, AtTheBound) {
  const auto all = [](uint8_t v) { return [v](Random&) { return v; }; };
  const auto corner = [](Random& r) { return static_cast<uint8_t>(r.integer(0, 1) * 255); };
  const auto weights = [](int8_t v) { return [v](Random&, int) { return v; }; };
  const auto signs = [](Random& r, int) { return static_cast<int8_t>(r.integer(0, 1) ? 127 : -127); };
  const auto checkers = [](Random&, int tap) { return static_cast<int8_t>(tap % 2 ? 127 : -127); };
  for (int8_t v : {127, -127}) {
    check({.h = 5, .w = 6, .in = 115, .out = 16, .pixel = all(255), .weight = weights(v)}, "the largest sum");
    check({.h = 5, .w = 6, .in = 115, .out = 16, .pixel = corner, .weight = weights(v)}, "corners");
  }
  check({.h = 9, .w = 9, .in = 115, .out = 16, .pixel = corner, .weight = signs}, "signs");
  check({.h = 9, .w = 9, .in = 115, .out = 16, .pixel = corner, .weight = checkers}, "checkers");
  check({.h = 5, .w = 6, .in = 600, .out = 16, .pixel = corner, .weight = signs}, "sums that wrap on the way");
}

}  // namespace
}  // namespace octet::kernels::test
