// Float convolution by oneDNN. Where it has no fast code for a layer (rows apart, an odd activation), our own takes it.
#include <algorithm>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "runtime/onednn.h"
#include "runtime/ops/conv2d.h"

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
    case Act::kNone: return true;
    case Act::kRelu: eltwise(algorithm::eltwise_relu, 0, 0); return true;
    case Act::kClip: eltwise(algorithm::eltwise_clip, act.a, act.b); return true;
    case Act::kSilu: eltwise(algorithm::eltwise_swish, 1, 0); return true;
    case Act::kSigmoid: eltwise(algorithm::eltwise_logistic, 0, 0); return true;
    case Act::kLeakyRelu: eltwise(algorithm::eltwise_relu, act.a, 0); return true;
    case Act::kTanh: eltwise(algorithm::eltwise_tanh, 0, 0); return true;
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

constexpr int64_t kAfterElements = 8192;  // of a chunk that passes through the cache twice

struct Operand {
  memory mem;
  int value;  // -1: constant
};

struct OnednnConv {
  dnnl::stream stream;
  dnnl::convolution_forward primitive;
  memory scratch;
  std::vector<Operand> operands;
  std::vector<dnnl_exec_arg_t> args;
  std::shared_ptr<const std::byte> weights;
  std::vector<float> bias;
  int threads;
  const kernels::Isa* isa;
  int64_t rows, channels;
  int y;
  int residual;                // -1: none
  int64_t residual_pitch;
  bool relu_after;

  // The C call: the C++ one would build a map, and so allocate, at each run.
  void run(const RunContext& c) const {
    onednn::use_threads(threads);
    for (const Operand& o : operands)
      if (o.value >= 0) dnnl_memory_set_data_handle(o.mem.get(), c.data<void>(o.value));
    dnnl_memory_set_data_handle(scratch.get(), c.scratch);
    dnnl_primitive_execute(primitive.get(), stream.get(), static_cast<int>(args.size()), args.data());
    dnnl_stream_wait(stream.get());
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

std::shared_ptr<const std::byte> reordered_weights(const Layer& layer, const memory::desc& wanted) {
  const Geometry& g = layer.g;
  const std::string_view layout(reinterpret_cast<const char*>(&wanted.data), sizeof(wanted.data));
  const std::string key = std::to_string(layer.weight_tensor()) + "/onednn/" + std::to_string(std::hash<std::string_view>()(layout));
  return layer.p.model.packs.get(key, wanted.get_size(), [&](std::byte* to) {
    const int64_t depth = g.taps() * g.in;
    std::vector<float> dense(static_cast<size_t>(g.out_channels() * depth));
    for (int64_t n = 0; n < g.out_channels(); ++n) weights_f32(layer, n / g.out, n % g.out, dense.data() + n * depth);
    memory from(dense_weights(g), onednn::engine(), dense.data()), target(wanted, onednn::engine(), to);
    dnnl::stream stream(onednn::engine());
    dnnl::reorder(from, target).execute(stream, from, target);
    stream.wait();
  });
}

dnnl::convolution_forward::primitive_desc describe(const Layer& layer, const dnnl::primitive_attr& attr) {
  const Geometry& g = layer.g;
  const auto end_pad = [](int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad) {
    return (out - 1) * stride + dilation * (kernel - 1) + 1 - in - pad;
  };
  const dnnl::convolution_forward::desc desc(
      dnnl::prop_kind::forward_inference, algorithm::convolution_direct,
      rows_desc(g.batch, g.in_h, g.in_w, g.in_channels(), layer.p.in(0).pitch),
      memory::desc(weight_dims(g), memory::data_type::f32, memory::format_tag::any),
      memory::desc({g.out_channels()}, memory::data_type::f32, memory::format_tag::x),
      rows_desc(g.batch, g.out_h, g.out_w, g.out_channels(), layer.p.out().pitch), {g.stride_h, g.stride_w},
      {g.dilation_h - 1, g.dilation_w - 1}, {g.pad_top, g.pad_left},
      {end_pad(g.in_h, g.out_h, g.kernel_h, g.stride_h, g.dilation_h, g.pad_top),
       end_pad(g.in_w, g.out_w, g.kernel_w, g.stride_w, g.dilation_w, g.pad_left)});
  return {desc, attr, onednn::engine()};
}

// Throws dnnl::error where oneDNN has no code at all.
bool prepare_or_throw(const Layer& layer) {
  Prepare& p = layer.p;
  const Geometry& g = layer.g;
  onednn::use_threads(p.options.threads);
  dnnl::post_ops ops;
  if (!append(ops, layer.act) || !p.out().dense()) return false;
  dnnl::primitive_attr attr;
  attr.set_post_ops(ops);
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const auto desc = describe(layer, attr);
  if (std::string_view(desc.impl_info_str()).find("ref") != std::string_view::npos) return false;

  const dnnl::engine& cpu = onednn::engine();
  OnednnConv conv{dnnl::stream(cpu), dnnl::convolution_forward(desc), memory(desc.scratchpad_desc(), cpu, nullptr), {}, {},
                  reordered_weights(layer, desc.weights_desc()), {}, p.options.threads, &p.isa, g.pixels(), g.out_channels(),
                  p.out().id, layer.has_residual() ? p.in(3).id : -1, layer.has_residual() ? p.in(3).pitch : 0, layer.relu_after};
  for (int64_t n = 0; n < g.out_channels(); ++n) conv.bias.push_back(layer.bias(n));
  const auto add = [&](int arg, const memory::desc& md, int value, const void* constant) {
    conv.operands.push_back({memory(md, cpu, const_cast<void*>(constant)), value});  // inputs are only read
    conv.args.push_back({arg, conv.operands.back().mem.get()});
  };
  add(DNNL_ARG_SRC, desc.src_desc(), p.in(0).id, nullptr);
  add(DNNL_ARG_DST, desc.dst_desc(), p.out().id, nullptr);
  add(DNNL_ARG_WEIGHTS, desc.weights_desc(), -1, conv.weights.get());
  add(DNNL_ARG_BIAS, desc.bias_desc(), -1, conv.bias.data());
  conv.args.push_back({DNNL_ARG_SCRATCHPAD, conv.scratch.get()});
  p.step.scratch_bytes = desc.scratchpad_desc().get_size();
  p.step.kernel = std::string(layer.label) + " f32 onednn";
  p.step.run = [conv = std::make_shared<const OnednnConv>(std::move(conv))](const RunContext& c) { conv->run(c); };
  return true;
}

}  // namespace

bool prepare_onednn(const Layer& layer) {
  try {
    return prepare_or_throw(layer);
  } catch (const dnnl::error&) {
    return false;
  }
}

}  // namespace octet::conv
