// Pixels of NHWC images at places that another tensor gives, with ONNX' meaning: what deformable attention reads through.
#include "runtime/ops/common.h"

namespace octet {
namespace {

using schema::SampleMode;
using schema::SamplePadding;

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"grid_sample", "GridSample", "grid_sampler"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  const auto& a = n.attributes<schema::GridSample>();
  if (!valid_enum(a.mode()) || !valid_enum(a.padding())) return bad_node(n, "unknown mode");
  OCTET_TRY(check_type(n, m, 0, {DType::kF32}));
  return check_type(n, m, 1, {DType::kF32});
}

Result<void> infer(Inference& inf) {
  const Shape &x = inf.shape(0), &places = inf.shape(1);
  if (x.rank() != 4 || places.rank() != 4 || !may_equal(x[0], places[0]) || !may_equal(places[3], 2))
    return inf.error("places " + places.text() + " in " + x.text());
  if (x[1] == 0 || x[2] == 0) return inf.error("no pixels in " + x.text());
  if (!may_fit_int(x[1]) || !may_fit_int(x[2]) || !may_fit_int(x[3])) return inf.error(x.text() + " is too large");
  inf.out(0, {std::max(x[0], places[0]), places[1], places[2], x[3]});
  return {};
}

// Back and forth between `low` and `high`.
float reflect(float at, float low, float high) {
  const float size = high - low;
  if (size <= 0) return low;
  const float way = std::fmod(std::fabs(at - low), 2 * size);
  return low + (way > size ? 2 * size - way : way);
}

struct Job {
  SampleMode mode;
  SamplePadding padding;
  bool align_corners;
  int64_t h, w, x_pitch, place_pitch, y_pitch, places;  // places: of an image
  int channels;
  int x, grid, y;            // value ids
  std::vector<float> zeros;  // what is outside
  const kernels::Isa* isa;

  // Where a place lies along an axis of `size` pixels. Places far outside, and those that are no number, come to stand
  // two pixels beyond the edge.
  float pixel(float place, int64_t size) const {
    const float n = static_cast<float>(size);
    float at = align_corners ? (place + 1) * 0.5f * (n - 1) : ((place + 1) * n - 1) * 0.5f;
    if (mode == SampleMode::nearest) at = std::nearbyint(at);
    if (padding == SamplePadding::reflection) at = align_corners ? reflect(at, 0, n - 1) : reflect(at, -0.5f, n - 0.5f);
    if (padding != SamplePadding::zeros) at = std::min(std::max(at, 0.0f), n - 1);
    if (!(at > -2)) return -2;
    return at < n + 1 ? at : n + 1;
  }

  const float* row(const float* image, int64_t row, int64_t column) const {
    if (row < 0 || row >= h || column < 0 || column >= w) return zeros.data();
    return image + (row * w + column) * x_pitch;
  }

  void sample(const float* image, const float* place, float* out) const {
    const float column = pixel(place[0], w), line = pixel(place[1], h);
    if (mode == SampleMode::nearest) {
      const float* from =
          row(image, static_cast<int64_t>(std::nearbyint(line)), static_cast<int64_t>(std::nearbyint(column)));
      std::copy_n(from, channels, out);
      return;
    }
    const float left = std::floor(column), top = std::floor(line), dx = column - left, dy = line - top;
    const int64_t c = static_cast<int64_t>(left), r = static_cast<int64_t>(top);
    const float* const corners[4] = {row(image, r, c), row(image, r, c + 1), row(image, r + 1, c),
                                     row(image, r + 1, c + 1)};
    const float weights[4] = {(1 - dy) * (1 - dx), (1 - dy) * dx, dy * (1 - dx), dy * dx};
    isa->bilinear_f32(channels, corners, weights, out);
  }
};

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const auto& a = p.node->attributes<schema::GridSample>();
  const Shape &x = p.in(0).shape, &y = p.out().shape;
  const Job job{a.mode(),
                a.padding(),
                a.align_corners(),
                x[1],
                x[2],
                p.in(0).pitch,
                p.in(1).pitch,
                p.out().pitch,
                y[1] * y[2],
                static_cast<int>(x[3]),
                p.in(0).id,
                p.in(1).id,
                p.out().id,
                std::vector<float>(static_cast<size_t>(x[3])),
                &p.isa};
  p.step.kernel = std::string("grid_sample f32 ") + p.isa.name;
  p.step.run = [job = std::make_shared<const Job>(job), rows = p.out().rows()](const RunContext& ctx) {
    parallel_rows(ctx.threads, rows, grain_of(16 + 4 * job->channels), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        job->sample(ctx.data<float>(job->x) + i / job->places * job->h * job->w * job->x_pitch,
                    ctx.data<float>(job->grid) + i * job->place_pitch, ctx.data<float>(job->y) + i * job->y_pitch);
    });
  };
  return {};
}

}  // namespace

extern const OpKind kGridSample;
const OpKind kGridSample = {.type = schema::Op::GridSample,
                            .names = names,
                            .min_inputs = 2,
                            .max_inputs = 2,
                            .check = check,
                            .infer = infer,
                            .prepare = prepare,
                            .pitched_in = true,
                            .pitched_out = true};

}  // namespace octet
