// What conv2d and matmul share: a matmul with constant weights is a 1x1 convolution over its rows.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "kernels/kernels.h"
#include "runtime/ops/common.h"
#include "schema/format.h"

namespace octet::conv {

struct Geometry {
  int64_t batch = 1, in_h = 1, in_w = 1, out_h = 1, out_w = 1;
  int64_t groups = 1, in = 0, out = 0;  // channels of one group
  int64_t kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1, pad_top = 0,
          pad_left = 0;
  int64_t taps() const { return kernel_h * kernel_w; }
  int64_t in_channels() const { return groups * in; }
  int64_t out_channels() const { return groups * out; }
  int64_t pixels() const { return batch * out_h * out_w; }
  int64_t macs() const { return pixels() * out_channels() * taps() * in; }
  bool depthwise() const { return groups > 1 && in == 1 && out == 1; }
};

// All but the sizes of the images. A: Conv2d or DeformConv2d.
template <class A>
Geometry geometry_of(const A& a, const Shape& weight) {
  Geometry g;
  g.groups = a.groups();
  g.in = weight[3];
  g.out = weight[0] / g.groups;
  g.kernel_h = weight[1], g.kernel_w = weight[2];
  g.stride_h = a.stride_h(), g.stride_w = a.stride_w();
  g.dilation_h = a.dilation_h(), g.dilation_w = a.dilation_w();
  g.pad_top = a.pad_top(), g.pad_left = a.pad_left();
  return g;
}

// What is wrong with the attributes of a window, and with the weights of rank 4 in its groups. An empty text: nothing.
template <class A>
std::string check_window(const A& a, const Shape& weight) {
  constexpr int64_t kMaxPad = 1 << 16, kMaxStep = 1 << 16;
  const auto bad = [](const auto&... parts) { return error(Code::kBadModel, parts...).text; };
  for (int step : {a.stride_h(), a.stride_w(), a.dilation_h(), a.dilation_w()})
    if (step < 1 || step > kMaxStep) return bad("stride or dilation ", step);
  for (int pad : {a.pad_top(), a.pad_left(), a.pad_bottom(), a.pad_right()})
    if (pad < 0 || pad > kMaxPad) return bad("padding ", pad);
  if (weight.rank() != 4) return bad("weights must have rank 4, have ", weight.text());
  if (a.groups() < 1 || weight[0] < 1 || weight[0] % a.groups())
    return bad(weight[0], " output channels in ", a.groups(), " groups");
  return "";
}

// 0 where the window is larger than the padded image; -1 where the image is unknown.
inline int64_t out_size(int64_t in, int64_t pads, int64_t kernel, int64_t stride, int64_t dilation) {
  if (in < 0) return -1;
  const int64_t room = in + pads - (dilation * (kernel - 1) + 1);
  return room < 0 ? 0 : room / stride + 1;
}

// A node being prepared: x, weight, bias and residual are its inputs 0 to 3.
struct Layer {
  Prepare& p;
  Geometry g;  // a matmul's rows are the pixels of one image row
  kernels::Activation act;
  bool relu_after = false;
  const char* label = "conv";  // "matmul"

  bool has_bias() const { return p.has_in(2); }
  bool has_residual() const { return p.has_in(3); }
  float bias(int64_t n) const { return has_bias() ? p.tensor(2).values<float>()[static_cast<size_t>(n)] : 0.0f; }
  int weight_tensor() const { return p.node->inputs[1]; }
};

Layer layer_of(Prepare& p);  // a Conv2d node's

// Load-time checks of the operands 1 and 2: sizes, and what the weights hold. An empty text: all is well.
std::string check_weights(const Geometry& g, const TensorDef& weight);
std::string check_weight_values(const Geometry& g, const TensorDef& weight);
std::string check_bias(const NodeDef& node, const ModelData& model, int64_t channels);
inline schema::PackedShape packed_shape(const Geometry& g) { return {g.groups, g.out, g.taps(), g.in}; }

// A row of weights of one output channel, [tap][in], as int8 or as the float graph has it.
void weights_s8(const Geometry& g, const TensorDef& weight, int64_t group, int64_t o, int8_t* row);
void weights_f32(const Layer& layer, int64_t group, int64_t o, float* row);

// An order of weights other than the file's.
struct Packing {
  std::string_view name;
  bool by_isa = false;  // each instruction set has its own
  size_t (*bytes)(const Layer& layer) = nullptr;
  void (*pack)(const Layer& layer, std::byte* to) = nullptr;  // writes all of them
};
extern const Packing kBlocksF32;  // as ConvTileF32 wants them: [group][block of 16][tap][in][16]

// What follows is made once for a model, see Constants. The memory of packed weights is 64-byte aligned.
using Weights = std::shared_ptr<const std::byte>;
ConstantKey weights_key(const Layer& layer, std::string_view packing);
ConstantKey packing_key(const Layer& layer, const Packing& packing);
Weights packed_weights(const Layer& layer, const Packing& packing);

// Operand 2 of a node, zeros where it has none: [groups][out padded to 16].
std::shared_ptr<const std::vector<float>> padded_bias(const Prepare& p, int64_t groups, int64_t out);

// Arrays of the int8 epilogue for each group, `stride` apart, for a kernel with this activation offset.
struct EpilogueArrays {
  int64_t stride = 0;
  std::vector<int32_t> acc0, zero_point;
  std::vector<float> multiplier, out_multiplier, res_multiplier, res_offset, low, high;
  kernels::Activation act;
  std::optional<kernels::Act16> act16;
  kernels::Epilogue at(int64_t group, int64_t channel) const;
};
inline size_t epilogue_bytes(int64_t channels) { return static_cast<size_t>(channels) * 8 * sizeof(float); }  // at most
std::shared_ptr<const EpilogueArrays> epilogue(const Layer& layer, int activation_offset);

// The geometry as Depthwise and DepthwiseF32 say it.
template <class D>
D window_of(const Geometry& g) {
  const auto to_int = [](int64_t v) { return static_cast<int>(v); };  // infer has seen to it that all fit
  D d;
  d.kernel_h = to_int(g.kernel_h), d.kernel_w = to_int(g.kernel_w);
  d.stride_h = to_int(g.stride_h), d.stride_w = to_int(g.stride_w);
  d.dilation_h = to_int(g.dilation_h), d.dilation_w = to_int(g.dilation_w);
  d.pad_top = to_int(g.pad_top), d.pad_left = to_int(g.pad_left);
  d.in_h = to_int(g.in_h), d.in_w = to_int(g.in_w);
  d.out_h = to_int(g.out_h), d.out_w = to_int(g.out_w);
  d.channels = to_int(g.groups);
  return d;
}

// What padding holds: `pixels` pixels of the input's zero points, and read slack.
std::vector<uint8_t> zero_pixels(const Value& x, int64_t pixels);

std::vector<Offer> offers(const Layer& layer);  // of optional algorithms, see algorithm.h
Result<void> prepare(const Layer& layer);       // by the cheapest algorithm that fits, see algorithm.h

}  // namespace octet::conv
