// Float convolution whose taps each read between pixels, at places that another tensor moves. Patches are sampled block by
// block, and the convolution's tile kernel takes them from there.
#include "runtime/ops/common.h"
#include "runtime/ops/conv/conv2d.h"

namespace octet {
namespace {

using conv::Geometry;

constexpr int kOffsets = 3, kMask = 4;       // operands
constexpr int64_t kPatchBytes = 512 << 10;   // of a block's samples: the half of an L2 that weights leave
constexpr int64_t kWeightBytes = 256 << 10;  // of the channels that pass over a block together

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"deform_conv2d", "DeformConv", "deformable_conv", "deformable_conv_v1"};
  return kNames;
}

Geometry geometry(const NodeDef& node, const Shape& weight) {
  return conv::geometry_of(node.attributes<schema::DeformConv2d>(), weight);
}

Result<void> check(const NodeDef& node, const ModelData& model) {
  const auto bad = [&](const auto&... parts) { return bad_node(node, error(Code::kBadModel, parts...).text); };
  const auto& a = node.attributes<schema::DeformConv2d>();
  if (!node.has_input(kOffsets)) return bad("no offsets");
  for (int i : {0, kOffsets, kMask})
    if (node.has_input(i)) OCTET_TRY(check_type(node, model, i, {DType::kF32}));
  const TensorDef& weight = model.input(node, 1);
  if (weight.dtype != DType::kF32) return bad("weights of type ", name_of(weight.dtype));
  if (const std::string wrong = conv::check_window(a, weight.shape); !wrong.empty()) return bad(wrong);
  const Geometry g = geometry(node, weight.shape);
  for (const std::string& wrong : {conv::check_weights(g, weight), conv::check_bias(node, model, g.out_channels())})
    if (!wrong.empty()) return bad(wrong);
  if (a.offset_groups() < 1 || g.in_channels() % a.offset_groups())
    return bad(g.in_channels(), " input channels in ", a.offset_groups(), " groups of offsets");
  return {};
}

Result<void> check_data(const NodeDef& node, const ModelData& model) {
  const TensorDef& weight = model.input(node, 1);
  const std::string wrong = conv::check_weight_values(geometry(node, weight.shape), weight);
  if (!wrong.empty()) return bad_node(node, wrong);
  return {};
}

Result<void> infer(Inference& i) {
  const auto& a = i.node.attributes<schema::DeformConv2d>();
  const Shape& x = i.shape(0);
  const Geometry g = geometry(i.node, i.shape(1));
  if (x.rank() != 4 || !may_equal(x[3], g.in_channels()))
    return i.error("input " + x.text() + " for weights " + i.shape(1).text() + " in " + text_of(g.groups) + " groups");
  const int64_t h = conv::out_size(x[1], a.pad_top() + a.pad_bottom(), g.kernel_h, g.stride_h, g.dilation_h);
  const int64_t w = conv::out_size(x[2], a.pad_left() + a.pad_right(), g.kernel_w, g.stride_w, g.dilation_w);
  if (x[1] == 0 || x[2] == 0 || h == 0 || w == 0)
    return i.error("input " + x.text() + " is smaller than the window of weights " + i.shape(1).text() +
                   ", even padded");
  constexpr int64_t kMaxSide = 1 << 24;  // whole numbers that a float can hold: places are floats
  if (std::max(x[1], x[2]) > kMaxSide || std::max(h, w) > kMaxSide)
    return i.error("input " + x.text() + " is too large");
  const int64_t taps = a.offset_groups() * g.taps();
  for (auto [operand, channels] : {std::pair{kOffsets, 2 * taps}, std::pair{kMask, taps}}) {
    if (!i.node.has_input(operand)) continue;
    const Shape &given = i.shape(operand), wanted{x[0], h, w, channels};
    bool fits = given.rank() == 4;
    for (int d = 0; fits && d < 4; ++d) fits = may_equal(given[d], wanted[d]);
    if (!fits)
      return i.error(std::string(operand == kMask ? "mask " : "offsets ") + given.text() + ", expected " +
                     wanted.text());
  }
  i.out(0, {x[0], h, w, g.out_channels()});
  return {};
}

struct DeformConv {
  Geometry g;
  int64_t offset_groups, channels;  // channels: of an offset group
  int64_t tile, block, tasks;       // pixels of a tile and of a block, a multiple of that
  int64_t unit;                     // output channels that pass together
  conv::Weights weights;
  std::shared_ptr<const std::vector<float>> bias;  // [group][padded out]
  kernels::ConvTileF32 form;
  int x, offsets, mask, y;
  int64_t x_pitch, offset_pitch, mask_pitch;
  std::vector<float> zeros;  // what is outside
  const kernels::Isa* isa;

  int64_t patch_floats() const { return round_up(g.taps() * block * g.in_channels() + kernels::kReadSlack, 16); }
  size_t slice_bytes() const {
    return static_cast<size_t>(round_up(g.taps() * tile * static_cast<int64_t>(sizeof(float*)), 64) +
                               patch_floats() * static_cast<int64_t>(sizeof(float)));
  }

  void run(const RunContext& c) const {
    const int64_t blocks = (g.pixels() + block - 1) / block;
    c.threads.run(tasks, [&](int64_t task) {
      std::byte* scratch = c.scratch + static_cast<size_t>(task) * slice_bytes();
      auto* patch = reinterpret_cast<float*>(scratch);
      auto* pointers = reinterpret_cast<const float**>(scratch + static_cast<size_t>(patch_floats()) * sizeof(float));
      for (int64_t b = blocks * task / tasks; b < blocks * (task + 1) / tasks; ++b) {
        const int64_t first = b * block, count = std::min(block, g.pixels() - first);
        for (int64_t i = 0; i < count; ++i) sample(c, first + i, patch + i * g.in_channels());
        multiply(c, first, count, patch, pointers);
      }
    });
  }

  // All taps of an output pixel: patch[tap][block][channel].
  void sample(const RunContext& c, int64_t pixel, float* patch) const {
    const int64_t column = pixel % g.out_w, line = pixel / g.out_w % g.out_h, image = pixel / (g.out_w * g.out_h);
    const float* from = c.data<const float>(x) + image * g.in_h * g.in_w * x_pitch;
    const float* moves = c.data<const float>(offsets) + pixel * offset_pitch;
    const float* factor = mask < 0 ? nullptr : c.data<const float>(mask) + pixel * mask_pitch;
    for (int64_t group = 0; group < offset_groups; ++group)
      for (int64_t ky = 0; ky < g.kernel_h; ++ky)
        for (int64_t kx = 0; kx < g.kernel_w; ++kx) {
          const int64_t tap = ky * g.kernel_w + kx, place = group * g.taps() + tap;
          const float top = static_cast<float>(line * g.stride_h - g.pad_top + ky * g.dilation_h);
          const float left = static_cast<float>(column * g.stride_w - g.pad_left + kx * g.dilation_w);
          read(from + group * channels, top + moves[2 * place], left + moves[2 * place + 1],
               factor ? factor[place] : 1.0f, patch + tap * block * g.in_channels() + group * channels);
        }
  }

  void read(const float* image, float row, float column, float factor, float* out) const {
    const float h = static_cast<float>(g.in_h), w = static_cast<float>(g.in_w);
    if (!(row > -1 && row < h && column > -1 && column < w)) {  // nor where a place is no number
      std::fill_n(out, channels, 0.0f);
      return;
    }
    const float top = std::floor(row), left = std::floor(column), dy = row - top, dx = column - left;
    const auto r = static_cast<int64_t>(top), l = static_cast<int64_t>(left);
    const auto pixel = [&](int64_t at_row, int64_t at_column) {
      const bool inside = at_row >= 0 && at_row < g.in_h && at_column >= 0 && at_column < g.in_w;
      return inside ? image + (at_row * g.in_w + at_column) * x_pitch : zeros.data();
    };
    const float* const corners[4] = {pixel(r, l), pixel(r, l + 1), pixel(r + 1, l), pixel(r + 1, l + 1)};
    const float weight[4] = {(1 - dy) * (1 - dx) * factor, (1 - dy) * dx * factor, dy * (1 - dx) * factor,
                             dy * dx * factor};
    isa->bilinear_f32(static_cast<int>(channels), corners, weight, out);
  }

  void multiply(const RunContext& c, int64_t first, int64_t count, const float* patch, const float** pointers) const {
    const int64_t padded = round_up(g.out, kernels::kBlock), depth = g.taps() * g.in;
    kernels::ConvTileF32 t = form;
    t.input = pointers;
    for (int64_t group = 0; group < g.groups; ++group)
      for (int64_t channel = 0; channel < g.out; channel += unit) {
        t.weights = reinterpret_cast<const float*>(weights.get()) + (group * padded + channel) * depth;
        t.bias = bias->data() + group * padded + channel;
        t.channels = static_cast<int>(std::min(unit, g.out - channel));
        for (int64_t i = 0; i < count; i += tile) {
          t.rows = static_cast<int>(std::min(tile, count - i));
          for (int64_t tap = 0; tap < g.taps(); ++tap)
            for (int64_t r = 0; r < t.rows; ++r)
              pointers[tap * t.rows + r] = patch + (tap * block + i + r) * g.in_channels() + group * g.in;
          t.output = c.data<float>(y) + (first + i) * t.output_pitch + group * g.out + channel;
          isa->conv_tile_f32(t);
        }
      }
  }
};

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const Shape &x = p.in(0).shape, &y = p.out().shape;
  conv::Layer layer{p, geometry(*p.node, p.tensor(1).shape), {}};
  Geometry& g = layer.g;
  g.batch = x[0], g.in_h = x[1], g.in_w = x[2], g.out_h = y[1], g.out_w = y[2];
  const int64_t offset_groups = p.node->attributes<schema::DeformConv2d>().offset_groups();
  const int64_t tile = p.isa.conv_rows_f32, row_bytes = g.taps() * g.in_channels() * int64_t{sizeof(float)};
  const int64_t tiles = std::clamp<int64_t>(kPatchBytes / (row_bytes * tile), 1, (g.pixels() + tile - 1) / tile);
  const int64_t channel_bytes = g.taps() * g.in * int64_t{sizeof(float)};
  DeformConv job{.g = g,
                 .offset_groups = offset_groups,
                 .channels = g.in_channels() / offset_groups,
                 .tile = tile,
                 .block = tiles * tile,
                 .tasks = 1,
                 .unit = std::max<int64_t>(64, kWeightBytes / channel_bytes / 64 * 64),
                 .weights = conv::packed_weights(layer, conv::kBlocksF32),
                 .bias = conv::padded_bias(p, g.groups, g.out),
                 .form = {},
                 .x = p.in(0).id,
                 .offsets = p.in(kOffsets).id,
                 .mask = p.has_in(kMask) ? p.in(kMask).id : -1,
                 .y = p.out().id,
                 .x_pitch = p.in(0).pitch,
                 .offset_pitch = p.in(kOffsets).pitch,
                 .mask_pitch = p.has_in(kMask) ? p.in(kMask).pitch : 0,
                 .zeros = std::vector<float>(static_cast<size_t>(g.in_channels() + kernels::kReadSlack)),
                 .isa = &p.isa};
  job.form.taps = static_cast<int>(g.taps());
  job.form.in_channels = static_cast<int>(g.in);
  job.form.output_pitch = p.out().pitch;
  if (p.options.threads > 1 && g.macs() >= kMacsForThreads) {
    job.block = std::min(job.block, round_up((g.pixels() - 1) / (p.options.threads * 4) + 1, tile));
    job.tasks = std::min<int64_t>(p.options.threads * 4, (g.pixels() - 1) / job.block + 1);
  }
  p.step.macs = p.step.products = g.macs();
  p.step.unit = "float";
  p.step.scratch_bytes = job.slice_bytes() * static_cast<size_t>(job.tasks);
  p.step.kernel = std::string("deformable conv f32 ") + p.isa.name;
  p.step.run = [job = std::make_shared<const DeformConv>(std::move(job))](const RunContext& c) { job->run(c); };
  return {};
}

}  // namespace

extern const OpKind kDeformConv2d;
const OpKind kDeformConv2d = {.type = schema::Op::DeformConv2d,
                              .names = names,
                              .min_inputs = 2,
                              .max_inputs = 5,
                              .check = check,
                              .infer = infer,
                              .prepare = prepare,
                              .check_data = check_data,
                              .pitched_in = true,
                              .pitched_out = true};

}  // namespace octet
