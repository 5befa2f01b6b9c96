// int8 convolution with windows of 3x3 by Winograd's F(4x4, 3x3) in 16-bit integers, exactly: see kernels.h.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <limits>

#include "runtime/ops/conv/algorithm.h"
#include "runtime/ops/conv/windows.h"

namespace octet::conv {
namespace {

using kernels::kWinogradChannels;
using kernels::kWinogradOut;
using kernels::kWinogradPoints;
using kernels::kWinogradSide;

// Tiles of a strip, for which weights are read once; and what its transformed input and sums may take: a share of the L2.
constexpr int64_t kLeastTiles = 12, kMostTiles = 24, kStripBytes = 512 << 10;
constexpr double kTileCycles = 300;  // beside a tile's channels: to find its pixels, and calls
constexpr double kWeightBytes = 6;   // that come to a core from memory in a cycle
constexpr int64_t kUnitsOfThread = 4;
constexpr double kUneven = 0.15;  // of a unit: how much later than the others a thread begins or runs

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// What a tile of a group costs, in cycles: whatever the number of output channels that a unit makes, and for all of them.
struct TileCost {
  double input, output;
  TileCost(const Geometry& g, const kernels::WinogradS8& kernel) {
    const schema::PackedShape s = packed_shape(g);
    const auto blocks = static_cast<double>(s.blocks());
    input = static_cast<double>(ceil_div(g.in, kernels::kBlock)) * kernel.transform_cost + kTileCycles;
    output = blocks * (static_cast<double>(kWinogradPoints * s.quads()) * kernel.cost + kernel.transform_cost);
  }
};

// A layer's tiles and how they are cut: a unit of work is a strip of tiles times a chunk of a group's output channels.
struct Tiles {
  int64_t high, wide, count, groups, strips, chunks = 1;
  Tiles(const Geometry& g, const kernels::WinogradS8& kernel, int threads)
      : high(ceil_div(g.out_h, kWinogradOut)),
        wide(ceil_div(g.out_w, kWinogradOut)),
        count(g.batch * high * wide),
        groups(g.groups) {
    const int64_t bytes = kWinogradPoints * 2 * (kernels::winograd_pitch(g.in) + 2 * kWinogradChannels);  // of a tile
    strips = ceil_div(count, std::clamp(kStripBytes / bytes, kLeastTiles, kMostTiles));
    if (threads > 1 && g.macs() >= kMacsForThreads) cut(g, TileCost(g, kernel), threads);
  }
  int64_t units() const { return groups * chunks * strips; }
  int64_t strip() const { return ceil_div(count, strips); }  // tiles, at most

 private:
  // The cut with which the thread that has most to do is done first: each chunk transforms its strip's input anew.
  void cut(const Geometry& g, const TileCost& cost, int64_t threads) {
    const int64_t blocks = ceil_div(g.out, kWinogradChannels);
    const Tiles whole = *this;
    double least = std::numeric_limits<double>::infinity();
    for (int64_t s = whole.strips; s <= std::max(whole.strips, std::min(threads * kUnitsOfThread, count / kLeastTiles));
         ++s)
      for (int64_t c = 1; c <= std::min(blocks, threads * kUnitsOfThread); ++c) {
        const auto part = static_cast<double>(ceil_div(blocks, c)) / static_cast<double>(blocks);
        const double unit = static_cast<double>(ceil_div(count, s)) * (cost.input + part * cost.output);
        const double time = (static_cast<double>(ceil_div(groups * s * c, threads)) + kUneven) * unit;
        if (time < least) least = time, strips = s, chunks = c;
      }
  }
};

// A thread's memory: where its parts begin.
struct Scratch {
  size_t sums, at, patch, bytes;
  Scratch(const Geometry& g, int64_t tiles, int64_t x_pitch) {
    const auto up = [](int64_t n) { return static_cast<size_t>(round_up(n, 64)); };
    sums = up(kWinogradPoints * kernels::winograd_plane(tiles, g.in) * int64_t{sizeof(int16_t)});
    at = sums + up(kernels::winograd_sums(tiles) * int64_t{sizeof(int32_t)});
    patch = at + up(tiles * int64_t{sizeof(kernels::WinogradTile)});
    bytes = patch + up(kWinogradPoints * x_pitch + kernels::kReadSlack);
  }
};

// Everything a run of a layer reads, made when preparing.
struct Int8Winograd {
  Geometry g;
  Tiles tiles;
  Scratch scratch;
  int64_t workers;
  kernels::WinogradS8 kernel;
  Weights weights;
  std::shared_ptr<const EpilogueArrays> epilogue;
  std::vector<uint8_t> zero;  // a line of six pixels
  int64_t x_pitch;
  kernels::WinogradOutput output;  // what all units share
  int x, y, residual;              // value ids
  size_t y_element;

  void run(const RunContext& c) const {
    std::atomic<int64_t> next{0};
    c.threads.run(workers, [&](int64_t worker) {
      std::byte* const memory = c.scratch + static_cast<size_t>(worker) * scratch.bytes;
      for (int64_t unit; (unit = next.fetch_add(1)) < tiles.units();) run_unit(c, unit, memory);
    });
  }

  void run_unit(const RunContext& c, int64_t unit, std::byte* memory) const {
    const int64_t strip = unit % tiles.strips, chunk = unit / tiles.strips % tiles.chunks,
                  group = unit / (tiles.strips * tiles.chunks);
    const int64_t begin = tiles.count * strip / tiles.strips, count = tiles.count * (strip + 1) / tiles.strips - begin;
    auto* transformed = reinterpret_cast<int16_t*>(memory);
    auto* at = reinterpret_cast<kernels::WinogradTile*>(memory + scratch.at);
    const int64_t plane = kernels::winograd_plane(count, g.in);
    for (int64_t t = 0; t < count; ++t) {
      const uint8_t* lines[kWinogradSide];
      at[t] = gather(c.data<const uint8_t>(x) + group * g.in, group * g.in, begin + t, lines,
                     reinterpret_cast<uint8_t*>(memory + scratch.patch));
      kernel.input({lines, x_pitch, static_cast<int>(g.in), transformed + t * kernels::winograd_pitch(g.in), plane});
    }
    const int64_t wide = ceil_div(g.out, kWinogradChannels), channel = wide * chunk / tiles.chunks * kWinogradChannels;
    const int64_t end = std::min(g.out, wide * (chunk + 1) / tiles.chunks * kWinogradChannels);
    kernels::WinogradOutput o = output;
    o.tiles = static_cast<int>(count), o.at = at;
    o.input = transformed, o.sums = reinterpret_cast<int32_t*>(memory + scratch.sums);
    o.weights = reinterpret_cast<const int16_t*>(weights.get()) + group * kernels::winograd_weights(g.in, g.out) +
                kernels::winograd_weights(g.in, channel);
    o.channels = static_cast<int>(end - channel);
    o.epilogue = epilogue->at(group, channel);
    o.output = c.data<std::byte>(y) + static_cast<size_t>(group * g.out + channel) * y_element;
    if (residual >= 0) o.residual = c.data<const uint8_t>(residual) + group * g.out + channel;
    kernel.output(o);
  }

  // The six lines of a tile's input: in place, or copied to `patch` where they cross the image's border.
  kernels::WinogradTile gather(const uint8_t* input, int64_t channel, int64_t tile, const uint8_t** lines,
                               uint8_t* patch) const {
    const int64_t image = tile / (tiles.high * tiles.wide), out_y = tile / tiles.wide % tiles.high * kWinogradOut,
                  out_x = tile % tiles.wide * kWinogradOut, left = out_x - g.pad_left;
    for (int64_t i = 0; i < kWinogradSide; ++i) {
      const int64_t in_y = out_y - g.pad_top + i;
      const uint8_t* line = input + ((image * g.in_h + in_y) * g.in_w + left) * x_pitch;
      if (in_y < 0 || in_y >= g.in_h) {
        line = zero.data() + channel;
      } else if (left < 0 || left + kWinogradSide > g.in_w) {
        uint8_t* to = patch + i * kWinogradSide * x_pitch;
        for (int64_t p = 0; p < kWinogradSide; ++p) {
          const bool inside = left + p >= 0 && left + p < g.in_w;
          std::copy_n((inside ? line : zero.data() + channel) + p * x_pitch, g.in, to + p * x_pitch);
        }
        line = to;
      }
      lines[i] = line;
    }
    return {(image * g.out_h + out_y) * g.out_w + out_x,
            static_cast<int>(std::min<int64_t>(g.out_h - out_y, kWinogradOut)),
            static_cast<int>(std::min<int64_t>(g.out_w - out_x, kWinogradOut))};
  }
};

// Whether no input can bring an output channel's sum to 2^25.
bool sums_stay_small(const Geometry& g, const TensorDef& weight) {
  constexpr int64_t kBound = (1 << 25) / 255;  // of the positive weights' sum, and of the negative ones'
  const schema::PackedShape s = packed_shape(g);
  if (s.taps * s.in * 127 <= kBound) return true;
  constexpr int64_t kExact = 256;  // times 127 fits s16
  const int8_t* w = weight.values<int8_t>().data();
  for (int64_t block = 0; block < s.groups * s.blocks(); ++block) {
    std::array<int32_t, 64> plus{}, minus{};
    for (int64_t left = s.taps * s.quads(); left > 0; left -= kExact) {
      std::array<int16_t, 64> some_plus{}, some_minus{};
      for (int64_t quad = 0; quad < std::min(left, kExact); ++quad, w += 64)
        for (size_t i = 0; i < 64; ++i) {
          const int16_t v = w[i], negative = static_cast<int16_t>(v < 0 ? v : 0);
          some_plus[i] = static_cast<int16_t>(some_plus[i] + v - negative);
          some_minus[i] = static_cast<int16_t>(some_minus[i] - negative);
        }
      for (size_t i = 0; i < 64; ++i) plus[i] += some_plus[i], minus[i] += some_minus[i];
    }
    for (size_t i = 0; i < 64; i += kernels::kGroup)
      for (const auto* sums : {&plus, &minus})
        if ((*sums)[i] + (*sums)[i + 1] + (*sums)[i + 2] + (*sums)[i + 3] > kBound) return false;
  }
  return true;
}

bool fits(const Layer& layer) {
  const Geometry& g = layer.g;
  const TensorDef& weight = layer.p.tensor(1);
  if (!layer.p.isa.winograd_s8.output || !layer.p.int8() || weight.packing != schema::Packing::conv_s8 ||
      g.kernel_h != 3 || g.kernel_w != 3 || g.stride_h != 1 || g.stride_w != 1 || g.dilation_h != 1 ||
      g.dilation_w != 1)
    return false;
  const auto small =
      layer.p.model.constants.get<bool>({.of = &weight, .packing = "small sums", .form = g.groups}, sizeof(bool),
                                        [&] { return std::make_shared<const bool>(sums_stay_small(g, weight)); });
  layer.p.step.found = small;
  return *small;
}

double cost(const Layer& layer) {
  const Geometry& g = layer.g;
  const kernels::WinogradS8& kernel = layer.p.isa.winograd_s8;
  const TileCost tile(g, kernel);
  // Weights once; that the strips read them again is hidden behind products.
  const double weights = static_cast<double>(kernels::winograd_weights(g.in, g.out)) * sizeof(int16_t) / kWeightBytes;
  return static_cast<double>(g.groups) *
         (static_cast<double>(Tiles(g, kernel, 1).count) * (tile.input + tile.output) + weights);
}

size_t bytes(const Layer& layer) {
  const Geometry& g = layer.g;
  return static_cast<size_t>(g.groups * kernels::winograd_weights(g.in, g.out)) * sizeof(int16_t);
}

void pack(const Layer& layer, std::byte* to) {
  const schema::PackedShape s = packed_shape(layer.g);
  const int8_t* const from = layer.p.tensor(1).values<int8_t>().data();
  auto* packed = reinterpret_cast<int16_t*>(to);
  for (int64_t group = 0; group < s.groups; ++group)
    for (int64_t first = 0; first < s.out; first += kWinogradChannels) {
      const int64_t count = std::min<int64_t>(s.out - first, kWinogradChannels);
      kernels::winograd_pack(from + s.at(group, first, 0, 0), static_cast<int>(s.quads()), static_cast<int>(count),
                             layer.p.isa.winograd_s8.interleave, packed);
      packed += kernels::winograd_weights(s.in, count);
    }
}

constexpr Packing kTransformed = {.name = "winograd", .by_isa = true, .bytes = bytes, .pack = pack};

bool prepare_winograd(const Layer& layer, Weights weights) {
  Prepare& p = layer.p;
  const Geometry& g = layer.g;
  const Value& x = p.in(0);
  const Tiles tiles(g, p.isa.winograd_s8, p.options.threads);
  Int8Winograd winograd{g,
                        tiles,
                        Scratch(g, tiles.strip(), x.pitch),
                        std::min<int64_t>(p.options.threads, tiles.units()),
                        p.isa.winograd_s8,
                        std::move(weights),
                        epilogue(layer, 0),
                        zero_pixels(x, kWinogradSide),
                        x.pitch,
                        {},
                        x.id,
                        p.out().id,
                        layer.has_residual() ? p.in(3).id : -1,
                        size_of(p.out().dtype)};
  winograd.output.line_pixels = g.out_w;
  winograd.output.in_channels = static_cast<int>(g.in);
  winograd.output.output_pitch = p.out().pitch;
  if (layer.has_residual()) winograd.output.residual_pitch = p.in(3).pitch;
  p.step.scratch_bytes = winograd.scratch.bytes * static_cast<size_t>(winograd.workers);
  p.step.run = [winograd = std::make_shared<const Int8Winograd>(std::move(winograd))](const RunContext& context) {
    winograd->run(context);
  };
  return true;
}

}  // namespace

extern const Algorithm kInt8Winograd;
const Algorithm kInt8Winograd = {.name = "int8_winograd",
                                 .unit = "int16",
                                 .products = 0.25,
                                 .packing = &kTransformed,
                                 .optional = true,
                                 .fits = fits,
                                 .cost = cost,
                                 .prepare = prepare_winograd};

}  // namespace octet::conv
