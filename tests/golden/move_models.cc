// Golden models of what moves, picks or resamples elements, and of shapes that are computed.
#include "tests/golden/models.h"

namespace octet::golden {
namespace {

using schema::DType;

schema::SliceT slice(std::vector<int64_t> starts, std::vector<int64_t> ends, std::vector<int32_t> axes,
                     std::vector<int64_t> steps = {}) {
  schema::SliceT a;
  a.starts = std::move(starts), a.ends = std::move(ends), a.axes = std::move(axes), a.steps = std::move(steps);
  return a;
}

schema::ConcatT concat(int axis) {
  schema::ConcatT a;
  a.axis = axis;
  return a;
}

schema::TransposeT transpose(std::vector<int32_t> perm) {
  schema::TransposeT a;
  a.perm = std::move(perm);
  return a;
}

schema::GatherT gather(int axis) {
  schema::GatherT a;
  a.axis = axis;
  return a;
}

schema::PadT pad(schema::PadMode mode, std::vector<int64_t> before, std::vector<int64_t> after) {
  schema::PadT a;
  a.mode = mode, a.before = std::move(before), a.after = std::move(after);
  a.value = -0.75f;
  return a;
}

// What a mover moves: in int8 it stands between two nodes that compute.
int ready(Net& net, const std::vector<int64_t>& shape, bool int8, float scale, uint8_t zero) {
  const int x = net.input(shape), rank = static_cast<int>(shape.size());
  if (!int8) return x;
  return net.u8(net.unary(net.u8(x), rank, schema::UnaryKind::act, act(schema::ActKind::tanh)), scale, zero);
}

// An op that only moves elements, on u8 of the input's scale or on floats.
template <class Attributes>
void move(Net& net, const Attributes& a, const std::vector<int>& inputs, int rank, bool int8) {
  const int y = net.node(a, inputs, rank);
  if (!int8) {
    net.out(y);
    return;
  }
  net.u8(y, 2 / 255.0f);
  net.out(net.u8(net.unary(y, rank, schema::UnaryKind::act, act(schema::ActKind::silu)), 1.25f / 255, 60));
}

void add_moves(Net& net, bool int8) {
  const int x = ready(net, {2, 9, 7, 12}, int8, 2 / 255.0f, 128), y = ready(net, {2, 9, 7, 5}, int8, 2.25f / 255, 120);
  const int z = ready(net, {2, 4, 7, 12}, int8, 2 / 255.0f, 128), w = ready(net, {9, 1, 5}, int8, 2 / 255.0f, 128);
  move(net, concat(3), {x, y}, 4, int8);  // of another scale: through a table
  move(net, concat(1), {x, z, x}, 4, int8);
  move(net, slice({1, 0, 2}, {9, 7, 11}, {1, 2, 3}), {x}, 4, int8);
  move(net, slice({-1, 0}, {-100, 12}, {1, 3}, {-2, 3}), {x}, 4, int8);
  for (const std::vector<int32_t>& perm : {std::vector<int32_t>{0, 3, 1, 2}, {3, 1, 0, 2}, {0, 2, 1, 3}})
    move(net, transpose(perm), {x}, 4, int8);
  schema::ReshapeT reshape;
  reshape.shape = {-2, -1, 6};
  move(net, reshape, {x}, 3, int8);
  for (auto mode : {schema::PadMode::constant, schema::PadMode::reflect, schema::PadMode::edge})
    move(net, pad(mode, {0, 2, 3, 0}, {0, 1, 0, 2}), {x}, 4, int8);
  move(net, pad(schema::PadMode::constant, {0, -1, 1, 0}, {0, -2, -1, 0}), {x}, 4, int8);
  move(net, schema::ExpandT{}, {w, net.whole({5}, {3, 2, 9, 7, 5})}, 5, int8);
  move(net, gather(3), {x, net.whole({4}, {11, 0, -1, 5})}, 4, int8);
  move(net, gather(1), {x, net.whole({2, 2}, {3, 3, 8, 0})}, 5, int8);
  if (int8)
    net.b.model.int8_ops = {"concat", "slice", "transpose", "reshape", "pad", "expand", "gather", "tanh", "silu"};
}

ModelBuilder moves_int8() {
  Net net(41);
  add_moves(net, true);
  return std::move(net.b);
}

ModelBuilder moves_float() {
  Net net(42);
  add_moves(net, false);
  return std::move(net.b);
}

using Coordinates = schema::CoordinateMode;

std::vector<schema::ResizeT> resizes() {
  std::vector<schema::ResizeT> all;
  const auto add = [&](schema::ResizeMode mode, Coordinates coordinates, std::vector<float> scale,
                       std::vector<int64_t> size) {
    schema::ResizeT a;
    a.mode = mode, a.coordinate_mode = coordinates, a.scale = std::move(scale), a.size = std::move(size);
    all.push_back(a);
  };
  for (auto coordinates : {Coordinates::half_pixel, Coordinates::pytorch_half_pixel, Coordinates::align_corners,
                           Coordinates::asymmetric, Coordinates::half_pixel_symmetric}) {
    add(schema::ResizeMode::linear, coordinates, {2, 2}, {});
    add(schema::ResizeMode::linear, coordinates, {}, {13, 4});
    add(schema::ResizeMode::cubic, coordinates, {1.7f, 0.6f}, {});
  }
  all.back().exclude_outside = true;
  for (auto rounding : {schema::NearestMode::round_prefer_floor, schema::NearestMode::round_prefer_ceil,
                        schema::NearestMode::floor, schema::NearestMode::ceil})
    for (auto coordinates : {Coordinates::half_pixel, Coordinates::asymmetric, Coordinates::tf_half_pixel_for_nn}) {
      add(schema::ResizeMode::nearest, coordinates, {2, 1.5f}, {});
      all.back().nearest_mode = rounding;
      add(schema::ResizeMode::nearest, coordinates, {}, {5, 11});
      all.back().nearest_mode = rounding;
    }
  return all;
}

ModelBuilder resizes_all() {
  Net net(43);
  const int x = net.input({1, 7, 6, 11}), stored = net.u8(net.input({1, 7, 6, 20}));
  for (const schema::ResizeT& a : resizes()) {
    net.out(net.node(a, {x}, 4));
    net.out(net.u8(net.node(a, {stored}, 4)));
  }
  net.b.model.int8_ops = {"resize"};
  return std::move(net.b);
}

ModelBuilder picks() {
  Net net(44);
  const int x = net.input({4, 6, 5}), y = net.input({4, 2, 5}), rows = net.input({2, 6, 5});
  const int along = net.whole({4, 2, 5}, {0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 5, 4, 3, 2, 1, 0, 5, 4, 3, 2,
                                          1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 0, 0, 0, 0, 0, 5, 5, 5, 5, 5});
  const int tuples = net.whole({3, 2}, {0, 5, 3, -1, 2, 2}), two_rows = net.whole({2, 1}, {3, 1});
  schema::GatherElementsT elements;
  elements.axis = 1;
  net.out(net.node(elements, {x, along}, 3));
  net.out(net.node(schema::GatherNdT{}, {x, tuples}, 2));
  for (auto how : {schema::ScatterReduction::none, schema::ScatterReduction::add, schema::ScatterReduction::mul,
                   schema::ScatterReduction::max, schema::ScatterReduction::min}) {
    schema::ScatterElementsT scatter;
    scatter.axis = 1, scatter.reduction = how;
    net.out(net.node(scatter, {x, along, y}, 3));
    schema::ScatterNdT scatter_nd;
    scatter_nd.reduction = how;
    net.out(net.node(scatter_nd, {x, two_rows, rows}, 3));
  }
  for (bool largest : {true, false}) {
    schema::TopKT top;
    top.axis = largest ? -1 : 1, top.largest = largest;
    for (int t : net.nodes(top, {x, net.whole({1}, {3})}, {3, 3}, {DType::f32, DType::s64})) net.out(t);
  }
  return std::move(net.b);
}

ModelBuilder logic() {
  Net net(45);
  const auto rounded = [&](const std::vector<int64_t>& shape) {  // so that some are equal
    return net.unary(net.input(shape), static_cast<int>(shape.size()), schema::UnaryKind::floor);
  };
  const int x = rounded({3, 40}), y = rounded({40}), i = net.input({3, 40}, DType::s64);
  const int yes = net.input({40}, DType::boolean);
  using Kind = schema::CompareKind;
  std::vector<int> found;
  for (Kind kind : {Kind::equal, Kind::less, Kind::greater, Kind::less_equal, Kind::greater_equal, Kind::logical_and,
                    Kind::logical_or, Kind::logical_xor}) {
    schema::CompareT a;
    a.kind = kind;
    const bool logical = kind >= Kind::logical_and;
    found.push_back(net.out(net.node(a, {logical ? found[1] : x, logical ? yes : y}, 2, DType::boolean)));
  }
  net.out(net.node(schema::WhereT{}, {found[1], x, y}, 2));
  for (int from : {x, i, found[1]})
    for (DType to : {DType::f32, DType::s32, DType::s64, DType::boolean}) {
      schema::CastT a;
      a.to = to;
      net.out(net.node(a, {from}, 2, to));
    }
  net.out(net.node(schema::NonZeroT{}, {found[1]}, 2, DType::s64));
  return std::move(net.b);
}

// Sizes that follow from the input's: a grid of its positions is added to it.
ModelBuilder sizes() {
  Net net(46);
  const int x = net.input({1, -1, -1, 6});
  const int shape = net.node(schema::ShapeOfT{}, {x}, 1, DType::s64);
  const auto dim = [&](int64_t d) { return net.node(gather(0), {shape, net.whole({}, {d})}, 0, DType::s64); };
  const int columns = net.node(schema::RangeT{}, {net.whole({}, {0}), dim(2), net.whole({}, {1})}, 1, DType::s64);
  schema::CastT to_float;
  to_float.to = DType::f32;
  schema::ReshapeT row;
  row.shape = {1, 1, -1, 1};
  const int grid = net.node(row, {net.node(to_float, {columns}, 1)}, 4);
  net.out(net.binary(x, grid, 4, schema::BinaryKind::add));
  net.out(net.node(schema::ExpandT{}, {net.values({1}, {0.5f}), shape}, 4));
  net.out(shape);
  const int y = net.u8(net.conv(net.u8(x), {.in = 6, .out = 20, .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1}));
  schema::ReshapeT flat;
  flat.shape = {1, -1, 20};
  const int rows = net.u8(net.node(flat, {y}, 3));
  net.out(net.u8(net.unary(rows, 3, schema::UnaryKind::act, act(schema::ActKind::relu)), 4 / 255.0f, 0));
  net.b.model.int8_ops = {"conv2d", "reshape", "relu"};
  return std::move(net.b);
}

ModelBuilder samples() {
  Net net(47);
  const int x = net.input({2, 9, 8, 11});
  const int places = net.binary(net.input({2, 5, 6, 2}), net.values({}, {0.375f}), 4, schema::BinaryKind::mul);
  for (auto mode : {schema::SampleMode::bilinear, schema::SampleMode::nearest})
    for (auto padding :
         {schema::SamplePadding::zeros, schema::SamplePadding::border, schema::SamplePadding::reflection})
      for (bool corners : {false, true}) {
        schema::GridSampleT a;
        a.mode = mode, a.padding = padding, a.align_corners = corners;
        net.out(net.node(a, {x, places}, 4));
      }
  schema::DeformConv2dT a;
  a.pad_top = a.pad_left = a.pad_bottom = a.pad_right = 1;
  a.groups = a.offset_groups = 2;
  const int image = net.input({1, 9, 8, 12}), offsets = net.input({1, 9, 8, 36}), mask = net.input({1, 9, 8, 18});
  const int weights = net.float_weights({20, 3, 3, 6}), bias = net.numbers({20}, -1, 1);
  net.out(net.node(a, {image, weights, bias, offsets, mask}, 4));
  net.out(net.node(a, {image, weights, -1, offsets}, 4));
  return std::move(net.b);
}

}  // namespace

std::vector<NamedModel> move_models() {
  return {{"moves_int8", moves_int8}, {"moves_float", moves_float},
          {"resizes", resizes_all},   {"picks", picks},
          {"logic", logic},           {"sizes", sizes},
          {"samples", samples}};
}

}  // namespace octet::golden
