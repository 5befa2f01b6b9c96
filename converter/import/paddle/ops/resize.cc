// nearest_interp, bilinear_interp, bicubic_interp and linear_interp (of rows: images of height 1), both versions.
#include <cmath>

#include "converter/import/build/build.h"
#include "converter/import/paddle/ops/ops.h"

namespace octet::convert {
namespace {

using schema::CoordinateMode;

void set_mode(PaddleNode& n, schema::ResizeT& op) {
  const bool nearest = n.type().starts_with("nearest"), cubic = n.type().starts_with("bicubic");
  const bool corners = n.b("align_corners", true);
  op.mode = nearest ? schema::ResizeMode::nearest : cubic ? schema::ResizeMode::cubic : schema::ResizeMode::linear;
  // With corners a nearest position is rounded half up, else down.
  op.nearest_mode = corners ? schema::NearestMode::round_prefer_ceil : schema::NearestMode::floor;
  if (corners)
    op.coordinate_mode = CoordinateMode::align_corners;
  else if (cubic)
    op.coordinate_mode = CoordinateMode::half_pixel;
  else if (nearest || n.i("align_mode", 1) != 0)
    op.coordinate_mode = CoordinateMode::asymmetric;
  else
    op.coordinate_mode = CoordinateMode::pytorch_half_pixel;  // an output of one row is the input's first
}

// The scale as an attribute (a number, or one for each axis) or a constant operand; empty where there is none.
std::vector<float> read_scale(PaddleNode& n) {
  std::vector<float> scale = n.float_list("scale", {});
  if (const TensorId given = n.in("Scale"); given >= 0) {
    if (!n.is_constant_floats(given)) return n.fail("the scale must be constant", Code::kUnsupported), scale;
    const auto values = n.at(given).values<float>();
    scale.assign(values.begin(), values.end());
  }
  if (scale.size() == 1) scale.push_back(scale[0]);
  if (scale.empty() || scale[0] <= 0) return {};
  if (scale.size() != 2 || !(scale[1] > 0) || !(scale[0] <= 4096) || !(scale[1] <= 4096))
    n.fail("scales of that number or size are not supported", Code::kUnsupported);
  return scale;
}

}  // namespace

static void import_paddle_interp(PaddleNode& n) {
  const bool rows = n.type().starts_with("linear");
  n.need_nchw();
  if (!n.need_rank(n.in("X"), rows ? 3 : 4)) return;
  const TensorId x = rows ? build_unsqueeze(n, n.in("X"), {2}) : n.in("X");
  schema::ResizeT op;
  set_mode(n, op);
  std::vector<TensorId> operands = {n.nhwc(x)};
  const TensorId size = n.integers_of("OutSize", "SizeTensor", "");
  if (size >= 0) {
    const TensorId one = n.integers(std::array<int64_t, 1>{1});
    operands.push_back(rows ? n.emit(schema::ConcatT{.axis = 0}, {one, size}) : size);
  } else if (auto scale = read_scale(n); !scale.empty()) {
    op.scale = {rows ? 1 : scale[0], scale[1]};
  } else {
    op.size = {rows ? 1 : n.bounded("out_h", n.i("out_h", 0), 1, 1 << 24),
               n.bounded("out_w", n.i("out_w", 0), 1, 1 << 24)};
  }
  const TensorId y = n.nchw(n.emit(std::move(op), std::move(operands)));
  n.result("Out", rows ? build_squeeze(n, y, {2}) : y);
}

static constexpr PaddleOp kPaddleResizeRows[] = {
    {"bicubic_interp", import_paddle_interp, {"X"}},  {"bicubic_interp_v2", import_paddle_interp, {"X"}},
    {"bilinear_interp", import_paddle_interp, {"X"}}, {"bilinear_interp_v2", import_paddle_interp, {"X"}},
    {"linear_interp", import_paddle_interp, {"X"}},   {"linear_interp_v2", import_paddle_interp, {"X"}},
    {"nearest_interp", import_paddle_interp, {"X"}},  {"nearest_interp_v2", import_paddle_interp, {"X"}},
};
extern constinit const PaddleRows kPaddleResize{kPaddleResizeRows};

}  // namespace octet::convert
