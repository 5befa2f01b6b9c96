// Float convolution by oneDNN. Where it has no fast code for a layer (rows apart, an odd activation), our own takes it.
#include <algorithm>
#include <memory>
#include <mutex>
#include <new>
#include <string_view>
#include <vector>

#include "runtime/core/onednn.h"
#include "runtime/ops/conv/algorithm.h"
#include "runtime/ops/conv/windows.h"

namespace octet::conv {
namespace {

using dnnl::algorithm;
using dnnl::memory;
using kernels::Act;
using Dims = memory::dims;

memory::desc rows_desc(int64_t n, int64_t h, int64_t w, int64_t c, int64_t pitch) {
  return {Dims{n, c, h, w}, memory::data_type::f32, Dims{h * w * pitch, 1, w * pitch, pitch}};
}

Dims weight_dims(const Geometry& g) {
  if (g.groups == 1) return {g.out, g.in, g.kernel_h, g.kernel_w};
  return {g.groups, g.out, g.in, g.kernel_h, g.kernel_w};
}

memory::desc dense_weights(const Geometry& g) {
  const int64_t depth = g.taps() * g.in;
  Dims strides{depth, 1, g.kernel_w * g.in, g.in};
  if (g.groups > 1) strides.insert(strides.begin(), g.out * depth);
  return {weight_dims(g), memory::data_type::f32, strides};
}

bool append(dnnl::post_ops& ops, const kernels::Activation& act) {
  const auto eltwise = [&](algorithm kind, float a, float b) { ops.append_eltwise(1.0f, kind, a, b); };
  switch (act.kind) {
    case Act::kNone:
      return true;
    case Act::kRelu:
      eltwise(algorithm::eltwise_relu, 0, 0);
      return true;
    case Act::kClip:
      eltwise(algorithm::eltwise_clip, act.a, act.b);
      return true;
    case Act::kSilu:
      eltwise(algorithm::eltwise_swish, 1, 0);
      return true;
    case Act::kSigmoid:
      eltwise(algorithm::eltwise_logistic, 0, 0);
      return true;
    case Act::kLeakyRelu:
      eltwise(algorithm::eltwise_relu, act.a, 0);
      return true;
    case Act::kTanh:
      eltwise(algorithm::eltwise_tanh, 0, 0);
      return true;
    case Act::kGelu:
      eltwise(algorithm::eltwise_gelu_erf, 0, 0);
      return true;
    case Act::kGeluTanh:
      eltwise(algorithm::eltwise_gelu_tanh, 0, 0);
      return true;
    case Act::kHardSigmoid:
      eltwise(algorithm::eltwise_linear, act.a, act.b);
      eltwise(algorithm::eltwise_clip, 0, 1);
      return true;
    case Act::kHardSwish:
      eltwise(algorithm::eltwise_hardswish, 0, 0);
      return act.a == 1.0f / 6 && act.b == 0.5f;  // oneDNN's own parameters
  }
  return false;
}

constexpr double kProductCycles = 1.0 / 32;  // of a product: less than our own float code takes, whatever the layer
constexpr int64_t kAfterElements = 8192;     // of a chunk that passes through the cache twice

struct Operand {
  memory mem;
  int value;       // -1: constant
  int64_t offset;  // elements
};

// A part of the output: lines of the image, or images.
struct Band {
  Geometry g;
  int64_t x_offset, y_offset;  // elements
};

// One primitive on one thread. oneDNN's own threads are OpenMP's: beside our pool's they would spin for the same cores.
struct Part {
  dnnl::stream stream;
  dnnl::convolution_forward primitive;
  memory scratch;
  size_t scratch_offset;
  std::vector<Operand> operands;
  std::vector<dnnl_exec_arg_t> args;

  // The C call: the C++ one would build a map, and so allocate, at each run.
  void run(const RunContext& c) const {
    const onednn::OneThread one_thread;
    for (const Operand& o : operands)
      if (o.value >= 0) dnnl_memory_set_data_handle(o.mem.get(), c.data<float>(o.value) + o.offset);
    dnnl_memory_set_data_handle(scratch.get(), c.scratch + scratch_offset);
    if (dnnl_primitive_execute(primitive.get(), stream.get(), static_cast<int>(args.size()), args.data()) !=
            dnnl_success ||
        dnnl_stream_wait(stream.get()) != dnnl_success)
      throw std::bad_alloc();  // what was described could be made, so nothing else is left that it may lack
  }
};

// The layouts that a layer's weights were wanted in, numbered: a description of memory is no key, but can be compared.
struct Layouts {
  mutable std::mutex mutex;
  mutable std::vector<memory::desc> seen;

  int64_t number(const memory::desc& wanted) const {
    std::lock_guard lock(mutex);
    const auto found = std::find(seen.begin(), seen.end(), wanted);
    if (found != seen.end()) return found - seen.begin();
    seen.push_back(wanted);
    return static_cast<int64_t>(seen.size()) - 1;
  }
};

struct Reordered {
  std::shared_ptr<const Layouts> layouts;  // while it lives, its number is its own
  Weights bytes;
};

struct OnednnConv {
  std::vector<Part> parts;
  std::shared_ptr<const Reordered> weights;
  std::shared_ptr<const std::vector<float>> bias;
  const kernels::Isa* isa;
  int64_t rows, channels;
  int y;
  int residual;  // -1: none
  int64_t residual_pitch;
  bool relu_after;

  void run(const RunContext& c) const {
    c.threads.run(static_cast<int64_t>(parts.size()), [&](int64_t i) { parts[static_cast<size_t>(i)].run(c); });
    if (residual < 0 && !relu_after) return;
    const int64_t grain = std::max<int64_t>(1, kAfterElements / channels);
    parallel_rows(c.threads, rows, grain, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; r += grain) after(c, r, std::min(end, r + grain));
    });
  }

  // oneDNN 2.6 repeats one pixel of a binary post-op's operand where pixels are innermost, and drops a second relu.
  void after(const RunContext& c, int64_t begin, int64_t end) const {
    float* out = c.data<float>(y) + begin * channels;
    const int64_t count = (end - begin) * channels;
    if (residual >= 0) {
      const float* add = c.data<const float>(residual) + begin * residual_pitch;
      const int64_t run = residual_pitch == channels ? count : channels;
      for (int64_t i = 0; i < count; i += run, add += residual_pitch)
        isa->binary_f32(kernels::BinaryF32::kAdd, out + i, 1, add, 1, out + i, run);
    }
    if (relu_after) isa->unary_f32(kernels::UnaryF32::kAct, {Act::kRelu}, out, out, count);
  }
};

void reorder(const Layer& layer, const memory::desc& wanted, std::byte* to) {
  const Geometry& g = layer.g;
  const int64_t depth = g.taps() * g.in;
  std::vector<float> dense(static_cast<size_t>(g.out_channels() * depth));
  for (int64_t n = 0; n < g.out_channels(); ++n) weights_f32(layer, n / g.out, n % g.out, dense.data() + n * depth);
  memory from(dense_weights(g), onednn::engine(), dense.data()), target(wanted, onednn::engine(), to);
  dnnl::stream stream(onednn::engine());
  dnnl::reorder(from, target).execute(stream, from, target);
  stream.wait();
}

std::shared_ptr<const Reordered> reordered_weights(const Layer& layer, const memory::desc& wanted) {
  Constants& constants = layer.p.model.constants;
  const auto layouts = constants.get<Layouts>(weights_key(layer, "onednn layouts"), sizeof(Layouts),
                                              [] { return std::make_shared<const Layouts>(); });
  ConstantKey key = weights_key(layer, "onednn");
  key.form = layouts->number(wanted);
  return constants.get<Reordered>(key, wanted.get_size(), [&] {
    auto memory = aligned_bytes(wanted.get_size());
    reorder(layer, wanted, memory.get());
    return std::make_shared<const Reordered>(Reordered{layouts, std::move(memory)});
  });
}

// Images or lines [begin, end) of the output and the lines of the input under them.
Band band(const Layer& layer, const Geometry& g, int64_t begin, int64_t end) {
  const int64_t x_line = g.in_w * layer.p.in(0).pitch, y_line = g.out_w * layer.p.out().pitch;
  Band b{g, 0, 0};
  if (g.batch > 1) {
    b.g.batch = end - begin;
    return {b.g, begin * g.in_h * x_line, begin * g.out_h * y_line};
  }
  const int64_t top = begin * g.stride_h - g.pad_top;
  const int64_t first = std::clamp<int64_t>(top, 0, g.in_h);
  const int64_t last =
      std::clamp<int64_t>((end - 1) * g.stride_h - g.pad_top + g.dilation_h * (g.kernel_h - 1) + 1, first, g.in_h);
  b.g.pad_top = first - top;
  b.g.in_h = last - first, b.g.out_h = end - begin;
  return {b.g, first * x_line, begin * y_line};
}

std::vector<Band> bands(const Layer& layer) {
  Geometry g = layer.g;
  if (g.taps() == 1 && g.in_h == 1 && g.out_w == g.in_w)
    std::swap(g.in_h, g.in_w), std::swap(g.out_h, g.out_w);  // matmul's rows
  const int64_t lines = g.batch > 1 ? g.batch : g.out_h,
                wanted = row_chunks(g, layer.p.options.threads) > 1 ? layer.p.options.threads : 1;
  const int64_t count = std::min(wanted, lines);
  std::vector<Band> all;
  for (int64_t i = 0; i < count; ++i) {
    all.push_back(band(layer, g, lines * i / count, lines * (i + 1) / count));
    if (all.back().g.in_h == 0) return {{g, 0, 0}};  // a band of padding only is nothing that oneDNN takes
  }
  return all;
}

dnnl::convolution_forward::primitive_desc describe(const Layer& layer, const Geometry& g,
                                                   const dnnl::primitive_attr& attr, const memory::desc& weights) {
  const auto end_pad = [](int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad) {
    return (out - 1) * stride + dilation * (kernel - 1) + 1 - in - pad;
  };
  const dnnl::convolution_forward::desc desc(
      dnnl::prop_kind::forward_inference, algorithm::convolution_direct,
      rows_desc(g.batch, g.in_h, g.in_w, g.in_channels(), layer.p.in(0).pitch), weights,
      memory::desc({g.out_channels()}, memory::data_type::f32, memory::format_tag::x),
      rows_desc(g.batch, g.out_h, g.out_w, g.out_channels(), layer.p.out().pitch), {g.stride_h, g.stride_w},
      {g.dilation_h - 1, g.dilation_w - 1}, {g.pad_top, g.pad_left},
      {end_pad(g.in_h, g.out_h, g.kernel_h, g.stride_h, g.dilation_h, g.pad_top),
       end_pad(g.in_w, g.out_w, g.kernel_w, g.stride_w, g.dilation_w, g.pad_left)});
  return {desc, attr, onednn::engine()};
}

Part make_part(const Layer& layer, const Band& b, const dnnl::convolution_forward::primitive_desc& desc,
               const OnednnConv& conv) {
  const dnnl::engine& cpu = onednn::engine();
  Part part{dnnl::stream(cpu),
            dnnl::convolution_forward(desc),
            memory(desc.scratchpad_desc(), cpu, nullptr),
            layer.p.step.scratch_bytes,
            {},
            {}};
  const auto add = [&](int arg, const memory::desc& md, int value, int64_t offset, const void* constant) {
    part.operands.push_back({memory(md, cpu, const_cast<void*>(constant)), value, offset});  // inputs are only read
    part.args.push_back({arg, part.operands.back().mem.get()});
  };
  add(DNNL_ARG_SRC, desc.src_desc(), layer.p.in(0).id, b.x_offset, nullptr);
  add(DNNL_ARG_DST, desc.dst_desc(), layer.p.out().id, b.y_offset, nullptr);
  add(DNNL_ARG_WEIGHTS, desc.weights_desc(), -1, 0, conv.weights->bytes.get());
  add(DNNL_ARG_BIAS, desc.bias_desc(), -1, 0, conv.bias->data());
  part.args.push_back({DNNL_ARG_SCRATCHPAD, part.scratch.get()});
  layer.p.step.scratch_bytes += (desc.scratchpad_desc().get_size() + 63) / 64 * 64;
  return part;
}

// The weights in oneDNN's layout, and for a while as floats in the file's order.
size_t room(const Layer& layer) {
  ConstantKey first = weights_key(layer, "onednn");
  first.form = 0;
  if (layer.p.model.constants.has(first)) return 0;
  return static_cast<size_t>(layer.g.out_channels() * layer.g.taps() * layer.g.in) * 2 * sizeof(float);
}

// Throws dnnl::error where oneDNN has no code at all.
bool prepare_or_throw(const Layer& layer) {
  Prepare& p = layer.p;
  const Geometry& g = layer.g;
  dnnl::post_ops ops;
  if (!append(ops, layer.act) || !p.out().dense()) return false;
  dnnl::primitive_attr attr;
  attr.set_post_ops(ops);
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  onednn::require_room(room(layer));
  const onednn::OneThread one_thread;
  std::vector<dnnl::convolution_forward::primitive_desc> descs;
  const std::vector<Band> all = bands(layer);
  memory::desc weights(weight_dims(g), memory::data_type::f32, memory::format_tag::any);
  for (const Band& b : all) {
    descs.push_back(describe(layer, b.g, attr, weights));
    if (std::string_view(descs.back().impl_info_str()).find("ref") != std::string_view::npos) return false;
    weights = descs.back().weights_desc();  // the other bands share the first one's
  }
  auto conv = std::make_shared<OnednnConv>();
  conv->weights = reordered_weights(layer, weights);
  conv->bias = padded_bias(p, 1, g.out_channels());
  conv->isa = &p.isa, conv->rows = g.pixels(), conv->channels = g.out_channels(), conv->y = p.out().id;
  conv->residual = layer.has_residual() ? p.in(3).id : -1;
  conv->residual_pitch = layer.has_residual() ? p.in(3).pitch : 0;
  conv->relu_after = layer.relu_after;
  p.step.scratch_bytes = 0;
  for (size_t i = 0; i < all.size(); ++i) conv->parts.push_back(make_part(layer, all[i], descs[i], *conv));
  p.step.run = [conv](const RunContext& c) { conv->run(c); };
  return true;
}

bool fits(const Layer& layer) { return !layer.p.int8() && layer.p.options.use_onednn; }

double cost(const Layer& layer) { return static_cast<double>(layer.g.macs()) * kProductCycles; }

bool prepare_onednn(const Layer& layer, Weights) {  // NOLINT(performance-unnecessary-value-param): as all of its kind
  try {
    return prepare_or_throw(layer);
  } catch (const dnnl::error& e) {
    if (e.status == dnnl_out_of_memory) throw std::bad_alloc();
    layer.p.step = {};
    return false;
  }
}

}  // namespace

extern const Algorithm kOnednn;
const Algorithm kOnednn = {
    .name = "onednn", .unit = "float", .fits = fits, .cost = cost, .room = room, .prepare = prepare_onednn};

}  // namespace octet::conv
