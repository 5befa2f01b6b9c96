// Nearest, linear and cubic resizing of NHWC images along h and w, with ONNX' coordinate modes. All positions and weights are tables
// made when the step is prepared.
#include "runtime/ops/common.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef& n) {
  static constexpr std::string_view kNearest[] = {"resize", "Resize", "Upsample", "nearest_interp",
                                                  "nearest_interp_v2"};
  static constexpr std::string_view kLinear[] = {"resize", "Resize", "Upsample", "bilinear_interp",
                                                 "bilinear_interp_v2"};
  static constexpr std::string_view kCubic[] = {"resize", "Resize", "bicubic_interp", "bicubic_interp_v2"};
  static constexpr std::span<const std::string_view> kAll[] = {kNearest, kLinear, kCubic};
  const auto mode = n.attributes<schema::Resize>().mode();
  return kAll[valid_enum(mode) ? static_cast<int>(mode) : 0];
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  const auto& a = n.attributes<schema::Resize>();
  OCTET_TRY(check_type(n, m, 0, {DType::kF32}));
  if (!valid_enum(a.mode()) || !valid_enum(a.coordinate_mode()) || !valid_enum(a.nearest_mode()))
    return bad_node(n, "unknown mode");
  if (!std::isfinite(a.cubic_a())) return bad_node(n, "a cubic coefficient that is not finite");
  const auto scale = values_of(a.scale());
  const auto size = values_of(a.size());
  if ((!scale.empty() && scale.size() != 2) || (!size.empty() && size.size() != 2))
    return bad_node(n, "scale and size must be those of h and w");
  for (float s : scale)
    if (!std::isfinite(s) || s <= 0) return bad_node(n, "scale " + std::to_string(s));
  for (int64_t s : size)
    if (s < 1 || !fits_int(s)) return bad_node(n, "size " + text_of(s));
  if (!scale.empty() || !size.empty()) return {};
  if (!n.has_input(1)) return bad_node(n, "neither scale nor size");
  return check_type(n, m, 1, {DType::kS64});
}

Result<void> infer(Inference& inf) {
  const auto& a = inf.node.attributes<schema::Resize>();
  const Shape& in = inf.shape(0);
  if (in.rank() != 4) return inf.error("the input must have rank 4, not " + in.text());
  if (!may_fit_int(in[1]) || !may_fit_int(in[2]) || !may_fit_int(in[3]))
    return inf.error("input " + in.text() + " is too large");
  if (in[1] == 0 || in[2] == 0) return inf.error("no pixels in " + in.text());
  if (a.mode() == schema::ResizeMode::cubic && in[2] > 0 && in[3] > 0 && !fits_int(in[2] * in[3]))
    return inf.error("a row of " + in.text() + " is too large");
  const auto scale = values_of(a.scale());
  auto size = values_of(a.size());
  if (size.empty() && scale.empty()) {
    const auto known = inf.known_s64(1);
    if (!known) return known.error();
    size = *known;
    if (size.size() != 2) return inf.error("input 1 must be the sizes h and w");
  }
  Shape out = in;
  for (int d : {0, 1}) {
    const auto i = static_cast<size_t>(d);
    if (size.empty() ? in[1 + d] < 0 : size[i] == kUnknown) {
      out[1 + d] = -1;
      continue;
    }
    const float scaled = size.empty() ? std::floor(static_cast<float>(in[1 + d]) * scale[i]) : 0;
    if (scaled > 2147483000.0f) return inf.error("the output is too large");
    out[1 + d] = size.empty() ? static_cast<int64_t>(scaled) : size[i];
    if (out[1 + d] < 1 || !fits_int(out[1 + d])) return inf.error("output size " + text_of(out[1 + d]));
  }
  inf.out(0, out);
  return {};
}

Int8Rule int8(const NodeDef& n, const ModelData& m) {
  if (n.attributes<schema::Resize>().mode() == schema::ResizeMode::cubic) return {};  // gives values beyond its input's
  return same_scales(n, m);
}

struct Ratio {
  int64_t in, out;
  float scale;  // as given; 0: out / in
};

// Where output position x stands in the input. A given scale is applied in float, as ONNX Runtime does; without one x * in / out
// is exact where it is whole.
double coordinate(const Ratio& r, schema::CoordinateMode mode, int64_t x) {
  using Mode = schema::CoordinateMode;
  auto scaled = [&](double at) {
    if (r.scale > 0) return static_cast<double>(static_cast<float>(at) / r.scale);
    return at * static_cast<double>(r.in) / static_cast<double>(r.out);
  };
  const double at = static_cast<double>(x);
  switch (mode) {
    case Mode::pytorch_half_pixel:
      return r.out > 1 ? scaled(at + 0.5) - 0.5 : 0;
    case Mode::align_corners:
      return r.out > 1 ? at * static_cast<double>(r.in - 1) / static_cast<double>(r.out - 1) : 0;
    case Mode::asymmetric:
      return scaled(at);
    case Mode::tf_half_pixel_for_nn:
      return scaled(at + 0.5);
    case Mode::half_pixel_symmetric: {
      const double exact = r.scale > 0 ? double{r.scale} * static_cast<double>(r.in) : static_cast<double>(r.out);
      return static_cast<double>(r.in) / 2 * (1 - static_cast<double>(r.out) / exact) + scaled(at + 0.5) - 0.5;
    }
    case Mode::half_pixel:
      break;
  }
  return scaled(at + 0.5) - 0.5;
}

// Whole and half positions are what rounding turns on, so those that missed it by the scale's last digit are put back.
double round_nearest(schema::NearestMode mode, double x) {
  const double exact = std::nearbyint(x * 2) / 2;
  if (std::fabs(x - exact) < 2e-5) x = exact;
  switch (mode) {
    case schema::NearestMode::round_prefer_floor:
      return std::ceil(x - 0.5);
    case schema::NearestMode::round_prefer_ceil:
      return std::floor(x + 0.5);
    case schema::NearestMode::floor:
      return std::floor(x);
    case schema::NearestMode::ceil:
      break;
  }
  return std::ceil(x);
}

// For each output position its two neighbours and the second one's weight; of nearest only the first counts.
struct Table {
  std::vector<int32_t> first, second;
  std::vector<float> weight;
  std::vector<int16_t> weight11;  // in 1/2048
};

Table make_table(const schema::Resize& a, const Ratio& r) {
  Table t;
  for (int64_t x = 0; x < r.out; ++x) {
    const double last = static_cast<double>(r.in - 1);
    double at = coordinate(r, a.coordinate_mode(), x);
    if (a.mode() == schema::ResizeMode::nearest) at = round_nearest(a.nearest_mode(), at);
    at = at > 0 ? std::min(at, last) : 0;  // NaN, of extreme scales, too
    const auto first = static_cast<int32_t>(at);
    const double weight = at - first;
    t.first.push_back(first);
    t.second.push_back(std::min(first + 1, static_cast<int32_t>(r.in - 1)));
    t.weight.push_back(static_cast<float>(weight));
    t.weight11.push_back(static_cast<int16_t>(std::nearbyint(weight * 2048)));
  }
  return t;
}

// For each output position the input positions of four taps, and their weights.
struct CubicTable {
  std::vector<std::array<int32_t, 4>> tap;
  std::vector<std::array<float, 4>> weight;
};

// Keys' kernel at a distance from its centre.
double cubic(double a, double distance) {
  const double d = std::fabs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

CubicTable make_cubic_table(const schema::Resize& a, const Ratio& r) {
  CubicTable t;
  for (int64_t x = 0; x < r.out; ++x) {
    double at = coordinate(r, a.coordinate_mode(), x);
    at = at > -1 ? std::min(at, static_cast<double>(r.in)) : -1;  // NaN, of extreme scales, too
    const double first = std::floor(at) - 1;
    std::array<int32_t, 4> tap;
    std::array<double, 4> weight;
    double sum = 0;
    for (size_t i = 0; i < 4; ++i) {
      const double place = first + static_cast<double>(i), last = static_cast<double>(r.in - 1);
      tap[i] = static_cast<int32_t>(std::clamp(place, 0.0, last));
      weight[i] = a.exclude_outside() && tap[i] != place ? 0 : cubic(double{a.cubic_a()}, at - place);
      sum += weight[i];
    }
    std::array<float, 4> rounded;
    for (size_t i = 0; i < 4; ++i)
      rounded[i] = static_cast<float>(a.exclude_outside() && sum != 0 ? weight[i] / sum : weight[i]);
    t.tap.push_back(tap), t.weight.push_back(rounded);
  }
  return t;
}

// What every form of the step needs.
struct Form {
  Table y, x;
  CubicTable cubic_y, cubic_x;
  int64_t images = 0, in_h = 0, in_w = 0, out_h = 0, out_w = 0, channels = 0, in_pitch = 0, out_pitch = 0;
  size_t element = 4;
};

std::shared_ptr<const Form> make_form(const Prepare& p) {
  const auto& a = p.node->attributes<schema::Resize>();
  const Value &in = p.in(0), &out = p.out();
  const auto scale = values_of(a.scale());
  auto f = std::make_shared<Form>();
  f->images = in.shape[0], f->channels = in.shape[3];
  f->in_h = in.shape[1], f->in_w = in.shape[2], f->out_h = out.shape[1], f->out_w = out.shape[2];
  f->in_pitch = in.pitch, f->out_pitch = out.pitch;
  f->element = size_of(in.dtype);
  const Ratio y{f->in_h, f->out_h, scale.empty() ? 0 : scale[0]}, x{f->in_w, f->out_w, scale.empty() ? 0 : scale[1]};
  if (a.mode() == schema::ResizeMode::cubic)
    f->cubic_y = make_cubic_table(a, y), f->cubic_x = make_cubic_table(a, x);
  else
    f->y = make_table(a, y), f->x = make_table(a, x);
  return f;
}

// Output rows [y_begin, y_end) of an image; rows that repeat the one before are copied whole.
void nearest_rows(const Form& f, const std::byte* in, std::byte* out, int y_begin, int y_end) {
  const size_t pixel = static_cast<size_t>(f.channels) * f.element, row = static_cast<size_t>(f.out_w) * pixel;
  for (int y = y_begin; y < y_end; ++y) {
    std::byte* to = out + static_cast<size_t>(y * f.out_w * f.out_pitch) * f.element;
    const auto i = static_cast<size_t>(y);
    if (y > y_begin && f.out_pitch == f.channels && f.y.first[i] == f.y.first[i - 1]) {
      std::memcpy(to, to - row, row);
      continue;
    }
    const std::byte* from = in + static_cast<size_t>(f.y.first[i] * f.in_w * f.in_pitch) * f.element;
    for (int64_t x = 0; x < f.out_w; ++x)
      std::memcpy(to + static_cast<size_t>(x * f.out_pitch) * f.element,
                  from + static_cast<size_t>(f.x.first[static_cast<size_t>(x)] * f.in_pitch) * f.element, pixel);
  }
}

// Of output row y of an image; `out`: its first pixel that is wanted.
kernels::BilinearF32 bilinear_f32(const Form& f, const float* in, int64_t y, float* out, int64_t out_pitch) {
  const auto i = static_cast<size_t>(y);
  kernels::BilinearF32 k;
  k.channels = static_cast<int>(f.channels);
  k.upper = in + f.y.first[i] * f.in_w * f.in_pitch, k.lower = in + f.y.second[i] * f.in_w * f.in_pitch;
  k.input_pitch = f.in_pitch;
  k.wy = f.y.weight[i];
  k.x0 = f.x.first.data(), k.x1 = f.x.second.data(), k.wx = f.x.weight.data();
  k.output = out, k.output_pitch = out_pitch;
  return k;
}

void linear_rows(const Form& f, const kernels::Isa& isa, const float* in, float* out, int y_begin, int y_end) {
  for (int y = y_begin; y < y_end; ++y)
    isa.bilinear_row_f32(bilinear_f32(f, in, y, out + y * f.out_w * f.out_pitch, f.out_pitch), 0,
                         static_cast<int>(f.out_w));
}

// First the four input rows make one, then its pixels the output's: the bilinear kernel is a sum of any four rows.
void cubic_row(const Form& f, const kernels::Isa& isa, const float* in, float* out, int64_t y, float* mixed) {
  const auto i = static_cast<size_t>(y);
  const bool dense = f.in_pitch == f.channels;
  const int64_t spans = dense ? 1 : f.in_w, span = dense ? f.in_w * f.channels : f.channels;
  for (int64_t s = 0; s < spans; ++s) {
    const float* rows[4];
    for (size_t t = 0; t < 4; ++t) rows[t] = in + (f.cubic_y.tap[i][t] * f.in_w + s) * f.in_pitch;
    isa.bilinear_f32(static_cast<int>(span), rows, f.cubic_y.weight[i].data(), mixed + s * span);
  }
  for (int64_t x = 0; x < f.out_w; ++x) {
    const auto j = static_cast<size_t>(x);
    const float* pixels[4];
    for (size_t t = 0; t < 4; ++t) pixels[t] = mixed + f.cubic_x.tap[j][t] * f.channels;
    isa.bilinear_f32(static_cast<int>(f.channels), pixels, f.cubic_x.weight[j].data(),
                     out + (y * f.out_w + x) * f.out_pitch);
  }
}

void prepare_cubic(Prepare& p) {
  const auto f = make_form(p);
  const int64_t rows = f->images * f->out_h, tasks = std::min<int64_t>(rows, std::max(1, p.options.threads) * 4);
  const int64_t slice = (f->in_w * f->channels + 15) / 16 * 16;  // floats
  p.step.scratch_bytes = static_cast<size_t>(slice * tasks) * sizeof(float);
  p.step.kernel = std::string("bicubic f32 ") + p.isa.name;
  p.step.run = [=, isa = &p.isa, from = p.in(0).id, to = p.out().id](const RunContext& ctx) {
    ctx.threads.run(tasks, [&](int64_t task) {
      float* mixed = reinterpret_cast<float*>(ctx.scratch) + task * slice;
      for (int64_t r = rows * task / tasks; r < rows * (task + 1) / tasks; ++r) {
        const int64_t n = r / f->out_h;
        cubic_row(*f, *isa, ctx.data<float>(from) + n * f->in_h * f->in_w * f->in_pitch,
                  ctx.data<float>(to) + n * f->out_h * f->out_w * f->out_pitch, r % f->out_h, mixed);
      }
    });
  };
}

kernels::BilinearU8 bilinear_u8(const Form& f, const uint8_t* in, uint8_t* out) {
  kernels::BilinearU8 k;
  k.channels = static_cast<int>(f.channels), k.in_w = static_cast<int>(f.in_w), k.out_w = static_cast<int>(f.out_w);
  k.input = in, k.input_pitch = f.in_pitch;
  k.y0 = f.y.first.data(), k.y1 = f.y.second.data(), k.wy = f.y.weight11.data();
  k.x0 = f.x.first.data(), k.x1 = f.x.second.data(), k.wx = f.x.weight11.data();
  k.output = out, k.output_pitch = f.out_pitch;
  return k;
}

// The part of a row that a thread makes before the tail takes it: what stays in its first cache.
constexpr int64_t kStreamBytes = 16384;

// Bilinear rows that p.tail takes as they are made.
void prepare_streamed(Prepare& p, const std::shared_ptr<const Form>& f) {
  const bool int8 = p.int8();
  const int64_t rows = f->images * f->out_h, tasks = std::min<int64_t>(rows, std::max(1, p.options.threads) * 4);
  const int64_t bytes = f->channels * static_cast<int64_t>(f->element);  // of a pixel
  const int64_t part = int8 ? f->out_w : std::min(f->out_w, std::max<int64_t>(16, kStreamBytes / bytes / 16 * 16));
  const int64_t slice = round_up(part * bytes + kernels::kReadSlack, 64);
  p.step.scratch_bytes = static_cast<size_t>(slice * tasks);
  p.step.run = [=, tail = *p.tail, isa = &p.isa, from = p.in(0).id](const RunContext& ctx) {
    ctx.threads.run(tasks, [&](int64_t task) {
      std::byte* made = ctx.scratch + task * slice;
      for (int64_t r = rows * task / tasks; r < rows * (task + 1) / tasks; ++r) {
        const int64_t in = r / f->out_h * f->in_h * f->in_w * f->in_pitch, y = r % f->out_h;
        if (int8) {
          kernels::BilinearU8 k = bilinear_u8(*f, ctx.data<uint8_t>(from) + in, reinterpret_cast<uint8_t*>(made));
          k.y0 += y, k.y1 += y, k.wy += y, k.output_pitch = f->channels;
          isa->bilinear(k, 0, 1);
          tail(ctx, made, r * f->out_w, f->out_w);
          continue;
        }
        const auto k = bilinear_f32(*f, ctx.data<float>(from) + in, y, reinterpret_cast<float*>(made), f->channels);
        for (int64_t x = 0; x < f->out_w; x += part) {
          const int64_t end = std::min(x + part, f->out_w);
          isa->bilinear_row_f32(k, static_cast<int>(x), static_cast<int>(end));
          tail(ctx, made, r * f->out_w + x, end - x);
        }
      }
    });
  };
}

bool streams(const NodeDef& n) { return n.attributes<schema::Resize>().mode() == schema::ResizeMode::linear; }

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const auto mode = p.node->attributes<schema::Resize>().mode();
  constexpr int64_t kEntry = 2 * (sizeof(std::array<int32_t, 4>) + sizeof(std::array<float, 4>));  // vectors double
  OCTET_TRY(p.take(static_cast<size_t>((p.out().shape[1] + p.out().shape[2]) * kEntry)));
  if (mode == schema::ResizeMode::cubic) return prepare_cubic(p), Result<void>();
  const bool nearest = mode == schema::ResizeMode::nearest, int8 = p.int8();
  const auto f = make_form(p);
  p.step.kernel = nearest ? "nearest" : std::string(int8 ? "bilinear int8 " : "bilinear f32 ") + p.isa.name;
  if (p.tail) return prepare_streamed(p, f), Result<void>();
  p.step.run = [=, isa = &p.isa, from = p.in(0).id, to = p.out().id](const RunContext& ctx) {
    parallel_image_rows(
        ctx.threads, f->images, f->out_h, grain_of(f->out_w * f->channels), [&](int64_t n, int y0, int y1) {
          const int64_t in = n * f->in_h * f->in_w * f->in_pitch, out = n * f->out_h * f->out_w * f->out_pitch;
          const auto element = static_cast<int64_t>(f->element);
          if (nearest)
            return nearest_rows(*f, ctx.data<std::byte>(from) + in * element, ctx.data<std::byte>(to) + out * element,
                                y0, y1);
          if (!int8) return linear_rows(*f, *isa, ctx.data<float>(from) + in, ctx.data<float>(to) + out, y0, y1);
          isa->bilinear(bilinear_u8(*f, ctx.data<uint8_t>(from) + in, ctx.data<uint8_t>(to) + out), y0, y1);
        });
  };
  return {};
}

}  // namespace

extern const OpKind kResize;
const OpKind kResize = {.type = schema::Op::Resize,
                        .names = names,
                        .min_inputs = 1,
                        .max_inputs = 2,
                        .check = check,
                        .infer = infer,
                        .prepare = prepare,
                        .int8 = int8,
                        .streams = streams,
                        .pitched_in = true,
                        .pitched_out = true};

}  // namespace octet
