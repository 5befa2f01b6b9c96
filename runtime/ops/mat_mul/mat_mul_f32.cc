// Batched float products of two activations: the right-hand matrices are packed as weights, then the convolution kernel
// takes the left-hand rows.
#include "runtime/ops/mat_mul/mat_mul.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "runtime/ops/conv/conv2d.h"

namespace octet::mat_mul {
namespace {

constexpr int kBlock = kernels::kBlock;

struct Product {
  Operand a, b;
  int64_t m, k, n;
  int y;
  int64_t y_pitch;
  kernels::Activation act;
  std::shared_ptr<const std::vector<float>> bias;
  int tile_rows;
  int64_t chunks;  // of tasks in a phase
  const kernels::Isa* isa;

  int64_t batches() const { return static_cast<int64_t>(a.batch.size()); }
  int64_t blocks() const { return (n + kBlock - 1) / kBlock; }
  int64_t packed_b() const { return b.batches * blocks() * kBlock * k; }  // floats
  int64_t packed_a() const { return a.transposed ? a.batches * m * k : 0; }

  void run(const RunContext& c) const {
    auto* packed = reinterpret_cast<float*>(c.scratch);
    float* turned = packed + packed_b();
    split(c.threads, b.batches * blocks(), [&](int64_t i) { pack_block(c, i / blocks(), i % blocks(), packed); });
    if (a.transposed) split(c.threads, a.batches, [&](int64_t i) { turn(c, i, turned); });
    const int64_t tiles = (m + tile_rows - 1) / tile_rows;
    split(c.threads, batches() * tiles, [&](int64_t i) { tile(c, i / tiles, i % tiles * tile_rows, packed, turned); });
  }

  template <class F>
  void split(Threads& threads, int64_t count, const F& body) const {
    const int64_t tasks = std::min(count, chunks);
    threads.run(tasks, [&](int64_t t) {
      for (int64_t i = count * t / tasks; i < count * (t + 1) / tasks; ++i) body(i);
    });
  }

  // [k][16] of columns `block` of b, columns beyond the last zero.
  void pack_block(const RunContext& c, int64_t batch, int64_t block, float* packed) const {
    const float* from = c.data<const float>(b.value) + batch * b.rows * b.pitch;
    float* to = packed + (batch * blocks() + block) * kBlock * k;
    const int64_t first = block * kBlock, columns = std::min<int64_t>(kBlock, n - first);
    if (columns < kBlock) std::fill_n(to, k * kBlock, 0.0f);
    if (b.transposed) {
      isa->transpose_32(reinterpret_cast<const uint32_t*>(from + first * b.pitch), b.pitch,
                        reinterpret_cast<uint32_t*>(to), kBlock, columns, k);
    } else {
      for (int64_t i = 0; i < k; ++i) std::copy_n(from + i * b.pitch + first, columns, to + i * kBlock);
    }
  }

  void turn(const RunContext& c, int64_t batch, float* turned) const {
    const float* from = c.data<const float>(a.value) + batch * a.rows * a.pitch;
    isa->transpose_32(reinterpret_cast<const uint32_t*>(from), a.pitch,
                      reinterpret_cast<uint32_t*>(turned + batch * m * k), k, k, m);
  }

  void tile(const RunContext& c, int64_t batch, int64_t row, const float* packed, const float* turned) const {
    const int64_t a_batch = a.batch[static_cast<size_t>(batch)], pitch = a.transposed ? k : a.pitch;
    const float* rows = (a.transposed ? turned : c.data<const float>(a.value)) + (a_batch * m + row) * pitch;
    const float* pointers[kernels::kMaxRows];
    kernels::ConvTileF32 t;
    t.rows = static_cast<int>(std::min<int64_t>(tile_rows, m - row));
    for (int r = 0; r < t.rows; ++r) pointers[r] = rows + r * pitch;
    t.taps = 1;
    t.in_channels = static_cast<int>(k);
    t.input = pointers;
    t.weights = packed + b.batch[static_cast<size_t>(batch)] * blocks() * kBlock * k;
    t.channels = static_cast<int>(n);
    t.bias = bias->data();
    t.act = act;
    t.output = c.data<float>(y) + (batch * m + row) * y_pitch;
    t.output_pitch = y_pitch;
    isa->conv_tile_f32(t);
  }
};

}  // namespace

Result<void> prepare_f32(Prepare& p, bool transpose_a, bool transpose_b, const kernels::Activation& act) {
  const Shape& y = p.out().shape;
  const Shape& a = p.in(0).shape;
  OCTET_TRY(p.take(2 * batch_bytes(y) + static_cast<size_t>(y[-1]) * sizeof(float)));
  Product product{operand(p.in(0), y, transpose_a),
                  operand(p.in(1), y, transpose_b),
                  y[-2],
                  a[transpose_a ? -2 : -1],
                  y[-1],
                  p.out().id,
                  p.out().pitch,
                  act,
                  conv::padded_bias(p, 1, y[-1]),
                  p.isa.conv_rows_f32,
                  1,
                  &p.isa};
  p.step.macs = p.step.products = y.elements() * product.k;
  p.step.unit = "float";
  if (p.options.threads > 1 && p.step.macs >= kMacsForThreads) product.chunks = p.options.threads * 4;
  p.step.scratch_bytes = static_cast<size_t>(product.packed_b() + product.packed_a()) * sizeof(float);
  p.step.kernel = std::string("matmul f32 ") + p.isa.name;
  p.step.run = [product = std::make_shared<const Product>(std::move(product))](const RunContext& c) {
    product->run(c);
  };
  return {};
}

}  // namespace octet::mat_mul
