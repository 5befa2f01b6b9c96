// Max and average pooling over windows of an NHWC image, or over all of it.
#include "runtime/ops/common.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef& n) {
  static constexpr std::string_view kMax[] = {"pool2d", "MaxPool", "GlobalMaxPool", "max_pool2d_with_index"};
  static constexpr std::string_view kAverage[] = {"pool2d", "AveragePool", "GlobalAveragePool"};
  return n.attributes<schema::Pool2d>().kind() == schema::PoolKind::max ? std::span<const std::string_view>(kMax)
                                                                        : kAverage;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  const auto& a = n.attributes<schema::Pool2d>();
  OCTET_TRY(check_type(n, m, 0, {DType::kF32}));
  if (!valid_enum(a.kind())) return bad_node(n, "unknown kind of pooling");
  auto within = [](int v, int low) { return v >= low && v <= 1 << 15; };
  if (!a.global() && (!within(a.kernel_h(), 1) || !within(a.kernel_w(), 1)))
    return bad_node(n, "window " + text_of(a.kernel_h()) + " x " + text_of(a.kernel_w()));
  if (!within(a.stride_h(), 1) || !within(a.stride_w(), 1)) return bad_node(n, "stride out of range");
  if (!within(a.dilation_h(), 1) || !within(a.dilation_w(), 1)) return bad_node(n, "dilation out of range");
  for (int pad : {a.pad_top(), a.pad_left(), a.pad_bottom(), a.pad_right()})
    if (!within(pad, 0)) return bad_node(n, "padding " + text_of(pad));
  return {};
}

struct Extent {
  int64_t in, kernel, stride, before, after, dilation;
};

constexpr int64_t kOnlyPadding = -2;

// Windows along one dim, 0 where none fits, -1 where the size is unknown.
int64_t windows(const Extent& e, bool ceil_mode) {
  const int64_t reach = (e.kernel - 1) * e.dilation + 1, room = e.in + e.before + e.after - reach;
  if (e.before >= reach || (e.after >= reach && (room >= 0 || e.in < 0))) return kOnlyPadding;
  if (e.in < 0) return -1;
  if (room < 0 || e.in < 1) return 0;
  int64_t out = (room + (ceil_mode ? e.stride - 1 : 0)) / e.stride + 1;
  if (ceil_mode && (out - 1) * e.stride >= e.in + e.before) --out;  // it would start in the padding after the image
  return out;
}

Result<void> infer(Inference& inf) {
  const auto& a = inf.node.attributes<schema::Pool2d>();
  const Shape& in = inf.shape(0);
  if (in.rank() != 4) return inf.error("the input must have rank 4, not " + in.text());
  if (!may_fit_int(in[1]) || !may_fit_int(in[2]) || !may_fit_int(in[3]))
    return inf.error("input " + in.text() + " is too large");
  int64_t h = 1, w = 1;
  if (a.adaptive() && !a.global()) {
    h = a.kernel_h(), w = a.kernel_w();
    if (in[1] == 0 || in[2] == 0) return inf.error("no pixels in " + in.text());
  } else if (!a.global()) {
    h = windows({in[1], a.kernel_h(), a.stride_h(), a.pad_top(), a.pad_bottom(), a.dilation_h()}, a.ceil_mode());
    w = windows({in[2], a.kernel_w(), a.stride_w(), a.pad_left(), a.pad_right(), a.dilation_w()}, a.ceil_mode());
    if (h == kOnlyPadding || w == kOnlyPadding) return inf.error("padding as large as the window");
  } else if (in[1] == 0 || in[2] == 0) {
    return inf.error("no pixels in " + in.text());
  }
  if (h == 0 || w == 0) return inf.error("the window does not fit into " + in.text());
  // Sums of u8 stay below 2^31.
  int64_t taps = int64_t{a.kernel_h()} * a.kernel_w();
  if (a.global())
    taps = in[1] * in[2];
  else if (a.adaptive())
    taps = (in[1] / h + 2) * (in[2] / w + 2);
  if (taps > (1 << 23)) return inf.error("a window of " + text_of(taps) + " pixels is too large");
  inf.out(0, {in[0], h, w, in[3]});
  return {};
}

Int8Rule int8(const NodeDef& n, const ModelData& m) {
  if (n.attributes<schema::Pool2d>().kind() == schema::PoolKind::max) return same_scales(n, m);
  return {.kind = Int8Rule::Kind::kOwn};
}

kernels::Pool geometry(const Prepare& p) {
  const auto& a = p.node->attributes<schema::Pool2d>();
  const Value &in = p.in(0), &out = p.out();
  kernels::Pool g;
  g.in_h = static_cast<int>(in.shape[1]), g.in_w = static_cast<int>(in.shape[2]);
  g.out_h = static_cast<int>(out.shape[1]), g.out_w = static_cast<int>(out.shape[2]);
  g.channels = static_cast<int>(in.shape[3]);
  g.input_pitch = in.pitch, g.output_pitch = out.pitch;
  g.kernel_h = a.global() ? g.in_h : a.kernel_h(), g.kernel_w = a.global() ? g.in_w : a.kernel_w();
  if (a.global()) return g;
  if (a.adaptive()) {
    g.kernel_h = g.stride_h = std::max(g.in_h / g.out_h, 1), g.kernel_w = g.stride_w = std::max(g.in_w / g.out_w, 1);
    return g;
  }
  g.stride_h = a.stride_h(), g.stride_w = a.stride_w();
  g.dilation_h = a.dilation_h(), g.dilation_w = a.dilation_w();
  g.pad_top = a.pad_top(), g.pad_left = a.pad_left();
  return g;
}

// Whether the windows of an adaptive pool differ in size or distance.
bool has_bins(const Prepare& p) {
  const auto& a = p.node->attributes<schema::Pool2d>();
  const Shape& in = p.in(0).shape;
  return a.adaptive() && !a.global() && (in[1] % a.kernel_h() || in[2] % a.kernel_w());
}

// Calls body for each window of an adaptive pool, which becomes a pool of one window that starts inside the image.
template <class F>
void for_bins(Threads& threads, int64_t images, const kernels::Pool& g, const F& body) {
  const int64_t all = int64_t{g.out_h} * g.out_w;
  parallel_rows(threads, images * all, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t n = i / all, y = i % all / g.out_w, x = i % g.out_w;
      auto first = [](int64_t bin, int64_t in, int64_t out) { return static_cast<int>(bin * in / out); };
      auto last = [](int64_t bin, int64_t in, int64_t out) {
        return static_cast<int>(((bin + 1) * in + out - 1) / out);
      };
      kernels::Pool bin = g;
      const int top = first(y, g.in_h, g.out_h), left = first(x, g.in_w, g.out_w);
      bin.pad_top = -top, bin.pad_left = -left;
      bin.kernel_h = last(y, g.in_h, g.out_h) - top, bin.kernel_w = last(x, g.in_w, g.out_w) - left;
      bin.out_h = bin.out_w = 1;
      body(bin, 0, n * g.in_h * g.in_w * g.input_pitch, i * g.output_pitch, 0, 1);
    }
  });
}

// Calls body(pool, first channel, offset in, offset out, y_begin, y_end) for parts of the output: some rows, or some channels
// where there are fewer rows than threads.
template <class F>
void for_parts(Threads& threads, int64_t images, const kernels::Pool& g, bool bins, const F& body) {
  if (bins) return for_bins(threads, images, g, body);
  constexpr int kChannels = 64;
  const bool by_channels = images * g.out_h < threads.count() && g.channels > kChannels;
  const int64_t work = int64_t{g.kernel_h} * g.kernel_w * g.out_w * g.channels;
  const int64_t blocks = by_channels ? (g.channels + kChannels - 1) / kChannels : 1;
  auto rows = [&](int64_t n, int64_t block, int y_begin, int y_end) {
    kernels::Pool part = g;
    const int first = static_cast<int>(block) * kChannels;
    if (by_channels) part.channels = std::min(kChannels, g.channels - first);
    body(part, first, n * g.in_h * g.in_w * g.input_pitch + first, n * g.out_h * g.out_w * g.output_pitch + first,
         y_begin, y_end);
  };
  if (!by_channels) {
    parallel_image_rows(threads, images, g.out_h, grain_of(work),
                        [&](int64_t n, int y0, int y1) { rows(n, 0, y0, y1); });
    return;
  }
  for (int64_t n = 0; n < images; ++n)
    parallel_rows(threads, blocks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) rows(n, b, 0, g.out_h);
    });
}

struct AverageArrays {
  std::vector<float> multiplier;
  std::vector<int32_t> zero_in, zero_out;
};

void prepare_average_u8(Prepare& p, const kernels::Pool& g, bool count_include_pad) {
  const Quant &qi = p.in(0).quant, &qo = p.out().quant;
  auto arrays = std::make_shared<AverageArrays>();
  arrays->multiplier = per_channel<float>(g.channels, [&](int64_t c) { return qi.scale_at(c) / qo.scale_at(c); });
  arrays->zero_in = per_channel<int32_t>(g.channels, [&](int64_t c) { return qi.zero_at(c); });
  arrays->zero_out = per_channel<int32_t>(g.channels, [&](int64_t c) { return qo.zero_at(c); });
  p.step.kernel = std::string("average_pool int8 ") + p.isa.name;
  p.step.run = [=, isa = &p.isa, in = p.in(0).id, out = p.out().id, images = p.in(0).shape[0],
                bins = has_bins(p)](const RunContext& ctx) {
    for_parts(ctx.threads, images, g, bins,
              [&](const kernels::Pool& part, int c, int64_t from, int64_t to, int y0, int y1) {
                const kernels::AveragePool a{part, count_include_pad, arrays->multiplier.data() + c,
                                             arrays->zero_in.data() + c, arrays->zero_out.data() + c};
                isa->average_pool(a, ctx.data<uint8_t>(in) + from, ctx.data<uint8_t>(out) + to, y0, y1);
              });
  };
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const auto& a = p.node->attributes<schema::Pool2d>();
  const kernels::Pool g = geometry(p);
  const bool max = a.kind() == schema::PoolKind::max, include = a.count_include_pad();
  if (p.int8() && !max) return prepare_average_u8(p, g, include), Result<void>();
  p.step.kernel = std::string(max ? "max_pool " : "average_pool ") + (p.int8() ? "int8 " : "f32 ") + p.isa.name;
  p.step.run = [=, isa = &p.isa, int8 = p.int8(), in = p.in(0).id, out = p.out().id, images = p.in(0).shape[0],
                bins = has_bins(p)](const RunContext& ctx) {
    for_parts(ctx.threads, images, g, bins,
              [&](const kernels::Pool& part, int, int64_t from, int64_t to, int y0, int y1) {
                if (int8) return isa->max_pool(part, ctx.data<uint8_t>(in) + from, ctx.data<uint8_t>(out) + to, y0, y1);
                const float* x = ctx.data<float>(in) + from;
                float* y = ctx.data<float>(out) + to;
                if (max)
                  isa->max_pool_f32(part, x, y, y0, y1);
                else
                  isa->average_pool_f32(part, include, x, y, y0, y1);
              });
  };
  return {};
}

}  // namespace

extern const OpKind kPool2d;
const OpKind kPool2d = {.type = schema::Op::Pool2d,
                        .names = names,
                        .min_inputs = 1,
                        .max_inputs = 1,
                        .check = check,
                        .infer = infer,
                        .prepare = prepare,
                        .int8 = int8,
                        .pitched_in = true,
                        .pitched_out = true};

}  // namespace octet
