// Boxes of NHWC images cut into bins, a value a bin: what two-stage detectors give their second stage.
#include "runtime/ops/common.h"

namespace octet {
namespace {

using schema::PoolKind;

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"roi_align", "RoiAlign"};
  return kNames;
}

constexpr int kMostBins = 4096, kMostSamples = 256;  // along an axis
constexpr int kChannels = 256;                       // that pass at a time, for which a thread has room

Result<void> check(const NodeDef& n, const ModelData& m) {
  const auto& a = n.attributes<schema::RoiAlign>();
  if (a.out_h() < 1 || a.out_w() < 1 || a.out_h() > kMostBins || a.out_w() > kMostBins)
    return bad_node(n, text_of(int64_t{a.out_h()}) + " x " + text_of(int64_t{a.out_w()}) + " bins");
  if (a.samples() < 0 || a.samples() > kMostSamples)
    return bad_node(n, text_of(int64_t{a.samples()}) + " samples along a bin");
  if (!valid_enum(a.kind()) || !std::isfinite(a.scale()))
    return bad_node(n, "unknown kind, or a scale that is no number");
  OCTET_TRY(check_type(n, m, 0, {DType::kF32}));
  OCTET_TRY(check_type(n, m, 1, {DType::kF32}));
  return check_type(n, m, 2, {DType::kS64});
}

Result<void> infer(Inference& inf) {
  const auto& a = inf.node.attributes<schema::RoiAlign>();
  const Shape &x = inf.shape(0), &boxes = inf.shape(1), &images = inf.shape(2);
  if (x.rank() != 4 || boxes.rank() != 2 || images.rank() != 1 || !may_equal(boxes[1], 4) ||
      !may_equal(boxes[0], images[0]))
    return inf.error("boxes " + boxes.text() + " of images " + images.text() + " in " + x.text());
  if (x[1] == 0 || x[2] == 0) return inf.error("no pixels in " + x.text());
  if (!may_fit_int(x[1]) || !may_fit_int(x[2]) || !may_fit_int(x[3])) return inf.error(x.text() + " is too large");
  inf.out(0, {std::max(boxes[0], images[0]), a.out_h(), a.out_w(), x[3]});
  return {};
}

// The samples of one bin along one axis.
struct Axis {
  float start = 0, bin = 0;  // of the box, in pixels
  int64_t samples = 0;       // a bin; none: the box is empty

  float place(int64_t index, int64_t sample) const {
    return start + static_cast<float>(index) * bin +
           (static_cast<float>(sample) + 0.5f) * bin / static_cast<float>(samples);
  }
  // The samples that may lie in [-1, size], which are few though a box may be large.
  std::pair<int64_t, int64_t> inside(int64_t index, int64_t size) const {
    if (!(bin > 0)) return {0, samples};
    const double step = double{bin} / static_cast<double>(samples), first = double{place(index, 0)};
    const auto bound = [&](double sample) {
      return static_cast<int64_t>(std::clamp(sample, 0.0, static_cast<double>(samples)));
    };
    return {bound(std::floor((-1 - first) / step) - 4),
            bound(std::ceil((static_cast<double>(size) - first) / step) + 4)};
  }
};

// Where a sample lies between two pixels of `size`; nothing outside.
struct Between {
  int64_t low, high;
  float weight_low, weight_high;
};

std::optional<Between> between(float at, int64_t size) {
  if (!(at >= -1 && at <= static_cast<float>(size))) return std::nullopt;
  at = std::max(at, 0.0f);
  const auto low = static_cast<int64_t>(at);
  if (low >= size - 1) return Between{size - 1, size - 1, 1, 0};
  const float rest = at - static_cast<float>(low);
  return Between{low, low + 1, 1 - rest, rest};
}

struct Job {
  PoolKind kind;
  bool half_pixel;
  int samples;
  float scale;
  int64_t out_h, out_w, images, h, w, x_pitch, box_pitch, y_pitch;
  int channels;
  int x, boxes, owners, y;  // value ids
  const kernels::Isa* isa;

  // A box with an edge that is no number, or so far away that pixels are not told apart there, holds nothing.
  Axis axis(float low, float high, int64_t bins) const {
    constexpr float kFar = 1 << 22;
    const float shift = half_pixel ? 0.5f : 0.0f, start = low * scale - shift, end = high * scale - shift;
    if (!(std::fabs(start) <= kFar && std::fabs(end) <= kFar)) return {};
    const float size = half_pixel ? end - start : std::max(end - start, 1.0f), bin = size / static_cast<float>(bins);
    return {start, bin, samples ? samples : std::max<int64_t>(0, static_cast<int64_t>(std::ceil(bin)))};
  }

  void average(int count, const float* const corners[4], const float weights[4], float* sum) const {
    float sample[kChannels];
    isa->bilinear_f32(count, corners, weights, sample);
    for (int c = 0; c < count; ++c) sum[c] += sample[c];
  }

  // Of the corners with their weights, not of what lies between them: so ONNX defines it.
  void largest(int count, const float* const corners[4], const float weights[4], bool first, float* most) const {
    for (int c = 0; c < count; ++c) {
      float value = weights[0] * corners[0][c];
      for (int k = 1; k < 4; ++k) value = std::max(value, weights[k] * corners[k][c]);
      most[c] = first ? value : std::max(most[c], value);
    }
  }

  // `count` channels of a bin.
  void bin(int count, const float* image, const Axis& down, const Axis& right, int64_t row, int64_t column,
           float* out) const {
    std::fill_n(out, count, 0.0f);
    const auto [top, bottom] = down.inside(row, h);
    const auto [left, end] = right.inside(column, w);
    int64_t read = 0;
    for (int64_t iy = top; iy < bottom; ++iy) {
      const auto line = between(down.place(row, iy), h);
      for (int64_t ix = left; line && ix < end; ++ix) {
        const auto at = between(right.place(column, ix), w);
        if (!at) continue;
        const float *above = image + line->low * w * x_pitch, *below = image + line->high * w * x_pitch;
        const float* const corners[4] = {above + at->low * x_pitch, above + at->high * x_pitch,
                                         below + at->low * x_pitch, below + at->high * x_pitch};
        const float weights[4] = {line->weight_low * at->weight_low, line->weight_low * at->weight_high,
                                  line->weight_high * at->weight_low, line->weight_high * at->weight_high};
        kind == PoolKind::average ? average(count, corners, weights, out)
                                  : largest(count, corners, weights, read == 0, out);
        ++read;
      }
    }
    const int64_t all = down.samples * right.samples;
    for (int c = 0; c < count; ++c)
      if (kind == PoolKind::average)
        out[c] /= static_cast<float>(std::max<int64_t>(all, 1));
      else if (read < all)  // samples outside are 0
        out[c] = std::max(out[c], 0.0f);
  }

  // Bins [begin, end) of all boxes.
  void run(const RunContext& ctx, int64_t begin, int64_t end) const {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t box = i / (out_h * out_w), row = i / out_w % out_h, column = i % out_w;
      const float* edges = ctx.data<float>(boxes) + box * box_pitch;
      const int64_t owner = ctx.data<int64_t>(owners)[box];
      // A box of an image that is not there holds nothing.
      const bool owned = owner >= 0 && owner < images;
      const Axis down = owned ? axis(edges[1], edges[3], out_h) : Axis{};
      const Axis right = owned ? axis(edges[0], edges[2], out_w) : Axis{};
      const float* image = ctx.data<float>(x) + (owned ? owner : 0) * h * w * x_pitch;
      for (int c = 0; c < channels; c += kChannels)
        bin(std::min(kChannels, channels - c), image + c, down, right, row, column,
            ctx.data<float>(y) + i * y_pitch + c);
    }
  }
};

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const auto& a = p.node->attributes<schema::RoiAlign>();
  const Shape& x = p.in(0).shape;
  const Job job{.kind = a.kind(),
                .half_pixel = a.half_pixel(),
                .samples = a.samples(),
                .scale = a.scale(),
                .out_h = a.out_h(),
                .out_w = a.out_w(),
                .images = x[0],
                .h = x[1],
                .w = x[2],
                .x_pitch = p.in(0).pitch,
                .box_pitch = p.in(1).pitch,
                .y_pitch = p.out().pitch,
                .channels = static_cast<int>(x[3]),
                .x = p.in(0).id,
                .boxes = p.in(1).id,
                .owners = p.in(2).id,
                .y = p.out().id,
                .isa = &p.isa};
  p.step.kernel = std::string("roi_align f32 ") + p.isa.name;
  p.step.run = [job, bins = p.out().rows()](const RunContext& ctx) {
    parallel_rows(ctx.threads, bins, grain_of(16 * job.channels),
                  [&](int64_t begin, int64_t end) { job.run(ctx, begin, end); });
  };
  return {};
}

}  // namespace

extern const OpKind kRoiAlign;
const OpKind kRoiAlign = {.type = schema::Op::RoiAlign,
                          .names = names,
                          .min_inputs = 3,
                          .max_inputs = 3,
                          .check = check,
                          .infer = infer,
                          .prepare = prepare,
                          .since = 1,
                          .pitched_in = true,
                          .pitched_out = true};

}  // namespace octet
