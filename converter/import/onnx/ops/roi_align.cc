// RoiAlign (10, 16: coordinate_transformation_mode; before that boxes stay where they are).
#include "converter/import/onnx/ops/ops.h"

namespace octet::convert {

static void import_roi_align(OnnxNode& n) {
  if (!n.need_rank(n.in(0), 4)) return;
  const std::string mode = n.s("mode", "avg");
  const std::string coordinates =
      n.s("coordinate_transformation_mode", n.opset < 16 ? "output_half_pixel" : "half_pixel");
  if (mode != "avg" && mode != "max") return n.fail("mode '" + mode + "' is unknown");
  if (coordinates != "half_pixel" && coordinates != "output_half_pixel")
    return n.fail("coordinate_transformation_mode '" + coordinates + "' is unknown");
  const schema::RoiAlignT op{.kind = mode == "max" ? schema::PoolKind::max : schema::PoolKind::average,
                             .out_h = n.bounded("output_height", n.i("output_height", 1), 1, 4096),
                             .out_w = n.bounded("output_width", n.i("output_width", 1), 1, 4096),
                             .samples = n.bounded("sampling_ratio", n.i("sampling_ratio", 0), 0, 256),
                             .scale = n.f("spatial_scale", 1),
                             .half_pixel = coordinates == "half_pixel"};
  n.result(n.nchw(n.emit(op, {n.nhwc(n.in(0)), n.in(1), n.cast(n.in(2), DType::kS64)})));
}

static constexpr OnnxOp kOnnxRoiAlignRows[] = {
    {"RoiAlign", import_roi_align, 3, 3},
};
extern constinit const OnnxRows kOnnxRoiAlign{kOnnxRoiAlignRows};

}  // namespace octet::convert
