// Batched int8 products of two activations: the right-hand matrices become packed s8 weights, their sums times the left-hand
// zero point the accumulators' start, and the convolution kernel takes the left-hand rows.
#include <memory>

#include "kernels/quant.h"
#include "runtime/ops/common.h"
#include "runtime/ops/conv/int8_gemm.h"
#include "runtime/ops/mat_mul/mat_mul.h"

namespace octet::mat_mul {
namespace {

constexpr int kBlock = kernels::kBlock, kGroup = kernels::kGroup;
constexpr int64_t kMaxStart = 1 << 30;  // as fold_bias clamps it

struct Product {
  Operand a, b;
  int64_t m, k, n;
  int y;
  int64_t y_pitch;
  size_t y_element;
  int32_t a_zero, offset;                                // offset: what the kernel adds itself
  std::shared_ptr<const conv::EpilogueArrays> epilogue;  // acc0: the bias alone
  int64_t chunks;                                        // of tasks in a phase
  const kernels::Isa* isa;
  const kernels::GemmS8* kernel;

  int64_t batches() const { return static_cast<int64_t>(a.batch.size()); }
  int64_t blocks() const { return (n + kBlock - 1) / kBlock; }
  int64_t groups() const { return (k + kGroup - 1) / kGroup; }
  int64_t block_bytes() const { return groups() * kBlock * kGroup; }
  int64_t weight_bytes() const { return b.batches * blocks() * block_bytes(); }
  int64_t start_bytes() const { return round_up(b.batches * blocks() * kBlock * int64_t{sizeof(int32_t)}, 64); }
  int64_t turned_bytes() const { return a.transposed ? a.batches * m * k + kernels::kReadSlack : 0; }

  void run(const RunContext& c) const {
    auto* weights = reinterpret_cast<int8_t*>(c.scratch);
    auto* start = reinterpret_cast<int32_t*>(c.scratch + weight_bytes());
    auto* turned = reinterpret_cast<uint8_t*>(c.scratch + weight_bytes() + start_bytes());
    split(c.threads, b.batches * blocks(), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) pack_block(c, i, weights, start);
    });
    if (a.transposed)
      split(c.threads, a.batches, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          isa->transpose_8(c.data<uint8_t>(a.value) + i * a.rows * a.pitch, a.pitch, turned + i * m * k, k, k, m);
      });
    const int64_t tile_rows = kernel->rows, tiles = (m + tile_rows - 1) / tile_rows;
    const auto multiply = [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) tile(c, i / tiles, i % tiles * tile_rows, weights, start, turned);
    };
    split(c.threads, batches() * tiles, multiply, {kernel->enter, kernel->leave});
  }

  template <class F>
  void split(Threads& threads, int64_t count, const F& body, AroundTasks around = {}) const {
    const int64_t tasks = std::min(count, chunks);
    threads.run(
        tasks, [&](int64_t t) { body(count * t / tasks, count * (t + 1) / tasks); }, around);
  }

  // [group][16 columns][4 of k] of block i % blocks() of matrix i / blocks(); what is beyond the last is zero.
  void pack_block(const RunContext& c, int64_t i, int8_t* weights, int32_t* start) const {
    const uint8_t* from = c.data<uint8_t>(b.value) + i / blocks() * b.rows * b.pitch;
    const int64_t first = i % blocks() * kBlock, columns = std::min<int64_t>(kBlock, n - first);
    const int64_t column_step = b.transposed ? b.pitch : 1, depth_step = b.transposed ? 1 : b.pitch;
    int8_t* to = weights + i * block_bytes();
    const int64_t depth = k;
    if (columns < kBlock || k % kGroup) std::fill_n(to, block_bytes(), int8_t{0});
    for (int64_t j = 0; j < columns; ++j) {
      const uint8_t* x = from + (first + j) * column_step;
      int8_t* column = to + j * kGroup;
      int32_t sum = 0;
      for (int64_t left = depth; left > 0; left -= kGroup, column += kBlock * kGroup)
        for (int d = 0; d < std::min<int64_t>(left, kGroup); ++d, x += depth_step) {
          const int32_t w = std::max(int32_t{*x} - kProductZero, -127);
          column[d] = static_cast<int8_t>(w);
          sum += w;
        }
      const int64_t at = epilogue->acc0[static_cast<size_t>(first + j)] - int64_t{a_zero} * sum;
      start[i * kBlock + j] = static_cast<int32_t>(std::clamp(at, -kMaxStart, kMaxStart) + int64_t{offset} * sum);
    }
    std::fill_n(start + i * kBlock + columns, kBlock - columns, 0);
  }

  void tile(const RunContext& c, int64_t batch, int64_t row, const int8_t* weights, const int32_t* start,
            const uint8_t* turned) const {
    const size_t i = static_cast<size_t>(batch);
    const int64_t pitch = a.transposed ? k : a.pitch;
    const uint8_t* rows = (a.transposed ? turned : c.data<uint8_t>(a.value)) + (a.batch[i] * m + row) * pitch;
    const uint8_t* pointers[kernels::kMaxRows];
    kernels::ConvTile t;
    t.rows = static_cast<int>(std::min<int64_t>(kernel->rows, m - row));
    for (int r = 0; r < t.rows; ++r) pointers[r] = rows + r * pitch;
    t.taps = 1;
    t.groups = static_cast<int>(groups());
    t.input = pointers;
    t.weights = weights + b.batch[i] * blocks() * block_bytes();
    t.channels = static_cast<int>(n);
    t.epilogue = epilogue->at(0, 0);
    t.epilogue.acc0 = start + b.batch[i] * blocks() * kBlock;
    t.output = c.data<std::byte>(y) + static_cast<size_t>((batch * m + row) * y_pitch) * y_element;
    t.output_pitch = y_pitch;
    kernel->run(t);
  }
};

// One entry a column of the product.
std::shared_ptr<const conv::EpilogueArrays> make_epilogue(const Prepare& p, int64_t n, const kernels::Activation& act) {
  const Value& y = p.out();
  const bool to_u8 = y.dtype == DType::kU8, active = act.kind != kernels::Act::kNone;
  const double unit = double{p.in(0).quant.scale_at(0)} * double{p.in(1).quant.scale_at(0)};
  const auto step = [&](int64_t c) { return to_u8 ? double{y.quant.scale_at(c)} : 1.0; };
  const auto bias = p.has_in(2) ? p.tensor(2).values<float>() : std::span<const float>();
  const auto bias_at = [&](int64_t c) { return bias.empty() ? 0.0f : bias[static_cast<size_t>(c)]; };
  auto e = std::make_shared<conv::EpilogueArrays>();
  e->act = act;
  e->acc0 = per_channel<int32_t>(n, [&](int64_t c) { return kernels::fold_bias(bias_at(c), unit, 0); });
  e->multiplier = per_channel<float>(n, [&](int64_t c) { return active ? unit : unit / step(c); });
  e->out_multiplier = per_channel<float>(n, [&](int64_t c) { return 1 / step(c); });
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto zero = [&](int64_t c) { return static_cast<float>(y.quant.zero_at(c)); };
  e->low = per_channel<float>(n, [&](int64_t c) { return to_u8 ? -zero(c) : -kInfinity; });
  e->high = per_channel<float>(n, [&](int64_t c) { return to_u8 ? 255 - zero(c) : kInfinity; });
  if (to_u8) e->zero_point = per_channel<int32_t>(n, [&](int64_t c) { return y.quant.zero_at(c); });
  return e;
}

// Shared where it holds a bias, whose length n is; without one, n may be another in each plan.
std::shared_ptr<const conv::EpilogueArrays> epilogue(const Prepare& p, int64_t n, const kernels::Activation& act) {
  if (!p.has_in(2)) return make_epilogue(p, n, act);
  const int to_u8 = p.out().dtype == DType::kU8;
  return p.model.constants.get<conv::EpilogueArrays>({.of = p.node, .packing = "product epilogue", .form = to_u8},
                                                     conv::epilogue_bytes(n), [&] { return make_epilogue(p, n, act); });
}

// Tiles where they cost less than vectors.
const kernels::GemmS8& kernel_of(const kernels::Isa& isa, int64_t m, int64_t k, int64_t n) {
  const schema::PackedShape packed{1, n, 1, k};
  const bool tiles = isa.gemm_tiles.run && conv::tiles_cost(m, packed, 0) < conv::gemm_cost(isa.gemm_s8, m, packed);
  return tiles ? isa.gemm_tiles : isa.gemm_s8;
}

}  // namespace

Result<void> prepare_int8(Prepare& p, bool transpose_a, bool transpose_b, const kernels::Activation& act) {
  const Shape &y = p.out().shape, &a = p.in(0).shape;
  OCTET_TRY(p.take(2 * batch_bytes(y) + conv::epilogue_bytes(y[-1])));
  Product product;
  product.a = operand(p.in(0), y, transpose_a), product.b = operand(p.in(1), y, transpose_b);
  product.m = y[-2], product.k = a[transpose_a ? -2 : -1], product.n = y[-1];
  if (product.k > kMaxDepth)
    return p.error("sums of " + text_of(product.k) +
                   " int8 products do not fit 32 bits; keep it float with int8_exclude");
  product.y = p.out().id, product.y_pitch = p.out().pitch, product.y_element = size_of(p.out().dtype);
  product.isa = &p.isa, product.kernel = &kernel_of(p.isa, product.m, product.k, product.n);
  product.a_zero = p.in(0).quant.zero_at(0), product.offset = product.kernel->activation_offset;
  product.chunks = 1;
  product.epilogue = epilogue(p, product.n, act);
  p.step.macs = p.step.products = y.elements() * product.k;
  const bool tiles = product.kernel == &p.isa.gemm_tiles;
  p.step.unit = tiles ? "tiles" : "int8";
  if (p.options.threads > 1 && p.step.macs >= kMacsForThreads) product.chunks = p.options.threads * 4;
  p.step.scratch_bytes = static_cast<size_t>(product.weight_bytes() + product.start_bytes() + product.turned_bytes());
  p.step.kernel = std::string(tiles ? "matmul int8_tiles " : "matmul int8 ") + p.isa.name;
  p.step.run = [product = std::make_shared<const Product>(std::move(product))](const RunContext& c) {
    product->run(c);
  };
  return {};
}

}  // namespace octet::mat_mul
