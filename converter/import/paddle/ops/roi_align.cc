// roi_align: boxes come image by image, and RoisNum says how many each image has. Without it there is one image.
#include "converter/import/paddle/ops/ops.h"

namespace octet::convert {
namespace {

// For each box its image, [boxes] s64: how many images end before it.
TensorId images_of(PaddleNode& n, TensorId boxes) {
  const TensorId count = n.dim_of(boxes, 0);
  const int64_t images = n.shape(n.in("X"))[0];
  if (images == 1) return n.emit(schema::ExpandT{}, {n.integers(std::array<int64_t, 1>{0}), count});
  if (n.in("RoisNum") < 0) return n.refuse("without RoisNum needs a batch of one image", Code::kUnsupported);
  const TensorId ends = n.emit(schema::CumSumT{}, {n.cast(n.in("RoisNum"), DType::kS64)});
  const TensorId zero = n.integers(std::array<int64_t, 1>{0}), one = n.integers(std::array<int64_t, 1>{1});
  const TensorId places = n.reshape(n.emit(schema::RangeT{}, {zero, count, one}), {-1, 1});
  const TensorId ended = n.emit(schema::CompareT{.kind = schema::CompareKind::greater_equal}, {places, ends});
  return n.emit(schema::ReduceT{.kind = schema::ReduceKind::sum, .axes = {1}, .keep_dims = false},
                {n.cast(ended, DType::kS64)});
}

}  // namespace

static void import_paddle_roi_align(PaddleNode& n) {
  const TensorId boxes = n.in("ROIs");
  if (!n.need_rank(n.in("X"), 4) || !n.need_rank(boxes, 2)) return;
  const int64_t samples = n.i("sampling_ratio", -1);
  const schema::RoiAlignT op{.kind = schema::PoolKind::average,
                             .out_h = n.bounded("pooled_height", n.i("pooled_height", 1), 1, 4096),
                             .out_w = n.bounded("pooled_width", n.i("pooled_width", 1), 1, 4096),
                             .samples = n.bounded("sampling_ratio", samples < 0 ? 0 : samples, 0, 256),
                             .scale = n.f("spatial_scale", 1),
                             .half_pixel = n.b("aligned", false)};
  n.result("Out", n.nchw(n.emit(op, {n.nhwc(n.in("X")), boxes, images_of(n, boxes)})));
}

static constexpr PaddleOp kPaddleRoiAlignRows[] = {
    {"roi_align", import_paddle_roi_align, {"X", "ROIs"}},
};
extern constinit const PaddleRows kPaddleRoiAlign{kPaddleRoiAlignRows};

}  // namespace octet::convert
