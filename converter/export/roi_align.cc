// RoiAlign: before opset 16 boxes stay where they are.
#include "converter/export/export_ops.h"

namespace octet::convert {

static Result<void> export_roi_align(ExportNode& n) {
  const auto& a = n.attributes<schema::RoiAlign>();
  if (a.half_pixel() && n.opset() < 16) return n.refuse("moves boxes by half a pixel: ask for --opset 16 or more");
  Attributes attributes = {{"mode", std::string(a.kind() == schema::PoolKind::max ? "max" : "avg")},
                           {"output_height", int64_t{a.out_h()}},
                           {"output_width", int64_t{a.out_w()}},
                           {"sampling_ratio", int64_t{a.samples()}},
                           {"spatial_scale", a.scale()}};
  if (n.opset() >= 16)
    attributes.push_back(
        {"coordinate_transformation_mode", std::string(a.half_pixel() ? "half_pixel" : "output_half_pixel")});
  const auto as_is = [&](size_t i) { return n.e.value(n.def.inputs[i], Layout::kFile); };
  return n.result(n.emit("RoiAlign", {n.operand(0), as_is(1), as_is(2)}, attributes));
}

static constexpr ExportOp kExportRoiAlignRows[] = {
    {schema::Op::RoiAlign, Wants::kImage, export_roi_align},
};
extern constinit const ExportRows kExportRoiAlign{kExportRoiAlignRows};

}  // namespace octet::convert
