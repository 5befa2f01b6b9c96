// Tile units: that kernels set them up and take them down, and that their emulation refuses what the CPU refuses.
#include "tests/kernels/support.h"
#ifdef OCTET_EMULATED
#include "tests/kernels/emulated/tiles.h"

namespace octet::kernels::test {
namespace {

const Isa* emulated_amx() {
  for (const Isa* isa : emulated_isas())
    if (std::string_view(isa->name) == "amx") return isa;
  return nullptr;
}

// A configuration as the CPU reads it: all tiles of 16 rows of 64 bytes, and what differs from that.
struct Config {
  uint8_t byte[64] = {};
  explicit Config(std::initializer_list<std::pair<int, int>> changes = {}) {
    byte[0] = 1;
    for (int t = 0; t < 8; ++t) byte[16 + 2 * t] = 64, byte[48 + t] = 16;
    for (const auto& [at, value] : changes) byte[at] = static_cast<uint8_t>(value);
  }
};

TEST(Tiles, AreSetUpByEnterAndReleasedByLeave) {
  const Isa* amx = emulated_amx();
  if (!amx) GTEST_SKIP() << "not emulated here";
  EXPECT_FALSE(emulated_tiles_configured());
  amx->gemm_tiles.enter();
  EXPECT_TRUE(emulated_tiles_configured());
  amx->gemm_tiles.leave();
  EXPECT_FALSE(emulated_tiles_configured());
}

TEST(Tiles, ProductsOfSmallTiles) {
  const Config config({{16, 8}, {48, 3}, {18, 12}, {49, 3}, {20, 8}, {50, 3}});  // 3x2 sums, 3x12 bytes, 3x8 bytes
  emulated_tile_loadconfig(config.byte);
  uint8_t x[3][12];
  int8_t w[3][8];
  int32_t sum[3][2] = {{1, 2}, {3, 4}, {INT32_MAX, 6}}, expected[3][2];
  Random random(5);
  for (auto& row : x)
    for (uint8_t& v : row) v = random.byte();
  for (auto& row : w)
    for (int8_t& v : row) v = random.weight();
  for (int m = 0; m < 3; ++m)
    for (int n = 0; n < 2; ++n) {
      int64_t total = sum[m][n];
      for (int k = 0; k < 12; ++k) total += x[m][k] * w[k / 4][4 * n + k % 4];
      expected[m][n] = static_cast<int32_t>(total);
    }
  emulated_tile_loadd(0, sum, 8);
  emulated_tile_loadd(1, x, 12);
  emulated_tile_loadd(2, w, 8);
  emulated_tile_dpbusd(0, 1, 2);
  emulated_tile_stored(0, sum, 8);
  emulated_tile_release();
  EXPECT_EQ(std::memcmp(sum, expected, sizeof sum), 0);
}

TEST(TilesDeathTest, WhatTheCpuRefuses) {
  const auto configured = [](std::initializer_list<std::pair<int, int>> changes) {
    emulated_tile_loadconfig(Config(changes).byte);
  };
  uint8_t memory[1024];
  EXPECT_DEATH(emulated_tile_loadd(0, memory, 64), "before they are configured");
  EXPECT_DEATH(configured({{0, 2}}), "palette");
  EXPECT_DEATH(configured({{1, 1}}), "start row");
  EXPECT_DEATH(configured({{2, 1}}), "reserved");
  EXPECT_DEATH(configured({{32, 1}}), "reserved");
  EXPECT_DEATH(configured({{56, 1}}), "reserved");
  EXPECT_DEATH(configured({{16, 65}}), "beyond 16 rows of 64 bytes");
  EXPECT_DEATH(configured({{48, 17}}), "beyond 16 rows of 64 bytes");
  EXPECT_DEATH(configured({{48, 0}}), "bytes without rows");
  EXPECT_DEATH((configured({{16, 0}, {48, 0}}), emulated_tile_zero(0)), "not configured");
  EXPECT_DEATH((configured({{49, 8}}), emulated_tile_dpbusd(0, 1, 2)), "do not match");
  EXPECT_DEATH((configured({{18, 32}}), emulated_tile_dpbusd(0, 1, 2)), "do not match");
  EXPECT_DEATH((configured({}), emulated_tile_dpbusd(0, 1, 1)), "two operands");
  EXPECT_DEATH((configured({}), emulated_tile_release(), emulated_tile_zero(0)), "before they are configured");
}

// A kernel that is called outside of enter and leave does not pass for one that works.
TEST(TilesDeathTest, AKernelNeedsEnter) {
  const Isa* amx = emulated_amx();
  if (!amx) GTEST_SKIP() << "not emulated here";
  const uint8_t input[kReadSlack + 4] = {};
  const uint8_t* row = input;
  const int8_t weights[64] = {};
  const int32_t acc0[16] = {};
  const float one[16] = {};
  float out[16];
  const ConvTile tile = {.rows = 1,
                         .taps = 1,
                         .groups = 1,
                         .input = &row,
                         .weights = weights,
                         .channels = 16,
                         .epilogue = {.acc0 = acc0, .multiplier = one, .low = one, .high = one},
                         .output = out,
                         .output_pitch = 16};
  EXPECT_DEATH(amx->gemm_tiles.run(tile), "before they are configured");
}

}  // namespace
}  // namespace octet::kernels::test
#endif
