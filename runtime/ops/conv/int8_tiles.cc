// int8 convolution by implicit GEMM in tiles (Isa::gemm_tiles), whose runs are taps or the rows of windows: chosen but for layers so
// small or narrow that the vectors' products cost less.
#include <algorithm>

#include "runtime/ops/conv/algorithm.h"
#include "runtime/ops/conv/int8_gemm.h"

namespace octet::conv {
namespace {

bool has_tiles(const Layer& layer) { return layer.p.isa.gemm_tiles.run; }

bool fits_taps(const Layer& layer) {
  return has_tiles(layer) && layer.p.int8() && layer.p.tensor(1).packing == schema::Packing::conv_s8;
}
bool fits_in_place(const Layer& layer) { return has_tiles(layer) && merges_in_place(layer); }
bool fits_repacked(const Layer& layer) { return has_tiles(layer) && merges_repacked(layer); }

GemmForm taps(const Layer& layer) { return {false, packed_shape(layer.g), &layer.p.isa.gemm_tiles}; }
GemmForm merged(const Layer& layer) { return {true, merged_shape(layer), &layer.p.isa.gemm_tiles}; }

template <GemmForm (*form)(const Layer&)>
double cost(const Layer& layer) {
  const Geometry& g = layer.g;
  const bool lines = g.taps() > 1 || g.stride_h > 1 || g.stride_w > 1;  // others are one long line
  const double straddle = lines ? std::min(1.0, 16.0 / static_cast<double>(g.out_w)) : 0;
  return tiles_cost(g.pixels(), form(layer).packed, straddle);
}

template <GemmForm (*form)(const Layer&)>
bool prepare(const Layer& layer, Weights weights) {
  prepare_int8_gemm(layer, form(layer), std::move(weights));
  return true;
}

}  // namespace

// A product takes 16 cycles, a load of a tile from the first-level cache 8, from the second-level one 20; beside products they are
// hidden as far as there are enough of these.
double tiles_cost(int64_t rows, const schema::PackedShape& packed, double straddle) {
  constexpr int64_t kSide = 16;
  constexpr double kFourSums = 64, kTwoSums = 36, kOneSum = 20;  // cycles a step: 2 x 2 tiles, 2 x 1, one of 1 x 4
  constexpr double kSum = 24;                                    // to start and to store a tile of sums
  constexpr double kCall = 60, kRun = 20, kCopiedLine = 2;
  const auto ceil_div = [](int64_t a, int64_t b) { return (a + b - 1) / b; };
  const int64_t depth = packed.taps * packed.quads(), blocks = packed.blocks(), rest = rows % (2 * kSide);
  const auto steps = static_cast<double>(ceil_div(depth, kSide));
  const bool copied = packed.quads() % kSide != 0;
  const auto lines = static_cast<double>(packed.taps * ceil_div(packed.quads(), kSide));  // of a row
  const int64_t pairs = blocks / 2, whole = rows / (2 * kSide);
  const auto call = [&](int64_t count) {
    const bool two = count > kSide;
    const double sums = two ? static_cast<double>(pairs) * kFourSums + static_cast<double>(blocks % 2) * kTwoSums
                            : static_cast<double>(blocks) * kOneSum;
    return kCall + static_cast<double>(packed.taps) * kRun + steps * sums +
           static_cast<double>(blocks * (two ? 2 : 1)) * kSum +
           static_cast<double>(count) * lines * kCopiedLine * (copied || count % kSide ? 1 : straddle);
  };
  return static_cast<double>(packed.groups) * (static_cast<double>(whole) * call(2 * kSide) + (rest ? call(rest) : 0));
}

extern const Algorithm kInt8Tiles, kInt8TilesMerged, kInt8TilesMergedRepacked;
const Algorithm kInt8Tiles = {
    .name = "int8_tiles", .unit = "tiles", .fits = fits_taps, .cost = cost<taps>, .prepare = prepare<taps>};
const Algorithm kInt8TilesMerged = {.name = "int8_tiles_merged",
                                    .unit = "tiles",
                                    .fits = fits_in_place,
                                    .cost = cost<merged>,
                                    .prepare = prepare<merged>};
const Algorithm kInt8TilesMergedRepacked = {.name = "int8_tiles_merged_repacked",
                                            .unit = "tiles",
                                            .packing = &kMergedRows,
                                            .fits = fits_repacked,
                                            .cost = cost<merged>,
                                            .prepare = prepare<merged>};

}  // namespace octet::conv
