// Golden models of convolutions and matrix products, in int8 and in float.
#include "tests/golden/models.h"

namespace octet::golden {
namespace {

using Act = schema::ActKind;

// Windows, strides, dilations and groups, each with channels that are no multiple of a vector.
std::vector<ConvOf> shapes(bool int8) {
  std::vector<ConvOf> all = {{.in = 12, .out = 20},
                             {.in = 12, .out = 33, .kernel_h = 3, .kernel_w = 3, .stride = 2, .pad_h = 1, .pad_w = 1},
                             {.in = 12, .out = 16, .kernel_h = 1, .kernel_w = 5, .pad_w = 2},
                             {.in = 12, .out = 16, .kernel_h = 7, .kernel_w = 1, .stride = 3, .pad_h = 3},
                             {.in = 12, .out = 18, .kernel_h = 3, .kernel_w = 3, .pad_h = 2, .pad_w = 2, .dilation = 2},
                             {.in = 12, .out = 24, .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1, .groups = 3},
                             {.in = 12, .out = 24, .groups = 12},
                             {.in = 12, .out = 16, .kernel_h = 4, .kernel_w = 4, .stride = 4}};
  for (ConvOf& c : all) c.int8 = int8;
  return all;
}

std::vector<ConvOf> depthwise_shapes(bool int8) {
  const auto square = [&](int size, int stride, int pad, int dilation) {
    return ConvOf{.in = 20,
                  .out = 20,
                  .kernel_h = size,
                  .kernel_w = size,
                  .stride = stride,
                  .pad_h = pad,
                  .pad_w = pad,
                  .dilation = dilation,
                  .groups = 20,
                  .int8 = int8};
  };
  ConvOf tall = square(3, 1, 0, 1);
  tall.kernel_w = 1;
  return {square(3, 1, 1, 1), square(3, 2, 1, 1), square(5, 1, 2, 1), square(5, 2, 2, 1),
          square(7, 1, 3, 1), square(3, 1, 2, 2), square(2, 2, 0, 1), tall};
}

// Each shape from an image of one scale and from one with a scale for each channel, to u8 of both kinds and to float.
void add_shapes(Net& net, const std::vector<ConvOf>& all, int64_t channels) {
  const int plain = net.u8(net.input({2, 14, 13, channels}));
  const int fine = net.u8_channels(net.input({1, 9, 16, channels}), channels);
  for (const ConvOf& c : all) {
    net.out(net.u8(net.conv(plain, c)));
    net.out(net.u8_channels(net.conv(plain, c), c.out));
    net.out(net.conv(plain, c));
    net.out(net.u8(net.conv(fine, c)));
  }
  net.b.model.int8_ops = {"conv2d", "depthwise_conv2d"};
}

ModelBuilder conv_int8() {
  Net net(1);
  add_shapes(net, shapes(true), 12);
  return std::move(net.b);
}

ModelBuilder depthwise_int8() {
  Net net(2);
  add_shapes(net, depthwise_shapes(true), 20);
  return std::move(net.b);
}

ModelBuilder conv_float() {
  Net net(3);
  const int x = net.input({2, 14, 13, 12}), y = net.input({1, 14, 13, 20}), z = net.input({1, 14, 13, 12});
  for (const ConvOf& c : shapes(false)) net.out(net.conv(x, c));
  for (const ConvOf& c : depthwise_shapes(false)) net.out(net.conv(y, c));
  for (const schema::Activation& a : all_acts()) {
    ConvOf dense{.in = 12, .out = 20, .int8 = false, .act = a};
    net.out(net.conv(x, dense));
    ConvOf depthwise = depthwise_shapes(false)[0];
    depthwise.act = dense.act = a, depthwise.residual = dense.residual = y;
    depthwise.relu_after = dense.relu_after = a.kind() == Act::tanh;
    net.out(net.conv(y, depthwise));
    net.out(net.conv(z, dense));
  }
  return std::move(net.b);
}

// Each activation on the accumulator, before a u8 store and before a float one, with and without a residual.
void add_acts(Net& net, ConvOf c, int64_t channels) {
  const int x = net.u8(net.input({1, 12, 11, channels}), 6 / 255.0f, 120);
  const int residual = net.u8(net.input({1, 12, 11, c.out}), 7 / 255.0f, 100);
  const int fine = net.u8_channels(net.input({1, 12, 11, c.out}), c.out);
  for (const schema::Activation& a : all_acts()) {
    c.act = a;
    c.residual = -1, c.relu_after = false;
    net.out(net.u8(net.conv(x, c), 5 / 255.0f, a.kind() == Act::relu ? 0 : 90));
    net.out(net.conv(x, c));
    c.residual = residual, c.relu_after = true;
    net.out(net.u8(net.conv(x, c), 9 / 255.0f, 0));
    net.out(net.conv(x, c));
    c.residual = fine, c.relu_after = false;
    net.out(net.conv(x, c));
    net.out(net.u8_channels(net.conv(x, c), c.out, 9 / 255.0f));
  }
  net.b.model.int8_ops = {"conv2d", "depthwise_conv2d"};
}

ModelBuilder conv_acts_int8() {
  Net net(4);
  add_acts(net, {.in = 8, .out = 20}, 8);
  return std::move(net.b);
}

ModelBuilder depthwise_acts_int8() {
  Net net(5);
  add_acts(net, {.in = 20, .out = 20, .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1, .groups = 20}, 20);
  return std::move(net.b);
}

// SiLU to steps of 5 / 255 and sigmoid to steps of 1 / 255 in 16-bit integers, to a u8 output and to a float one, which has none of it.
ModelBuilder conv_act16_int8() {
  Net net(9);
  const schema::Act16 silu(0, false, 6, 0, 29127, 9, std::array<int16_t, 8>{-4, -905, -708, -371, -166, -68, -27, -10},
                           std::array<int16_t, 8>{-1746, -36, 385, 273, 136, 59, 24, 9},
                           std::array<int16_t, 8>{857, 239, -48, -68, -39, -18, -8, -3});
  const schema::Act16 sigmoid(8 / 32768.0f, true, 6, 8160, 32767, 8,
                              std::array<int16_t, 8>{-9, 3771, 6218, 7388, 7867, 8051, 8120, 8145},
                              std::array<int16_t, 8>{4243, 3205, 1651, 697, 270, 101, 38, 14},
                              std::array<int16_t, 8>{-457, -763, -486, -221, -88, -33, -12, -5});
  const auto out = [&](int y, const schema::Act16& by, float scale, uint8_t zero) {
    net.b.model.nodes.back()->act16 = std::make_unique<schema::Act16>(by);
    net.out(scale > 0 ? net.u8(y, scale, zero) : y);
  };
  const int x = net.u8(net.input({1, 12, 11, 12}), 6 / 255.0f, 120),
            fine = net.u8_channels(net.input({1, 9, 7, 12}), 12);
  const int residual = net.u8(net.input({1, 12, 11, 20}), 7 / 255.0f, 100), rows = net.u8(net.input({9, 12}));
  const ConvOf pointwise{.in = 12, .out = 20, .act = act(Act::silu)},
      gate{.in = 12, .out = 33, .act = act(Act::sigmoid)};
  const ConvOf square{.in = 12, .out = 70, .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1, .act = act(Act::silu)};
  const ConvOf grouped{
      .in = 12, .out = 24, .kernel_h = 3, .kernel_w = 3, .stride = 2, .groups = 3, .act = act(Act::silu)};
  ConvOf added = pointwise, rectified = pointwise;
  added.residual = rectified.residual = residual, rectified.relu_after = true;
  for (const ConvOf& c : {pointwise, square, grouped})
    out(net.conv(x, c), silu, 5 / 255.0f, 14), out(net.conv(fine, c), silu, 5 / 255.0f, 14);
  out(net.conv(x, added), silu, 5 / 255.0f, 60), out(net.conv(x, rectified), silu, 5 / 255.0f, 30);
  out(net.conv(x, pointwise), silu, 0, 0);
  out(net.conv(x, gate), sigmoid, 1 / 255.0f, 0), out(net.conv(fine, gate), sigmoid, 1 / 255.0f, 0);
  out(net.mat_mul(rows, 12, 21, 2, true, act(Act::silu)), silu, 5 / 255.0f, 14);
  net.b.model.int8_ops = {"conv2d", "matmul"};
  return std::move(net.b);
}

// A chain, so that rows of several tiles, slices of a concat and in-place residuals come together.
ModelBuilder blocks_int8() {
  Net net(6);
  const ConvOf wide{
      .in = 3, .out = 32, .kernel_h = 3, .kernel_w = 3, .stride = 2, .pad_h = 1, .pad_w = 1, .act = act(Act::silu)};
  const ConvOf narrow{.in = 32, .out = 16, .act = act(Act::silu)};
  const ConvOf same{.in = 16, .out = 16, .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1, .act = act(Act::silu)};
  const int x = net.u8(net.conv(net.u8(net.input({1, 40, 36, 3})), wide), 6 / 255.0f, 12);
  const int a = net.u8(net.conv(x, narrow), 4 / 255.0f, 20), b = net.u8(net.conv(x, narrow), 5 / 255.0f, 16);
  ConvOf back = same;
  back.residual = a;
  const int c = net.u8(net.conv(net.u8(net.conv(a, same), 4 / 255.0f, 20), back), 7 / 255.0f, 30);
  schema::ConcatT concat;
  concat.axis = 3;
  const int joined = net.node(concat, {c, b}, 4);
  std::vector<float> scales(32, 7 / 255.0f);
  std::vector<uint8_t> zeros(32, 30);
  std::fill(scales.begin() + 16, scales.end(), 5 / 255.0f);
  std::fill(zeros.begin() + 16, zeros.end(), uint8_t{16});
  net.b.quantise(joined, scales, zeros);
  net.b.at(joined).shape.back() = 32;
  const int y = net.conv(joined, {.in = 32, .out = 10, .act = act(Act::sigmoid)});
  schema::ReshapeT reshape;
  reshape.shape = {1, -1, 10};
  net.out(net.node(reshape, {y}, 3));
  net.b.model.int8_ops = {"conv2d", "concat"};
  return std::move(net.b);
}

ModelBuilder mat_mul_int8() {
  Net net(7);
  const int x = net.u8(net.input({2, 9, 36})), fine = net.u8_channels(net.input({33, 36}), 36);
  for (const schema::Activation& a : all_acts()) net.out(net.u8(net.mat_mul(x, 36, 21, 3, true, a)));
  net.out(net.mat_mul(x, 36, 21, 3, true));
  net.out(net.u8_channels(net.mat_mul(fine, 36, 40, 2, true), 40));
  net.out(net.mat_mul(fine, 36, 1, 2, true));
  const int q = net.u8(net.input({2, 3, 17, 12})), k = net.u8(net.input({2, 3, 19, 12}), 5 / 255.0f);
  const int v = net.u8(net.input({1, 3, 17, 10}));
  schema::MatMulT turned_b, turned_a;
  turned_b.transpose_b = true;
  turned_a.transpose_a = true;
  turned_a.act = act(Act::relu);
  const int scores = net.node(turned_b, {q, k}, 4);
  net.out(net.u8(scores, 60 / 255.0f));
  net.out(net.u8(net.node(turned_a, {q, v}, 4), 60 / 255.0f, 10));
  net.out(net.u8(net.node(schema::MatMulT{}, {scores, k}, 4), 400 / 255.0f));
  net.b.model.int8_ops = {"matmul"};
  return std::move(net.b);
}

ModelBuilder mat_mul_float() {
  Net net(8);
  const int x = net.input({2, 9, 36}), q = net.input({2, 3, 17, 12}), k = net.input({1, 3, 19, 12});
  for (const schema::Activation& a : all_acts()) net.out(net.mat_mul(x, 36, 21, 3, false, a));
  schema::MatMulT turned;
  turned.transpose_b = true;
  const int scores = net.out(net.node(turned, {q, k}, 4));
  net.out(net.node(schema::MatMulT{}, {scores, k}, 4));
  turned.transpose_b = false, turned.transpose_a = true;
  net.out(net.node(turned, {q, q}, 4));
  return std::move(net.b);
}

}  // namespace

std::vector<NamedModel> conv_models() {
  return {{"conv_int8", conv_int8},
          {"depthwise_int8", depthwise_int8},
          {"conv_float", conv_float},
          {"conv_acts_int8", conv_acts_int8},
          {"conv_act16_int8", conv_act16_int8},
          {"depthwise_acts_int8", depthwise_acts_int8},
          {"blocks_int8", blocks_int8},
          {"mat_mul_int8", mat_mul_int8},
          {"mat_mul_float", mat_mul_float}};
}

}  // namespace octet::golden
