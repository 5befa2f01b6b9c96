// Mean, sum, maximum, minimum or product over some axes.
#include "kernels/quant.h"
#include "runtime/ops/common.h"
#include "runtime/ops/move.h"

namespace octet {
namespace {

using Kind = schema::ReduceKind;
using Names = std::span<const std::string_view>;

Names names(const NodeDef& n) {
  static constexpr std::string_view kMean[] = {"reduce_mean", "ReduceMean"};
  static constexpr std::string_view kSum[] = {"reduce_sum", "ReduceSum"};
  static constexpr std::string_view kMax[] = {"reduce_max", "ReduceMax"};
  static constexpr std::string_view kMin[] = {"reduce_min", "ReduceMin"};
  static constexpr std::string_view kProd[] = {"reduce_prod", "ReduceProd"};
  static constexpr Names kAll[] = {kMean, kSum, kMax, kMin, kProd};
  const Kind kind = n.attributes<schema::Reduce>().kind();
  return kAll[valid_enum(kind) ? static_cast<int>(kind) : 0];
}

// One bit for each axis that goes; -1 where an axis is outside or stands twice.
int axes_of(const NodeDef& n, int rank) {
  const auto axes = values_of(n.attributes<schema::Reduce>().axes());
  if (axes.empty()) return (1 << rank) - 1;
  int mask = 0;
  for (int32_t a : axes) {
    const int axis = axis_of(a, rank);
    if (axis < 0 || (mask >> axis & 1)) return -1;
    mask |= 1 << axis;
  }
  return mask;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  if (!valid_enum(n.attributes<schema::Reduce>().kind())) return bad_node(n, "unknown reduction");
  OCTET_TRY(check_type(n, m, 0, {DType::kF32, DType::kS64, DType::kS32}));
  const Shape& in = m.input(n, 0).shape;
  if (axes_of(n, in.rank()) < 0) return bad_node(n, "axes outside " + in.text() + " or twice the same");
  return {};
}

Result<void> infer(Inference& inf) {
  const auto& a = inf.node.attributes<schema::Reduce>();
  const Shape& in = inf.shape(0);
  const int mask = axes_of(inf.node, in.rank());
  if (mask < 0) return inf.error("axes outside " + in.text());
  Shape out;
  int64_t taps = 1;
  for (int d = 0; d < in.rank(); ++d) {
    if (!(mask >> d & 1))
      out.push_back(in[d]);
    else if (a.keep_dims())
      out.push_back(1);
    if ((mask >> d & 1) && in[d] >= 0 && !checked_mul(taps, in[d], &taps))
      return inf.error("input " + in.text() + " is too large");
  }
  if (taps == 0) return inf.error("nothing to reduce in " + in.text());
  inf.out(0, out);
  return {};
}

constexpr int kImageAxes = 0b0110;  // h and w of NHWC

// Mean over the pixels of an image, and mean or maximum over its channels.
Int8Rule int8(const NodeDef& n, const ModelData& m) {
  const Kind kind = n.attributes<schema::Reduce>().kind();
  const int rank = m.input(n, 0).shape.rank(), mask = axes_of(n, rank);
  if (kind == Kind::mean && rank == 4 && mask == kImageAxes) return {.kind = Int8Rule::Kind::kOwn, .given_only = true};
  if (rank == 0 || mask != 1 << (rank - 1) || (kind != Kind::mean && kind != Kind::max)) return {};
  return {.kind = Int8Rule::Kind::kOwn, .one_scale_in = true, .one_scale_out = true, .given_only = true};
}

// A group of dims and their steps in the input.
struct Dims {
  int rank = 0;
  std::array<int64_t, kMaxRank> size{}, step{};
  int64_t count = 1;

  void push(int64_t n, int64_t s) {
    const auto last = static_cast<size_t>(rank - 1);
    count *= n;
    if (rank > 0 && step[last] == n * s) {
      size[last] *= n, step[last] = s;
      return;
    }
    size[static_cast<size_t>(rank)] = n, step[static_cast<size_t>(rank++)] = s;
  }
  int64_t offset(int64_t i) const {
    int64_t at = 0;
    for (size_t d = static_cast<size_t>(rank); d-- > 0; i /= size[d]) at += i % size[d] * step[d];
    return at;
  }
};

// Outputs are counted over `kept`, then over `columns` neighbours; each takes all of `taps`, each of `run` neighbours.
struct Walk {
  Dims kept, taps;
  int64_t columns = 1, run = 1;
};

Walk make_walk(const Shape& shape, int64_t pitch, int mask) {
  Walk walk;
  const auto steps = strides_of(shape, pitch);
  const int last = shape.rank() - 1;
  for (int d = 0; d < last; ++d) (mask >> d & 1 ? walk.taps : walk.kept).push(shape[d], steps[static_cast<size_t>(d)]);
  if (last >= 0) (mask >> last & 1 ? walk.run : walk.columns) = shape[last];
  return walk;
}

// Integers wrap.
template <Kind kKind, class A>
A combine(A a, A v) {
  if constexpr (kKind == Kind::max) return v > a ? v : a;
  if constexpr (kKind == Kind::min) return v < a ? v : a;
  if constexpr (std::is_floating_point_v<A>) return kKind == Kind::prod ? a * v : a + v;
  if constexpr (std::is_integral_v<A>) {
    if (kKind == Kind::prod)
      __builtin_mul_overflow(a, v, &a);
    else
      __builtin_add_overflow(a, v, &a);
  }
  return a;
}

constexpr int64_t kBlock = 64;

// A block of columns of one kept index. A: double for float, so that long sums keep their digits.
template <Kind kKind, class T, class A>
void reduce_block(const Walk& walk, const T* in, T* out, int64_t columns) {
  A acc[kBlock];
  for (int64_t i = 0; i < walk.taps.count; ++i) {
    const T* x = in + walk.taps.offset(i);
    if (walk.run == 1) {
      for (int64_t c = 0; c < columns; ++c)
        acc[c] = i == 0 ? static_cast<A>(x[c]) : combine<kKind, A>(acc[c], static_cast<A>(x[c]));
      continue;
    }
    if (i == 0) acc[0] = static_cast<A>(x[0]);
    A a = acc[0];
    for (int64_t r = i == 0 ? 1 : 0; r < walk.run; ++r) a = combine<kKind, A>(a, static_cast<A>(x[r]));
    acc[0] = a;
  }
  const int64_t count = walk.taps.count * walk.run;
  for (int64_t c = 0; c < columns; ++c)
    out[c] = static_cast<T>(kKind == Kind::mean ? acc[c] / static_cast<A>(count) : acc[c]);
}

template <Kind kKind, class T, class A>
void reduce(const RunContext& ctx, const Walk& walk, int from, int to) {
  const int64_t blocks = (walk.columns + kBlock - 1) / kBlock;
  const int64_t work = walk.taps.count * walk.run * std::min(walk.columns, kBlock);
  parallel_rows(ctx.threads, walk.kept.count * blocks, grain_of(work), [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const int64_t row = b / blocks, first = b % blocks * kBlock;
      reduce_block<kKind, T, A>(walk, ctx.data<T>(from) + walk.kept.offset(row) + first,
                                ctx.data<T>(to) + row * walk.columns + first, std::min(kBlock, walk.columns - first));
    }
  });
}

using Run = void (*)(const RunContext&, const Walk&, int from, int to);

template <class T, class A>
Run run_for(Kind kind) {
  switch (kind) {
    case Kind::mean:
      return reduce<Kind::mean, T, A>;
    case Kind::sum:
      return reduce<Kind::sum, T, A>;
    case Kind::max:
      return reduce<Kind::max, T, A>;
    case Kind::min:
      return reduce<Kind::min, T, A>;
    case Kind::prod:
      return reduce<Kind::prod, T, A>;
  }
  return nullptr;
}

// u8 arrays for each channel, as kernels::AveragePool wants them.
struct Arrays {
  std::vector<float> multiplier;
  std::vector<int32_t> zero_in, zero_out;
};

// Mean over h and w: a pooling window as large as the image, done in blocks of channels.
void prepare_image_mean(Prepare& p) {
  const Value &in = p.in(0), &out = p.out();
  kernels::Pool g;
  g.in_h = g.kernel_h = static_cast<int>(in.shape[1]), g.in_w = g.kernel_w = static_cast<int>(in.shape[2]);
  g.out_h = g.out_w = 1;
  g.input_pitch = in.pitch, g.output_pitch = in.shape[3];
  auto arrays = std::make_shared<Arrays>();
  if (p.int8()) {
    arrays->multiplier =
        per_channel<float>(in.shape[3], [&](int64_t c) { return in.quant.scale_at(c) / out.quant.scale_at(c); });
    arrays->zero_in = per_channel<int32_t>(in.shape[3], [&](int64_t c) { return in.quant.zero_at(c); });
    arrays->zero_out = per_channel<int32_t>(in.shape[3], [&](int64_t c) { return out.quant.zero_at(c); });
  }
  p.step.kernel = std::string(p.int8() ? "average_pool int8 " : "average_pool f32 ") + p.isa.name;
  p.step.run = [=, int8 = p.int8(), isa = &p.isa, from = in.id, to = out.id, images = in.shape[0],
                channels = in.shape[3]](const RunContext& ctx) {
    const int64_t blocks = (channels + kBlock - 1) / kBlock, area = int64_t{g.in_h} * g.in_w;
    parallel_rows(ctx.threads, images * blocks, grain_of(area * kBlock), [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        const int64_t n = b / blocks, c = b % blocks * kBlock;
        kernels::Pool part = g;
        part.channels = static_cast<int>(std::min(kBlock, channels - c));
        const int64_t at = n * area * g.input_pitch + c, result = n * channels + c;
        if (!int8) {
          isa->average_pool_f32(part, false, ctx.data<float>(from) + at, ctx.data<float>(to) + result, 0, 1);
          continue;
        }
        const kernels::AveragePool a{part, false, arrays->multiplier.data() + c, arrays->zero_in.data() + c,
                                     arrays->zero_out.data() + c};
        isa->average_pool(a, ctx.data<uint8_t>(from) + at, ctx.data<uint8_t>(to) + result, 0, 1);
      }
    });
  };
}

constexpr int64_t kRows = 16;  // done side by side

// Sums of up to kRows rows, each in the order of its elements as by `reduce`, but all rows at the same time.
void sums_of_rows(const kernels::Isa& isa, const float* x, int64_t pitch, int64_t rows, int64_t channels, double* sum) {
  float turned[kBlock * kRows] = {};
  for (int64_t first = 0; first < channels; first += kBlock) {
    const int64_t count = std::min(kBlock, channels - first);
    isa.transpose_32(reinterpret_cast<const uint32_t*>(x + first), pitch, reinterpret_cast<uint32_t*>(turned), kRows,
                     rows, count);
    if (first == 0) std::copy(turned, turned + kRows, sum);
    for (int64_t c = first == 0; c < count; ++c)
      for (int64_t r = 0; r < kRows; ++r) sum[r] += static_cast<double>(turned[c * kRows + r]);
  }
}

// Mean, sum or maximum over the channels, to the bit what `reduce` gives: the first of the largest, be it a negative zero.
void prepare_channels_f32(Prepare& p, Kind kind) {
  const int64_t channels = p.in(0).channels();
  p.step.kernel = std::string("reduce channels ") + p.isa.name;
  p.step.run = [=, isa = &p.isa, from = p.in(0).id, to = p.out().id, pitch = p.in(0).pitch,
                rows = p.in(0).rows()](const RunContext& ctx) {
    parallel_rows(ctx.threads, rows, std::max(kRows, grain_of(channels)), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; r += kRows) {
        const float* x = ctx.data<float>(from) + r * pitch;
        float* y = ctx.data<float>(to) + r;
        const int64_t count = std::min(kRows, end - r);
        int64_t at[kRows];
        double sum[kRows];
        if (kind == Kind::max)
          isa->argmax_f32(x, pitch, count, static_cast<int>(channels), at);
        else
          sums_of_rows(*isa, x, pitch, count, channels, sum);
        for (int64_t i = 0; i < count; ++i)
          y[i] = kind == Kind::max
                     ? x[i * pitch + at[i]]
                     : static_cast<float>(kind == Kind::mean ? sum[i] / static_cast<double>(channels) : sum[i]);
      }
    });
  };
}

// Sum and maximum of a row of u8.
int32_t sum_of(const uint8_t* __restrict x, int64_t count) {
  int32_t sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += x[i];
  return sum;
}
uint8_t max_of(const uint8_t* __restrict x, int64_t count) {
  uint8_t top = 0;
  for (int64_t i = 0; i < count; ++i) top = x[i] > top ? x[i] : top;
  return top;
}

// Mean (by the arithmetic of average pooling) or maximum over the channels.
void prepare_channels_u8(Prepare& p, bool mean) {
  const Value &in = p.in(0), &out = p.out();
  const float si = in.quant.scale_at(0), so = out.quant.scale_at(0);
  const int32_t zi = in.quant.zero_at(0), zo = out.quant.zero_at(0);
  const int64_t channels = in.channels();
  auto table = std::make_shared<std::array<uint8_t, 256>>();
  for (int q = 0; q < 256; ++q)
    (*table)[static_cast<size_t>(q)] =
        kernels::quantize_u8(kernels::dequantize_u8(static_cast<uint8_t>(q), si, zi), 1.0f / so, zo);
  const float multiplier = si / so / static_cast<float>(channels), zeros = static_cast<float>(channels * zi);
  p.step.kernel = mean ? "mean of channels int8" : "max of channels int8";
  p.step.run = [=, from = in.id, to = out.id, pitch = in.pitch, rows = in.rows()](const RunContext& ctx) {
    parallel_rows(ctx.threads, rows, grain_of(channels), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const uint8_t* x = ctx.data<uint8_t>(from) + r * pitch;
        uint8_t& y = ctx.data<uint8_t>(to)[r];
        if (mean)
          y = kernels::quantize_u8(static_cast<float>(sum_of(x, channels)) - zeros, multiplier, zo);
        else
          y = (*table)[max_of(x, channels)];
      }
    });
  };
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const Kind kind = p.node->attributes<schema::Reduce>().kind();
  const Value& in = p.in(0);
  const Shape& shape = in.shape;
  const int mask = axes_of(*p.node, shape.rank());
  const bool channels = shape.rank() > 0 && mask == 1 << (shape.rank() - 1);
  const bool image = shape.rank() == 4 && mask == kImageAxes && kind == Kind::mean && in.dtype != DType::kS64 &&
                     in.dtype != DType::kS32;
  if (p.int8() || image) {
    constexpr int64_t kMost = 1 << 23;  // sums of u8 stay below 2^31
    const int64_t taps = image ? shape[1] * shape[2] : in.channels();
    if (p.int8() && taps > kMost) return p.error("a mean of " + text_of(taps) + " elements is too long for int8");
    if (image && fits_int(shape[1]) && fits_int(shape[2])) return prepare_image_mean(p), Result<void>();
    if (p.int8() && (!channels || in.quant.per_channel() || (kind != Kind::mean && kind != Kind::max)))
      return p.error("int8 for a shape of another rank than the file says");
    if (p.int8()) return prepare_channels_u8(p, kind == Kind::mean), Result<void>();
  }
  const bool one_by_one = kind != Kind::mean && kind != Kind::sum && kind != Kind::max;
  if (in.dtype == DType::kF32 && channels && !one_by_one && fits_int(in.channels()))
    return prepare_channels_f32(p, kind), Result<void>();
  const Run run = in.dtype == DType::kF32   ? run_for<float, double>(kind)
                  : in.dtype == DType::kS64 ? run_for<int64_t, int64_t>(kind)
                                            : run_for<int32_t, int64_t>(kind);
  const auto walk = std::make_shared<const Walk>(make_walk(shape, in.pitch, mask));
  p.step.kernel = "reduce";
  p.step.run = [=, from = in.id, to = p.out().id](const RunContext& ctx) { run(ctx, *walk, from, to); };
  return {};
}

}  // namespace

extern const OpKind kReduce;
const OpKind kReduce = {.type = schema::Op::Reduce,
                        .names = names,
                        .min_inputs = 1,
                        .max_inputs = 1,
                        .check = check,
                        .infer = infer,
                        .prepare = prepare,
                        .int8 = int8,
                        .pitched_in = true};

}  // namespace octet
