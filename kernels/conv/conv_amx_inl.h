// Implicit GEMM in AMX tiles: 16 rows x 64 channels of input times 64 x 16 of weights, up to four sums of 16 x 16 side by side.
// Weights are read where they are mapped: 16 groups of a block are one tile. So is input whose rows are equally far apart, where a
// tap's channels fill whole tiles; other input is copied first. Epilogues run between the products of the next sums.
// Before it, the ISA file gives the vectors and finish_rows, an epilogue that is not compiled a second time; <immintrin.h> the tiles.
#pragma once
#include <immintrin.h>

#include "kernels/conv/epilogue_inl.h"
#include "kernels/owed.h"

namespace octet::kernels {
namespace {

constexpr int kSide = 16;      // rows of a tile, and sums in a row
constexpr int kLine = 64;      // bytes of a row
constexpr int kDeep = 16;      // groups of four input channels in a tile
constexpr int kCallRows = 32;  // of a call: two tiles high
constexpr int kWeightTile = kDeep * kBlock * kGroup;
constexpr int kSumChannels = 256;  // whose sums are held at a time, so that input is copied once for all of them
constexpr int kSumPitch = kSumChannels + kBlock;  // an odd number of cache lines, which spreads them over the cache
constexpr int kMostSteps = 256;                   // of a slice of the sum; a step is a tile deep
constexpr int kCopiedSteps = 24;                  // of a slice that is copied whole
constexpr int kCopyBytes = kCallRows * (kCopiedSteps + 1) * kLine;  // most of a first-level cache

struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {kLine, kLine, kLine, kLine, kLine, kLine, kLine, kLine};
  uint8_t rows[16] = {kSide, kSide, kSide, kSide, kSide, kSide, kSide, kSide};
};
static_assert(sizeof(TileConfig) == 64);
constexpr TileConfig kTileConfig;

void enter_tiles() { _tile_loadconfig(&kTileConfig); }
void leave_tiles() { _tile_release(); }

// Where 16 rows of input lie, for a step.
struct TileRows {
  const uint8_t* first;
  int64_t stride;
};

// The input of a slice of the sum: steps [begin, end) of all taps in a row.
struct Panel {
  int begin = 0, end = 0;
  TileRows at[kMostSteps][2];  // by step: of the first 16 rows, of the others
  alignas(64) uint8_t copies[kCopyBytes];
};

// Whether 16 rows are equally far apart, and not so that they all fall to the same few places of the first-level cache.
inline bool evenly_apart(const uint8_t* const* rows) {
  constexpr int64_t kClash = 2048;
  const int64_t stride = rows[1] - rows[0];
  bool even = stride == 0 || stride % kClash != 0;
  for (int r = 2; r < kSide; ++r) even &= rows[r] - rows[r - 1] == stride;
  return even;
}

// Taps whose channels fill whole tiles: rows that are equally far apart stay where they are.
inline void fill_in_place(const ConvTile& tile, int begin, int steps, Panel& panel) {
  const int tap_steps = tile.groups / kDeep, halves = tile.rows > kSide ? 2 : 1;
  uint8_t* copy = panel.copies;
  bool even[2] = {};
  int step = begin;
  for (; step < steps && step - begin < kMostSteps; ++step) {
    if (copy + halves * kSide * kLine > panel.copies + kCopyBytes) break;
    const int tap = step / tap_steps, offset = step % tap_steps * kLine;
    for (int h = 0; h < halves; ++h) {
      const uint8_t* const* rows = tile.input + tap * tile.rows + h * kSide;
      const int count = tile.rows - h * kSide < kSide ? tile.rows - h * kSide : kSide;
      if (step == begin || offset == 0) even[h] = count == kSide && evenly_apart(rows);
      TileRows& at = panel.at[step - begin][h];
      at = even[h] ? TileRows{rows[0] + offset, rows[1] - rows[0]} : TileRows{copy, kLine};
      if (even[h]) continue;
      for (int r = 0; r < count; ++r) store_b(copy + r * kLine, load_b(rows[r] + offset));
      copy += kSide * kLine;
    }
  }
  panel.begin = begin, panel.end = step;
}

// Others: copied, taps directly behind one another, zeros behind the last.
inline void fill_by_copy(const ConvTile& tile, int begin, int steps, Panel& panel) {
  const int end = steps - begin < kCopiedSteps ? steps : begin + kCopiedSteps;
  // What is copied by lines may end one behind; an odd number of them spreads rows over the cache.
  const int pitch = ((end - begin + 1) | 1) * kLine;
  const int64_t all = int64_t{tile.taps} * tile.groups, last = all < int64_t{end} * kDeep ? all : int64_t{end} * kDeep;
  for (int r = 0; r < tile.rows; ++r) {
    uint8_t* to = panel.copies + r * pitch;
    for (int64_t group = int64_t{begin} * kDeep; group < last;) {
      const int64_t tap = group / tile.groups, first = group % tile.groups;
      const int64_t count = tile.groups - first < last - group ? tile.groups - first : last - group;
      const uint8_t* from = tile.input[tap * tile.rows + r] + first * kGroup;
      for (int64_t k = 0; k < count * kGroup; k += kLine) store_b(to + k, load_b(from + k));
      to += count * kGroup;
      group += count;
    }
    store_b(to, set_b(0));
  }
  for (int step = begin; step < end; ++step)
    for (int h = 0; h < 2; ++h)
      panel.at[step - begin][h] = {panel.copies + h * kSide * pitch + (step - begin) * kLine, pitch};
  panel.begin = begin, panel.end = end;
}

// The epilogue of sums that are complete, to be run some rows at a time.
struct Pending {
  Finish finish = {};
  int next = 0;

  void some(int rows) {
    if (next >= finish.rows) return;
    Finish part = finish;
    part.rows = finish.rows - next < rows ? finish.rows - next : rows;
    part.acc += next * finish.acc_pitch;
    part.output = advance(finish.output, finish.epilogue, next * finish.output_pitch);
    if (part.residual) part.residual += next * finish.residual_pitch;
    finish_rows(part);
    next += part.rows;
  }
};

// Some blocks' sums over a slice.
struct TileSums {
  const Panel* panel = nullptr;
  const int8_t* weights = nullptr;  // of the first block, where the slice begins
  int64_t block_bytes = 0;
  const int8_t* last[4] = {};      // each block's tile of the last step
  const int32_t* start = nullptr;  // what the sums start from: rows `start_pitch` apart, 0 where all are the same
  int64_t start_pitch = 0;
  int32_t* sums = nullptr;  // rows kSumPitch apart

  const int8_t* weights_at(int block, int step) const {
    const bool is_last = step == panel->end - panel->begin - 1;
    return is_last ? last[block] : weights + block * block_bytes + int64_t{step} * kWeightTile;
  }
};

// The intrinsics want the numbers of tiles as they stand: 0 to 3 are sums, 4 and up operands.
// 32 rows by kBlocks, 1 or 2.
template <int kBlocks>
void sum_two_high(const TileSums& t, Pending& pending) {
  const int64_t start_pitch = t.start_pitch * 4, steps = t.panel->end - t.panel->begin;
  const int rows_a_step = static_cast<int>((kCallRows / 4 + steps - 1) / steps * 4);
  const int32_t* low = t.start + kSide * t.start_pitch;
  _tile_loadd(0, t.start, start_pitch);
  _tile_loadd(2, low, start_pitch);
  if constexpr (kBlocks == 2) _tile_loadd(1, t.start + kBlock, start_pitch);
  if constexpr (kBlocks == 2) _tile_loadd(3, low + kBlock, start_pitch);
  for (int s = 0; s < steps; ++s) {
    const TileRows* const x = t.panel->at[s];
    _tile_loadd(4, x[0].first, x[0].stride);
    _tile_loadd(6, t.weights_at(0, s), kLine);
    _tile_dpbusd(0, 4, 6);
    _tile_loadd(5, x[1].first, x[1].stride);
    _tile_dpbusd(2, 5, 6);
    if constexpr (kBlocks == 2) {
      _tile_loadd(7, t.weights_at(1, s), kLine);
      _tile_dpbusd(1, 4, 7);
      _tile_dpbusd(3, 5, 7);
    }
    pending.some(rows_a_step);
  }
  constexpr int64_t kPitch = kSumPitch * 4;
  _tile_stored(0, t.sums, kPitch);
  _tile_stored(2, t.sums + kSide * kSumPitch, kPitch);
  if constexpr (kBlocks == 2) _tile_stored(1, t.sums + kBlock, kPitch);
  if constexpr (kBlocks == 2) _tile_stored(3, t.sums + kSide * kSumPitch + kBlock, kPitch);
}

// 16 rows by kBlocks, 1 to 4.
template <int kBlocks>
void sum_one_high(const TileSums& t, Pending& pending) {
  const int64_t start_pitch = t.start_pitch * 4, steps = t.panel->end - t.panel->begin;
  const int rows_a_step = static_cast<int>((kSide / 4 + steps - 1) / steps * 4);
  _tile_loadd(0, t.start, start_pitch);
  if constexpr (kBlocks > 1) _tile_loadd(1, t.start + kBlock, start_pitch);
  if constexpr (kBlocks > 2) _tile_loadd(2, t.start + 2 * kBlock, start_pitch);
  if constexpr (kBlocks > 3) _tile_loadd(3, t.start + 3 * kBlock, start_pitch);
  for (int s = 0; s < steps; ++s) {
    _tile_loadd(4, t.panel->at[s][0].first, t.panel->at[s][0].stride);
    _tile_loadd(5, t.weights_at(0, s), kLine);
    _tile_dpbusd(0, 4, 5);
    if constexpr (kBlocks > 1) {
      _tile_loadd(6, t.weights_at(1, s), kLine);
      _tile_dpbusd(1, 4, 6);
    }
    if constexpr (kBlocks > 2) {
      _tile_loadd(7, t.weights_at(2, s), kLine);
      _tile_dpbusd(2, 4, 7);
    }
    if constexpr (kBlocks > 3) {
      _tile_loadd(5, t.weights_at(3, s), kLine);
      _tile_dpbusd(3, 4, 5);
    }
    pending.some(rows_a_step);
  }
  constexpr int64_t kPitch = kSumPitch * 4;
  _tile_stored(0, t.sums, kPitch);
  if constexpr (kBlocks > 1) _tile_stored(1, t.sums + kBlock, kPitch);
  if constexpr (kBlocks > 2) _tile_stored(2, t.sums + 2 * kBlock, kPitch);
  if constexpr (kBlocks > 3) _tile_stored(3, t.sums + 3 * kBlock, kPitch);
}

using SumFunction = void (*)(const TileSums&, Pending&);
constexpr SumFunction kOneHigh[] = {nullptr, sum_one_high<1>, sum_one_high<2>, sum_one_high<3>, sum_one_high<4>};
constexpr SumFunction kTwoHigh[] = {nullptr, sum_two_high<1>, sum_two_high<2>};

// A call: what does not change while it runs, and the slice at hand.
struct TileCall {
  const ConvTile& tile;
  int steps;
  int64_t block_bytes;
  Panel panel;
  alignas(64) int8_t tails[4][kWeightTile];  // of blocks side by side, see last_weights
  alignas(64) int32_t sums[(kCallRows + kFinishSlack) * kSumPitch];

  explicit TileCall(const ConvTile& t)
      : tile(t),
        steps(static_cast<int>((int64_t{t.taps} * t.groups + kDeep - 1) / kDeep)),
        block_bytes(int64_t{t.taps} * t.groups * kBlock * kGroup) {
    if (block_bytes % kWeightTile) std::memset(tails, 0, sizeof tails);
  }

  void fill(int begin) {
    if (panel.end > 0 && panel.begin == begin) return;
    tile.groups % kDeep ? fill_by_copy(tile, begin, steps, panel) : fill_in_place(tile, begin, steps, panel);
  }

  // A block's tile of weights of the slice's last step. It may end within the blocks behind, whose weights meet zeros of the input;
  // where it would end behind the last of all, what there is of it is copied.
  const int8_t* last_weights(int block, int at) {
    const int64_t first = int64_t{panel.end - 1} * kWeightTile, blocks = (tile.channels + kBlock - 1) / kBlock;
    const int8_t* const from = tile.weights + block * block_bytes + first;
    if (first + kWeightTile <= (blocks - block) * block_bytes) return from;
    std::memcpy(tails[at], from, static_cast<size_t>(block_bytes - first));
    return tails[at];
  }

  Finish finish_of(int channel, int channels, int32_t* from) const {
    return {.acc = from,
            .acc_pitch = kSumPitch,
            .rows = tile.rows,
            .channels = channels,
            .epilogue = advance(tile.epilogue, channel),
            .output = advance(tile.output, tile.epilogue, channel),
            .output_pitch = tile.output_pitch,
            .residual = tile.residual + (tile.residual ? channel : 0),
            .residual_pitch = tile.residual_pitch};
  }

  // Channels [done, done + channels), at most kSumChannels, over the slice at hand.
  void sum_slice(int done, int channels, Pending& pending) {
    const bool two = tile.rows > kSide;
    int left = (channels + kBlock - 1) / kBlock;
    for (int at = 0; left > 0;) {
      const int widths = (left + (two ? 1 : 3)) / (two ? 2 : 4), blocks = (left + widths - 1) / widths;
      const int channel = done + at * kBlock, block = channel / kBlock;
      int32_t* const to = sums + at * kBlock;
      TileSums t = {.panel = &panel,
                    .weights = tile.weights + block * block_bytes + int64_t{panel.begin} * kWeightTile,
                    .block_bytes = block_bytes,
                    .start = panel.begin ? to : tile.epilogue.acc0 + channel,
                    .start_pitch = panel.begin ? kSumPitch : 0,
                    .sums = to};
      for (int b = 0; b < blocks; ++b) t.last[b] = last_weights(block + b, b);
      asm volatile("" : : "r"(&panel), "r"(tails) : "memory");  // GCC's loads of tiles do not say that they read memory
      (two ? kTwoHigh : kOneHigh)[blocks](t, pending);
      pending.some(kCallRows);
      if (panel.end == steps) {
        const int end = channels - at * kBlock < blocks * kBlock ? channels - at * kBlock : blocks * kBlock;
        pending = {finish_of(channel, end, to), 0};
      }
      at += blocks;
      left -= blocks;
    }
  }
};

// Same as reference::conv_tile, between enter_tiles and leave_tiles. Takes 100 KB of the stack.
void conv_tiles(const ConvTile& tile) {
  assert(owed(tile, kCallRows));
  TileCall call(tile);
  for (int done = 0; done < tile.channels; done += kSumChannels) {
    const int channels = tile.channels - done < kSumChannels ? tile.channels - done : kSumChannels;
    Pending pending;
    for (int begin = 0; begin < call.steps; begin = call.panel.end) {
      call.fill(begin);
      call.sum_slice(done, channels, pending);
    }
    pending.some(kCallRows);
  }
}

constexpr GemmS8 make_gemm_tiles(uint32_t needs, float cost) {
  return {.needs = needs,
          .rows = kCallRows,
          .channels = 2 * kBlock,
          .cost = cost,
          .enter = enter_tiles,
          .leave = leave_tiles,
          .run = conv_tiles};
}

}  // namespace
}  // namespace octet::kernels
