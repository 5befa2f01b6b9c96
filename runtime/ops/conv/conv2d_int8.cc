// int8 convolution: implicit GEMM over windows of u8 pixels, and depthwise.
#include <cstddef>

#include "runtime/ops/conv/conv2d.h"
#include "runtime/ops/conv/conv2d_windows.h"

namespace octet::conv {
namespace {

constexpr int64_t kMergeQuads = 16;  // more channels than this: inner loops are long enough as they are

// Memory of the file, which outlives every session.
std::shared_ptr<const std::byte> unowned(const std::byte* data) { return {std::shared_ptr<const std::byte>(), data}; }

// Everything a run of a layer reads, made when preparing.
struct Int8Conv {
  Geometry g;
  Windows<uint8_t> windows;
  schema::PackedShape packed;  // as the kernel sees it
  std::shared_ptr<const std::byte> weights;
  std::shared_ptr<EpilogueArrays> epilogue;
  kernels::ConvTile tile;  // what all tiles share
  Cut cut;
  int x, y, residual;  // value ids
  size_t y_element;
  void (*kernel)(const kernels::ConvTile&);
  size_t slice_bytes;  // of scratch, a task

  void run(const RunContext& c) const {
    for_each_unit(c.threads, cut, g,
                  [&](int64_t task, int64_t group, int64_t channel, int64_t channels, int64_t begin, int64_t end) {
                    std::byte* scratch = c.scratch + static_cast<size_t>(task) * slice_bytes;
                    auto* pointers = reinterpret_cast<const uint8_t**>(scratch);
                    auto* patch =
                        reinterpret_cast<uint8_t*>(scratch + windows.pointer_bytes(static_cast<int>(cut.tile)));
                    kernels::ConvTile t = tile;
                    t.input = pointers;
                    t.weights = reinterpret_cast<const int8_t*>(weights.get()) + group * packed.group_bytes() +
                                channel / kernels::kBlock * (packed.taps * packed.quads() * 64);
                    t.channels = static_cast<int>(channels);
                    t.epilogue = epilogue->at(group, channel);
                    const int64_t first = group * g.out + channel;
                    auto cursor = windows.at(begin);
                    for (int64_t pixel = begin; pixel < end; pixel += t.rows) {
                      t.rows = static_cast<int>(std::min(cut.tile, end - pixel));
                      windows.gather(c.data<const uint8_t>(x), group * g.in, cursor, t.rows, pointers, patch);
                      t.output = c.data<std::byte>(y) + static_cast<size_t>(pixel * t.output_pitch + first) * y_element;
                      if (residual >= 0)
                        t.residual = c.data<const uint8_t>(residual) + pixel * t.residual_pitch + first;
                      kernel(t);
                    }
                  });
  }
};

bool may_merge(const Geometry& g, int64_t pitch) {
  return g.groups == 1 && g.kernel_w > 1 && g.dilation_w == 1 && pitch <= kMergeQuads * kernels::kGroup;
}

// The weights of merged runs over dense pixels of, say, 3 channels: a window's row is one tap.
std::shared_ptr<const std::byte> pack_rows(const Layer& layer, const schema::PackedShape& shape) {
  const std::string key = std::to_string(layer.weight_tensor()) + "/rows";
  return layer.p.model.packs.get(key, static_cast<size_t>(shape.bytes()), [&](std::byte* to) {
    const int64_t depth = shape.taps * shape.in;
    std::vector<int8_t> dense(static_cast<size_t>(shape.out * depth));
    for (int64_t n = 0; n < shape.out; ++n) weights_s8(layer.g, layer.p.tensor(1), 0, n, dense.data() + n * depth);
    schema::pack_conv_s8(shape, dense.data(), reinterpret_cast<int8_t*>(to));
  });
}

}  // namespace

void prepare_int8(const Layer& layer) {
  Prepare& p = layer.p;
  const Geometry g = flattened(layer.g);
  const Value& x = p.in(0);
  schema::PackedShape packed = packed_shape(g);
  auto weights = unowned(p.tensor(1).data);
  const bool in_place = may_merge(g, x.pitch) && x.pitch == packed.quads() * kernels::kGroup;
  const bool repacked = may_merge(g, x.pitch) && x.pitch == g.in && !in_place;
  const bool merged = in_place || repacked;
  if (merged) packed = {1, g.out, g.kernel_h, g.kernel_w * x.pitch};
  if (repacked) weights = pack_rows(layer, packed);
  const int rows = p.isa.conv_rows;
  Int8Conv conv{g,
                Windows<uint8_t>(g, x.pitch, merged, zero_pixels(x, merged ? g.kernel_w : 1)),
                packed,
                std::move(weights),
                make_epilogue(layer),
                {},
                cut(g, p.options.threads, rows, packed.taps * packed.quads() * kernels::kGroup),
                x.id,
                p.out().id,
                layer.has_residual() ? p.in(3).id : -1,
                size_of(p.out().dtype),
                p.isa.conv_tile,
                0};
  conv.tile.taps = static_cast<int>(packed.taps);
  conv.tile.groups = static_cast<int>(packed.quads());
  conv.tile.output_pitch = p.out().pitch;
  if (layer.has_residual()) conv.tile.residual_pitch = p.in(3).pitch;
  conv.slice_bytes =
      static_cast<size_t>(round_up(conv.windows.pointer_bytes(rows) + conv.windows.patch_elements(rows), 64));
  p.step.scratch_bytes = conv.slice_bytes * static_cast<size_t>(conv.cut.tasks());
  p.step.kernel = std::string(layer.label) + " int8 " + p.isa.name;
  p.step.run = [conv = std::make_shared<const Int8Conv>(std::move(conv))](const RunContext& context) {
    conv->run(context);
  };
}

namespace {

struct Int8Depthwise {
  Geometry g;
  kernels::Depthwise d;  // what all images share
  std::vector<uint8_t> zero;
  std::shared_ptr<const std::byte> weights;
  std::shared_ptr<EpilogueArrays> epilogue;
  int x, y, residual;
  size_t y_element;
  int64_t chunks;  // of an image's rows
  void (*kernel)(const kernels::Depthwise&, int, int);

  void run(const RunContext& c) const {
    c.threads.run(g.batch * chunks, [&](int64_t task) {
      const int64_t image = task / chunks, part = task % chunks;
      kernels::Depthwise one = d;
      one.zero_row = zero.data();
      one.weights = reinterpret_cast<const int8_t*>(weights.get());
      one.epilogue = epilogue->at(0, 0);
      const int64_t first = image * g.out_h * g.out_w;
      one.input = c.data<const uint8_t>(x) + image * g.in_h * g.in_w * d.input_pitch;
      one.output = c.data<std::byte>(y) + static_cast<size_t>(first * d.output_pitch) * y_element;
      if (residual >= 0) one.residual = c.data<const uint8_t>(residual) + first * d.residual_pitch;
      kernel(one, static_cast<int>(g.out_h * part / chunks), static_cast<int>(g.out_h * (part + 1) / chunks));
    });
  }
};

// The file's [channel][tap] turned into the kernel's own order.
std::shared_ptr<const std::byte> pack_depthwise(const Layer& layer) {
  const Geometry& g = layer.g;
  const kernels::Isa& isa = layer.p.isa;
  const int h = static_cast<int>(g.kernel_h), w = static_cast<int>(g.kernel_w), channels = static_cast<int>(g.groups);
  const std::string key = std::to_string(layer.weight_tensor()) + "/depthwise/" + isa.name;
  return layer.p.model.packs.get(key, isa.depthwise_packed_bytes(h, w, channels), [&](std::byte* to) {
    const auto from = layer.p.tensor(1).values<int8_t>();
    std::vector<int8_t> turned(from.size());
    for (int64_t c = 0; c < g.groups; ++c)
      for (int64_t t = 0; t < g.taps(); ++t)
        turned[static_cast<size_t>(t * g.groups + c)] = from[static_cast<size_t>(c * g.taps() + t)];
    isa.depthwise_pack(turned.data(), h, w, channels, reinterpret_cast<int8_t*>(to));
  });
}

}  // namespace

void prepare_depthwise_int8(const Layer& layer) {
  Prepare& p = layer.p;
  const Geometry& g = layer.g;
  auto d = window_of<kernels::Depthwise>(g);
  d.input_pitch = p.in(0).pitch, d.output_pitch = p.out().pitch;
  if (layer.has_residual()) d.residual_pitch = p.in(3).pitch;
  Int8Depthwise depthwise{g,
                          d,
                          zero_pixels(p.in(0), 1),
                          pack_depthwise(layer),
                          make_epilogue(layer),
                          p.in(0).id,
                          p.out().id,
                          layer.has_residual() ? p.in(3).id : -1,
                          size_of(p.out().dtype),
                          row_chunks(g, p.options.threads),
                          p.isa.depthwise};
  p.step.kernel = std::string("depthwise int8 ") + p.isa.name;
  p.step.run = [depthwise = std::make_shared<const Int8Depthwise>(std::move(depthwise))](const RunContext& context) {
    depthwise->run(context);
  };
}

}  // namespace octet::conv
