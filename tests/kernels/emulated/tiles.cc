#include "tests/kernels/emulated/tiles.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace octet::kernels {
namespace {

// As LDTILECFG reads it.
struct EmulatedTileConfig {
  uint8_t palette, start_row, reserved_2[14];
  uint16_t row_bytes[8], reserved_32[8];
  uint8_t rows[8], reserved_56[8];
};
static_assert(sizeof(EmulatedTileConfig) == 64);

struct EmulatedTile {
  int rows = 0, bytes = 0;  // 0: not configured
  uint8_t data[16][64] = {};
};

struct EmulatedTiles {
  bool configured = false;
  EmulatedTile tile[8] = {};
  ~EmulatedTiles();
};

void emulated_tiles_expect(bool legal, const char* what) {
  if (legal) return;
  std::fprintf(stderr, "illegal use of tiles: %s\n", what);
  std::abort();
}

EmulatedTiles::~EmulatedTiles() { emulated_tiles_expect(!configured, "never released"); }

thread_local EmulatedTiles emulated_tiles;

EmulatedTile& emulated_tile(int t) {
  emulated_tiles_expect(emulated_tiles.configured, "before they are configured");
  emulated_tiles_expect(emulated_tiles.tile[t].rows > 0, "one that is not configured");
  return emulated_tiles.tile[t];
}

}  // namespace

void emulated_tile_release() {
  emulated_tiles.configured = false;
  for (EmulatedTile& tile : emulated_tiles.tile) tile = {};
}

bool emulated_tiles_configured() { return emulated_tiles.configured; }

void emulated_tile_loadconfig(const void* from) {
  EmulatedTileConfig c;
  std::memcpy(&c, from, sizeof c);
  emulated_tile_release();
  if (c.palette == 0) return;
  emulated_tiles_expect(c.palette == 1, "a palette that does not exist");
  emulated_tiles_expect(c.start_row == 0, "a start row beyond the first: only an interrupted instruction has one");
  const auto zeros = [](const auto& reserved) {
    for (const auto v : reserved) emulated_tiles_expect(v == 0, "a reserved part of the configuration");
  };
  zeros(c.reserved_2), zeros(c.reserved_32), zeros(c.reserved_56);
  emulated_tiles.configured = true;
  for (int t = 0; t < 8; ++t) {
    emulated_tiles_expect(c.rows[t] <= 16 && c.row_bytes[t] <= 64, "a size beyond 16 rows of 64 bytes");
    emulated_tiles_expect((c.rows[t] == 0) == (c.row_bytes[t] == 0), "rows without bytes, or bytes without rows");
    emulated_tiles.tile[t].rows = c.rows[t], emulated_tiles.tile[t].bytes = c.row_bytes[t];
  }
}

void emulated_tile_zero(int t) {
  EmulatedTile& tile = emulated_tile(t);
  std::memset(tile.data, 0, sizeof tile.data);
}

void emulated_tile_loadd(int t, const void* from, int64_t stride) {
  emulated_tile_zero(t);
  EmulatedTile& tile = emulated_tile(t);
  for (int r = 0; r < tile.rows; ++r)
    std::memcpy(tile.data[r], static_cast<const uint8_t*>(from) + r * stride, static_cast<size_t>(tile.bytes));
}

void emulated_tile_stored(int t, void* to, int64_t stride) {
  const EmulatedTile& tile = emulated_tile(t);
  for (int r = 0; r < tile.rows; ++r)
    std::memcpy(static_cast<uint8_t*>(to) + r * stride, tile.data[r], static_cast<size_t>(tile.bytes));
}

// u8 of a times s8 of b, in fours, added to the s32 of c modulo 2^32.
void emulated_tile_dpbusd(int c, int a, int b) {
  EmulatedTile &sums = emulated_tile(c), &x = emulated_tile(a), &w = emulated_tile(b);
  emulated_tiles_expect(c != a && c != b && a != b, "one tile as two operands");
  emulated_tiles_expect(sums.rows == x.rows && sums.bytes == w.bytes && x.bytes == 4 * w.rows,
                        "sizes of a product that do not match");
  emulated_tiles_expect(sums.bytes % 4 == 0 && x.bytes % 4 == 0, "bytes that are no whole fours");
  for (int m = 0; m < sums.rows; ++m) {
    uint32_t sum[16];
    std::memcpy(sum, sums.data[m], sizeof sum);
    for (int k = 0; k < w.rows; ++k) {
      int32_t four[4];
      for (int i = 0; i < 4; ++i) four[i] = x.data[m][4 * k + i];
      int8_t by[64];
      std::memcpy(by, w.data[k], sizeof by);
      for (int n = 0; n < 16; ++n) {
        int32_t products = 0;
        for (int i = 0; i < 4; ++i) products += four[i] * by[4 * n + i];
        sum[n] += static_cast<uint32_t>(products);
      }
    }
    std::memcpy(sums.data[m], sum, static_cast<size_t>(sums.bytes));
  }
}

}  // namespace octet::kernels
