// The int8 tile and the epilogue of every ISA against the reference, byte for byte.
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "tests/kernels/support.h"

namespace octet::kernels::test {
namespace {

struct Shape {
  int rows, taps, groups, channels;
  bool scattered = false;  // rows of input lie anywhere, some of them twice; else equally far apart
};

std::string describe(const std::string& kernel, const Shape& s, const Activation& act, bool residual, bool to_u8) {
  return kernel + " rows " + std::to_string(s.rows) + " taps " + std::to_string(s.taps) + " groups " +
         std::to_string(s.groups) + " channels " + std::to_string(s.channels) + (s.scattered ? " scattered" : "") +
         " act " + std::to_string(static_cast<int>(act.kind)) + (residual ? " residual" : "") +
         (to_u8 ? " u8" : " f32");
}

// Rows of a wider tensor, so that writes outside a row show; the same input for every ISA.
void check(const Shape& s, const Activation& act, bool residual, bool to_u8) {
  Random random(static_cast<uint32_t>(s.rows * 7919 + s.taps * 131 + s.groups * 17 + s.channels));
  const int k = s.groups * kGroup, pitch = s.channels + random.integer(0, 5);
  const std::vector<uint8_t> input = random.bytes(int64_t{s.taps} * s.rows * k);
  std::vector<const uint8_t*> rows;
  for (int i = 0; i < s.taps * s.rows; ++i) {
    const int at = s.taps * s.rows - 1 - i;
    rows.push_back(input.data() + (s.scattered ? random.integer(0, at) : at) * k);
  }
  std::vector<int8_t> weights(static_cast<size_t>(padded(s.channels)) * s.taps * k);
  for (size_t i = 0; i < weights.size(); ++i) {
    const size_t n = i / (size_t{kBlock} * s.taps * k) * kBlock + i / kGroup % kBlock;
    weights[i] = n < static_cast<size_t>(s.channels) ? random.weight() : int8_t{0};
  }
  const std::vector<uint8_t> res = random.bytes(int64_t{s.rows} * pitch);
  EpilogueData data(random, s.channels, 6000.0 * std::sqrt(s.taps * k), act, residual, to_u8);
  const std::vector<int32_t> acc0 = data.acc0;

  ConvTile tile = {.rows = s.rows,
                   .taps = s.taps,
                   .groups = s.groups,
                   .input = rows.data(),
                   .weights = weights.data(),
                   .channels = s.channels,
                   .epilogue = data.epilogue,
                   .output_pitch = pitch,
                   .residual = residual ? res.data() : nullptr,
                   .residual_pitch = pitch};
  std::vector<uint8_t> expected(static_cast<size_t>(s.rows * pitch) * (to_u8 ? 1 : 4), 0xAB), got;
  tile.output = expected.data();
  reference::conv_tile(tile);
  std::vector<int16_t> widened;
  for (const Tile& t : supported_tiles()) {
    if (s.rows > t.gemm->rows) continue;
    for (int n = 0; n < s.channels; ++n) {  // what fold_bias does with the offset
      int32_t sum = 0;
      for (int i = 0; i < s.taps * s.groups * kGroup; ++i) {
        sum += weights[(static_cast<size_t>(n / kBlock) * s.taps * s.groups + i / kGroup) * kBlock * kGroup +
                       n % kBlock * kGroup + i % kGroup];
      }
      data.acc0[n] = acc0[n] + t.gemm->activation_offset * sum;
    }
    got.assign(expected.size(), 0xAB);
    tile.output = got.data();
    tile.weights = t.weights(weights, widened);
    t.run(tile);
    ASSERT_TRUE(same(expected, got)) << describe(t.name(), s, act, residual, to_u8);
  }
}

TEST(ConvTile, EveryNumberOfRows) {
  for (int rows = 1; rows <= kMaxRows; ++rows) {
    for (int channels : {16, 32, 48, 64, 80, 144}) check({rows, 1, 9, channels}, {}, false, true);
  }
}

TEST(ConvTile, EveryNumberOfChannels) {
  for (int channels = 1; channels <= 70; ++channels) {
    for (int rows : {1, 5, 12}) check({rows, 1, 3, channels}, {}, channels % 2 == 0, true);
  }
}

TEST(ConvTile, EveryDepth) {
  for (int groups = 1; groups <= 18; ++groups) {
    for (int taps : {1, 2, 9}) check({3 + groups % 4, taps, groups, 32}, {}, false, true);
  }
  for (int groups : {63, 64, 65, 127, 128, 129, 200}) {  // slices of a wide tile's sum, across taps too
    for (int taps : {1, 2, 3}) check({7, taps, groups, 160}, {}, false, true);
  }
}

// What decides whether tiles of rows are read where they lie, or copied, and into how many slices a sum is cut.
TEST(ConvTile, RowsAnywhere) {
  for (int rows : {1, 15, 16, 17, 31, 32})
    for (int groups : {1, 15, 16, 17, 32, 48})
      for (int taps : {1, 3}) check({rows, taps, groups, 40, true}, {}, false, true);
  for (bool scattered : {false, true}) {
    check({32, 1, 16 * 257, 24, scattered}, {}, false, true);
    check({20, 2, 16 * 130, 24, scattered}, {}, true, false);
    check({32, 50, 9, 300, scattered}, {}, true, true);
    check({32, 13, 32, 560, scattered}, {}, false, true);
    check({16, 13, 32, 560, scattered}, {Act::kSilu, 0, 0}, true, true);
    check({27, 1, 512, 33, scattered}, {}, false, true);
  }
}

// Weights may end with the file, and the file with a page.
TEST(ConvTile, ReadsNothingBehindTheWeights) {
  constexpr size_t kPage = 1 << 16;  // a multiple of any page's size here
  void* const memory = mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  ASSERT_EQ(mprotect(static_cast<char*>(memory) + kPage, kPage, PROT_NONE), 0);
  const auto input = std::vector<uint8_t>(20 * 9 * 4 * 4 + kReadSlack, 3);
  const std::vector<const uint8_t*> rows(size_t{20} * 9, input.data());
  const std::vector<int32_t> acc0(64), zero(64);
  const std::vector<float> one(64, 1.0f), high(64, 255.0f), low(64);
  std::vector<uint8_t> out(size_t{20} * 40);
  for (const Tile& t : supported_tiles()) {
    if (t.gemm->wide) continue;  // their weights are the library's
    for (int taps : {1, 9})
      for (int groups : {1, 3, 15, 16})
        for (int channels : {16, 33}) {
          const size_t bytes = static_cast<size_t>(padded(channels) * taps * groups * kGroup);
          t.run({.rows = std::min(20, t.gemm->rows),
                 .taps = taps,
                 .groups = groups,
                 .input = rows.data(),
                 .weights = static_cast<const int8_t*>(memory) + kPage - bytes,
                 .channels = channels,
                 .epilogue = {.acc0 = acc0.data(),
                              .multiplier = one.data(),
                              .low = low.data(),
                              .high = high.data(),
                              .zero_point = zero.data()},
                 .output = out.data(),
                 .output_pitch = 40});
          EXPECT_EQ(out[0], 0) << t.name();
        }
  }
  munmap(memory, 2 * kPage);
}

TEST(ConvTile, Activations) {
  for (const Activation& act : kActivations) {
    for (bool residual : {false, true}) {
      for (bool to_u8 : {false, true}) {
        for (int channels : {3, 16, 21, 32, 48, 55, 64, 85}) {
          for (int rows : {1, 2, 3, 4, 7, 12}) check({rows, 1, 4, channels}, act, residual, to_u8);
        }
      }
    }
  }
}

// The largest products, all of one sign: s16 intermediates would saturate.
TEST(ConvTile, ExtremeProducts) {
  for (int activation : {0, 127, 128, 255}) {
    for (int weight : {-127, 127}) {
      const std::vector<uint8_t> input(4 * 64 + kReadSlack, static_cast<uint8_t>(activation));
      const uint8_t* rows[4] = {input.data(), input.data() + 64, input.data() + 128, input.data() + 192};
      const std::vector<int8_t> weights(16 * 64, static_cast<int8_t>(weight));
      std::vector<float> one(16, 1.0f), low(16, -1e30f), high(16, 1e30f), out(4 * 16);
      std::vector<int16_t> widened;
      for (const Tile& t : supported_tiles()) {
        const std::vector<int32_t> acc0(16, t.gemm->activation_offset * weight * 64);
        t.run({.rows = 4,
               .taps = 1,
               .groups = 16,
               .input = rows,
               .weights = t.weights(weights, widened),
               .channels = 16,
               .epilogue = {.acc0 = acc0.data(), .multiplier = one.data(), .low = low.data(), .high = high.data()},
               .output = out.data(),
               .output_pitch = 16});
        for (float v : out) ASSERT_EQ(v, static_cast<float>(64 * activation * weight)) << t.name();
      }
    }
  }
}

// The epilogue by itself, as an algorithm that ends in accumulators calls it.
void check_finish(int rows, int channels, const Activation& act, bool residual, bool to_u8) {
  Random random(static_cast<uint32_t>(rows * 7919 + channels * 131 + static_cast<int>(act.kind)));
  const int acc_pitch = padded(channels) + 16 * random.integer(0, 1), pitch = channels + random.integer(0, 5);
  std::vector<int32_t> acc(static_cast<size_t>((rows + kFinishSlack) * acc_pitch));
  for (int32_t& a : acc) a = random.integer(0, 15) ? random.integer(-100000, 100000) : random.integer(0, 1 << 30);
  const std::vector<uint8_t> res = random.bytes(int64_t{rows} * pitch);
  EpilogueData data(random, channels, 50000.0, act, residual, to_u8);
  Finish f = {.acc = acc.data(),
              .acc_pitch = acc_pitch,
              .rows = rows,
              .channels = channels,
              .epilogue = data.epilogue,
              .output_pitch = pitch,
              .residual = residual ? res.data() : nullptr,
              .residual_pitch = pitch};
  f.epilogue.acc0 = nullptr;
  std::vector<uint8_t> expected(static_cast<size_t>(rows * pitch) * (to_u8 ? 1 : 4), 0xAB), got;
  f.output = expected.data();
  reference::finish(f);
  for (const Isa* isa : supported_isas()) {
    got.assign(expected.size(), 0xAB);
    f.output = got.data();
    isa->finish(f);
    ASSERT_TRUE(same(expected, got)) << describe(isa->name, {rows, 0, 0, channels}, act, residual, to_u8);
  }
}

TEST(Finish, EqualsReference) {
  for (const Activation& act : kActivations)
    for (bool residual : {false, true})
      for (bool to_u8 : {false, true})
        for (int channels : {1, 3, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 80, 130, 200})
          for (int rows : {1, 2, 3, 4, 5, 8, 13, 37}) check_finish(rows, channels, act, residual, to_u8);
}

// Activations in 16 bits: every number of rows and channels, and arguments at every bound.
void check_act16(Random& random, int rows, int channels, bool odd, bool residual) {
  const int acc_pitch = padded(channels) + 16 * random.integer(0, 1), pitch = channels + random.integer(0, 5);
  std::vector<int32_t> acc(static_cast<size_t>((rows + kFinishSlack) * acc_pitch));
  const Act16 a = random_act16(random, odd);
  EpilogueData data(random, channels, 50000.0, {Act::kSilu, 0, 0}, residual, true);
  data.epilogue.act16 = &a, data.epilogue.acc0 = nullptr;
  const int32_t corners[] = {0,     1,     -1,     a.limit, a.limit + 1, -a.limit, -a.limit - 1,
                             32767, 32768, -32768, -32769,  1 << 30};
  for (int r = 0; r < rows; ++r)
    for (int n = 0; n < channels; ++n) {
      const bool corner = random.integer(0, 2) == 0;
      acc[static_cast<size_t>(r * acc_pitch + n)] =
          corner ? corners[random.integer(0, 11)] : random.integer(-60000, 60000) * (n % 4 ? 1 : 50);
    }
  for (int n = 0; n < channels; ++n) data.multiplier[static_cast<size_t>(n)] = n % 3 ? 1.0f : random.real(0.02f, 1.9f);
  const std::vector<uint8_t> res = random.bytes(int64_t{rows} * pitch);
  Finish f = {.acc = acc.data(),
              .acc_pitch = acc_pitch,
              .rows = rows,
              .channels = channels,
              .epilogue = data.epilogue,
              .output_pitch = pitch,
              .residual = residual ? res.data() : nullptr,
              .residual_pitch = pitch};
  std::vector<uint8_t> expected(static_cast<size_t>(rows * pitch), 0xAB), got;
  f.output = expected.data();
  reference::finish(f);
  for (const Isa* isa : supported_isas()) {
    got.assign(expected.size(), 0xAB);
    f.output = got.data();
    isa->finish(f);
    ASSERT_TRUE(same(expected, got)) << isa->name << " rows " << rows << " channels " << channels << " odd " << odd
                                     << " residual " << residual << " step " << a.step << " shift " << a.shift;
  }
}

TEST(Finish, Act16EqualsReference) {
  Random random(16);
  for (const auto& [odd, residual] : {std::pair{false, false}, {false, true}, {true, false}})
    for (int channels : {1, 3, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 80, 130, 200})
      for (int rows : {1, 2, 3, 4, 5, 8, 13, 37}) check_act16(random, rows, channels, odd, residual);
}

// What the formula says, by hand: step 2^12 makes pieces of 8 units, and the curve of u is 10 * piece + 4 t + 2 t^2 with t = u % 8 / 8.
TEST(Finish, Act16ByHand) {
  Act16 a;
  a.shift = 1, a.step = 1 << 12, a.limit = 63, a.residual = 2 << 8;
  for (int16_t i = 0; i < kPieces16; ++i) a.value[i] = static_cast<int16_t>(10 * i), a.slope[i] = 4, a.bend[i] = 2;
  std::vector<float> one(16, 1.0f), zero(16, 0.0f);
  const std::vector<int32_t> point(16);
  std::vector<int32_t> acc((1 + kFinishSlack) * 16);
  const int32_t xs[] = {0, 4, 8, -8, -20, 63, 64, 100, -100, 1000};
  std::copy(std::begin(xs), std::end(xs), acc.begin());
  const uint8_t res[16 + kReadSlack] = {0, 0, 0, 1, 0, 0, 0, 10, 20, 0};
  // t of 4 is half: 4/2 + 2/4 rounds to 2 + 1 (bend first: 1 of 2, then 5/2 to 3); at the limit t = 7/8.
  const int hinge[] = {0,
                       (4 + 3) / 2,
                       (8 + 10) / 2,
                       (10 + 2) / 2,
                       23 / 2,
                       (63 + 75) / 2,
                       (64 + 75) / 2,
                       (100 + 75 + 20) / 2,
                       (75 + 40) / 2,
                       255};
  for (const Isa* isa : supported_isas()) {
    std::vector<uint8_t> out(16);
    isa->finish({.acc = acc.data(),
                 .acc_pitch = 16,
                 .rows = 1,
                 .channels = 10,
                 .epilogue = {.multiplier = one.data(),
                              .act16 = &a,
                              .res_multiplier = one.data(),
                              .res_offset = zero.data(),
                              .low = zero.data(),
                              .high = zero.data(),
                              .zero_point = point.data()},
                 .output = out.data(),
                 .output_pitch = 16,
                 .residual = res,
                 .residual_pitch = 16});
    for (size_t i = 0; i < 10; ++i) EXPECT_EQ(out[i], hinge[i]) << isa->name << " x = " << xs[i];
  }
}

// Ties go to even and the limits hold, also far outside what s32 can show.
TEST(ConvTile, RoundingAndLimits) {
  const uint8_t input[kReadSlack] = {};
  const uint8_t* row = input;
  const std::vector<int8_t> weights(64);
  std::vector<float> multiplier(16, 0.5f), low(16, -100.0f), high(16, 155.0f);
  const std::vector<int32_t> zero(16, 100);
  multiplier[14] = multiplier[15] = 1e6f;
  const std::vector<int32_t> acc0 = {1,   3,    5,    -1,   -3,      -5,         309,     310,
                                     311, -199, -200, -201, 1 << 30, -(1 << 30), 1 << 30, -(1 << 30)};
  const std::vector<uint8_t> expected = {100, 102, 102, 100, 98, 98, 254, 255, 255, 0, 0, 0, 255, 0, 255, 0};
  std::vector<int16_t> widened;
  for (const Tile& t : supported_tiles()) {
    std::vector<uint8_t> out(16);
    t.run({.rows = 1,
           .taps = 1,
           .groups = 1,
           .input = &row,
           .weights = t.weights(weights, widened),
           .channels = 16,
           .epilogue = {.acc0 = acc0.data(),
                        .multiplier = multiplier.data(),
                        .low = low.data(),
                        .high = high.data(),
                        .zero_point = zero.data()},
           .output = out.data(),
           .output_pitch = 16});
    EXPECT_TRUE(same(expected, out)) << t.name();
  }
}

}  // namespace
}  // namespace octet::kernels::test
