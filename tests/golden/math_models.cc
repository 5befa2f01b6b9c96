// Golden models of arithmetic: elementwise ops, pools, reductions, norms, and what libm computed once.
#include "tests/golden/models.h"

namespace octet::golden {
namespace {

using Binary = schema::BinaryKind;
using Unary = schema::UnaryKind;

ModelBuilder binary_int8() {
  Net net(21);
  const int a = net.u8(net.input({2, 9, 7, 20})), b = net.u8(net.input({2, 9, 7, 20}), 5 / 255.0f, 100);
  const int fine = net.u8_channels(net.input({2, 9, 7, 20}), 20), row = net.u8(net.input({20}), 6 / 255.0f, 90);
  const int column = net.u8(net.input({2, 9, 7, 1}), 6 / 255.0f, 90);
  for (Binary kind : {Binary::add, Binary::sub, Binary::mul}) {
    for (const schema::Activation& of : all_acts()) net.out(net.u8(net.binary(a, b, 4, kind, of), 12 / 255.0f, 110));
    net.out(net.u8(net.binary(a, row, 4, kind), 10 / 255.0f));
    net.out(net.u8(net.binary(column, a, 4, kind), 10 / 255.0f));
    net.out(net.u8_channels(net.binary(fine, a, 4, kind), 20, 16 / 255.0f));
  }
  net.b.model.int8_ops = {"add", "sub", "multiply"};
  return std::move(net.b);
}

ModelBuilder binary_float() {
  Net net(22);
  const int a = net.input({2, 9, 7, 20}), b = net.input({2, 9, 7, 20}), row = net.input({20}),
            column = net.input({2, 1, 7, 1});
  const int two = net.values({}, {2}), half = net.values({1}, {0.5f});
  for (Binary kind : {Binary::add, Binary::sub, Binary::mul, Binary::div, Binary::min, Binary::max}) {
    net.out(net.binary(a, b, 4, kind, act(schema::ActKind::silu)));
    net.out(net.binary(a, row, 4, kind));
    net.out(net.binary(column, a, 4, kind));
  }
  net.out(net.binary(a, two, 4, Binary::pow));
  net.out(net.binary(net.unary(a, 4, Unary::abs), half, 4, Binary::pow));
  const int i = net.input({3, 5}, schema::DType::s64), j = net.input({5}, schema::DType::s64);
  for (Binary kind : {Binary::add, Binary::sub, Binary::mul, Binary::div, Binary::min, Binary::max, Binary::pow})
    net.out(net.binary(i, j, 2, kind, {}, schema::DType::s64));
  return std::move(net.b);
}

ModelBuilder unary_int8() {
  Net net(23);
  const int x = net.u8(net.input({2, 5, 7, 20})), fine = net.u8_channels(net.input({2, 5, 7, 20}), 20);
  const int positive = net.u8(net.unary(net.input({3, 21}), 2, Unary::abs), 4 / 255.0f, 0);
  for (const schema::Activation& of : all_acts()) {
    net.out(net.u8(net.unary(x, 4, Unary::act, of), 6 / 255.0f, 100));
    net.out(net.u8_channels(net.unary(fine, 4, Unary::act, of), 20, 6 / 255.0f));
  }
  for (Unary kind : {Unary::neg, Unary::abs, Unary::floor, Unary::ceil, Unary::round})
    net.out(net.u8(net.unary(x, 4, kind)));
  net.out(net.u8(net.unary(positive, 2, Unary::sqrt), 3 / 255.0f, 0));
  net.out(net.u8(net.unary(positive, 2, Unary::reciprocal), 10 / 255.0f, 0));
  net.b.model.int8_ops = {"relu",       "clip", "silu",  "sigmoid",  "hard_swish", "hard_sigmoid",
                          "leaky_relu", "tanh", "gelu",  "identity", "neg",        "abs",
                          "floor",      "ceil", "round", "sqrt",     "reciprocal"};
  return std::move(net.b);
}

ModelBuilder unary_float() {
  Net net(24);
  const int x = net.input({2, 5, 7, 20});
  for (const schema::Activation& of : all_acts()) net.out(net.unary(x, 4, Unary::act, of));
  for (Unary kind : {Unary::exp, Unary::neg, Unary::abs, Unary::floor, Unary::ceil, Unary::round})
    net.out(net.unary(x, 4, kind));
  const int positive = net.binary(net.unary(x, 4, Unary::abs), net.values({}, {0.125f}), 4, Binary::add);
  net.out(net.unary(positive, 4, Unary::sqrt));
  net.out(net.unary(positive, 4, Unary::reciprocal));
  const int far = net.binary(x, net.values({}, {25}), 4, Binary::mul);  // where exp overflows, and activations saturate
  net.out(net.unary(far, 4, Unary::exp));
  for (const schema::Activation& of : all_acts()) net.out(net.unary(far, 4, Unary::act, of));
  schema::FakeQuantizeT given{}, found{};
  given.scale = 0.03125f, given.low = -128, given.high = 127;
  net.out(net.node(given, {x}, 4));
  net.out(net.node(found, {x}, 4));
  return std::move(net.b);
}

// What libm computed at version 0.1.0, and kernels/math.h computes now: the hashes are those of numerics 1 (FORMAT.md).
ModelBuilder libm_unary() {
  Net net(25);
  const int x = net.input({2, 5, 7, 20});
  const int positive = net.binary(net.unary(x, 4, Unary::abs), net.values({}, {0.125f}), 4, Binary::add);
  for (Unary kind : {Unary::erf, Unary::sin, Unary::cos}) net.out(net.unary(x, 4, kind));
  net.out(net.unary(positive, 4, Unary::log));
  net.out(net.binary(positive, x, 4, Binary::pow));
  return std::move(net.b);
}

ModelBuilder libm_tables() {
  Net net(30);
  const int x = net.u8(net.input({3, 85})), all = net.input({3, 85});
  const int positive =
      net.u8(net.binary(net.unary(all, 2, Unary::abs), net.values({}, {0.125f}), 2, Binary::add), 4.125f / 255, 0);
  for (Unary kind : {Unary::erf, Unary::sin, Unary::cos}) net.out(net.u8(net.unary(x, 2, kind), 2 / 255.0f));
  net.out(net.u8(net.unary(x, 2, Unary::exp), 60 / 255.0f, 0));
  net.out(net.u8(net.unary(positive, 2, Unary::log), 6 / 255.0f, 160));
  net.b.model.int8_ops = {"erf", "sin", "cos", "exp", "log"};
  return std::move(net.b);
}

schema::Pool2dT pool(schema::PoolKind kind, int size, int stride, int pad) {
  schema::Pool2dT a;
  a.kind = kind;
  a.kernel_h = a.kernel_w = size;
  a.stride_h = a.stride_w = stride;
  a.pad_top = a.pad_left = a.pad_bottom = a.pad_right = pad;
  return a;
}

std::vector<schema::Pool2dT> pools() {
  std::vector<schema::Pool2dT> all;
  for (schema::PoolKind kind : {schema::PoolKind::max, schema::PoolKind::average}) {
    for (const schema::Pool2dT& a :
         {pool(kind, 2, 2, 0), pool(kind, 3, 1, 1), pool(kind, 3, 2, 1), pool(kind, 5, 1, 2)})
      all.push_back(a);
    schema::Pool2dT ceil = pool(kind, 3, 2, 0), padded = pool(kind, 3, 2, 1), apart = pool(kind, 2, 1, 0),
                    global = pool(kind, 1, 1, 0), bins = pool(kind, 5, 1, 0);
    ceil.ceil_mode = padded.count_include_pad = global.global = bins.adaptive = true;
    apart.dilation_h = apart.dilation_w = 3;
    all.insert(all.end(), {ceil, padded, apart, global, bins});
  }
  return all;
}

ModelBuilder pools_int8() {
  Net net(26);
  const int x = net.u8(net.input({2, 12, 11, 20}));
  const int fine = net.u8_channels(net.input({1, 12, 11, 20}), 20);
  for (const schema::Pool2dT& a : pools()) {
    net.out(net.u8(net.node(a, {x}, 4)));
    const int y = net.node(a, {fine}, 4);
    net.b.at(y).quant = std::make_unique<schema::QuantT>(*net.b.at(fine).quant);
    net.b.at(y).shape.back() = 20;
    net.out(y);
    if (a.kind == schema::PoolKind::average) net.out(net.u8_channels(net.node(a, {x}, 4), 20));
  }
  net.b.model.int8_ops = {"pool2d"};
  return std::move(net.b);
}

ModelBuilder pools_float() {
  Net net(27);
  const int x = net.input({2, 12, 11, 20});
  for (const schema::Pool2dT& a : pools()) net.out(net.node(a, {x}, 4));
  return std::move(net.b);
}

void add_reductions(Net& net, int x, bool int8) {
  for (auto kind : {schema::ReduceKind::mean, schema::ReduceKind::sum, schema::ReduceKind::max, schema::ReduceKind::min,
                    schema::ReduceKind::prod})
    for (const std::vector<int32_t>& axes : {std::vector<int32_t>{1, 2}, {3}, {0}, {}}) {
      schema::ReduceT a;
      a.kind = kind;
      a.axes = axes;
      a.keep_dims = axes.size() != 1;
      const int y = net.node(a, {x}, axes.size() == 1 ? 3 : 4);
      net.out(int8 ? net.u8(y, 5 / 255.0f) : y);
    }
}

ModelBuilder reductions() {
  Net net(28);
  const int x = net.input({2, 9, 7, 40}), stored = net.u8(net.input({2, 9, 7, 40}));
  add_reductions(net, x, false);
  add_reductions(net, stored, true);
  for (int axis : {1, 3}) {
    schema::ArgMaxT best;
    best.axis = axis, best.keep_dims = axis == 1;
    const int rank = axis == 1 ? 4 : 3;
    net.out(net.node(best, {x}, rank, schema::DType::s64));
    net.out(net.node(best, {stored}, rank, schema::DType::s64));
    schema::SoftmaxT softmax;
    softmax.axis = axis;
    net.out(net.node(softmax, {x}, 4));
    schema::CumSumT sums;
    sums.axis = axis, sums.exclusive = axis == 1, sums.reverse = axis == 3;
    net.out(net.node(sums, {x}, 4));
  }
  net.b.model.int8_ops = {"reduce_mean", "reduce_max", "argmax"};
  return std::move(net.b);
}

ModelBuilder norms() {
  Net net(29);
  const int x = net.input({3, 11, 37}), wide = net.input({5, 200});
  const int scale = net.numbers({37}, 0.5f, 1.5f), shift = net.numbers({37}, -1, 1),
            slope = net.numbers({37}, -0.5f, 0.5f);
  schema::LayerNormT plain, around_zero;
  around_zero.centred = false, around_zero.epsilon = 0.001f;
  net.out(net.node(plain, {x, scale, shift}, 3));
  net.out(net.node(around_zero, {x, scale}, 3));
  net.out(net.node(plain, {wide}, 2));
  net.out(net.node(schema::AffineT{}, {x, scale, shift}, 3));
  net.out(net.node(schema::AffineT{}, {x, scale, shift, slope}, 3));
  const int stored = net.u8(net.input({3, 11, 37}));
  net.out(net.u8(net.node(schema::AffineT{}, {stored, scale, shift}, 3), 12 / 255.0f));
  net.out(net.u8_channels(net.node(schema::AffineT{}, {stored, scale, shift, slope}, 3), 37, 12 / 255.0f));
  net.b.model.int8_ops = {"affine", "prelu"};
  return std::move(net.b);
}

}  // namespace

std::vector<NamedModel> math_models() {
  return {{"binary_int8", binary_int8}, {"binary_float", binary_float},
          {"unary_int8", unary_int8},   {"unary_float", unary_float},
          {"libm_unary", libm_unary},   {"libm_tables", libm_tables},
          {"pools_int8", pools_int8},   {"pools_float", pools_float},
          {"reductions", reductions},   {"norms", norms}};
}

}  // namespace octet::golden
