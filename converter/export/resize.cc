// Resize along height and width.
#include "converter/export/export_ops.h"

namespace octet::convert {
namespace {

using schema::CoordinateMode;

// All four sizes, of which batch and channels stay.
std::string sizes(const ExportNode& n, const std::string& x) {
  const auto& a = n.attributes<schema::Resize>();
  const Shape& in = n.in(0).shape;
  const bool known = a.size() && a.size()->size();
  if (known && in[0] > 0 && in[3] > 0) return n.ints({in[0], in[3], a.size()->Get(0), a.size()->Get(1)});
  const std::string kept = n.emit("Gather", {n.emit("Shape", {x}), n.ints({0, 1})});
  const std::string asked =
      known ? n.ints({a.size()->Get(0), a.size()->Get(1)}) : n.e.value(n.def.inputs[1], Layout::kFile);
  return n.emit("Concat", {kept, asked}, {{"axis", int64_t{0}}});
}

}  // namespace

static Result<void> export_resize(ExportNode& n) {
  const auto& a = n.attributes<schema::Resize>();
  constexpr const char* kModes[] = {"nearest", "linear", "cubic"};
  constexpr const char* kCoordinates[] = {"half_pixel", "pytorch_half_pixel",   "align_corners",
                                          "asymmetric", "tf_half_pixel_for_nn", "half_pixel_symmetric"};
  constexpr const char* kNearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
  if (a.coordinate_mode() == CoordinateMode::tf_half_pixel_for_nn)
    return n.refuse("has coordinates tf_half_pixel_for_nn, which ONNX dropped in opset 13");
  if (a.coordinate_mode() == CoordinateMode::half_pixel_symmetric && n.opset() < 19)
    return n.refuse("has coordinates half_pixel_symmetric: ask for --opset 19");
  Attributes attributes = {
      {"mode", std::string(kModes[static_cast<int>(a.mode())])},
      {"coordinate_transformation_mode", std::string(kCoordinates[static_cast<int>(a.coordinate_mode())])}};
  if (a.mode() == schema::ResizeMode::nearest)
    attributes.push_back({"nearest_mode", std::string(kNearest[static_cast<int>(a.nearest_mode())])});
  if (a.mode() == schema::ResizeMode::cubic) {
    attributes.push_back({"cubic_coeff_a", a.cubic_a()});
    attributes.push_back({"exclude_outside", int64_t{a.exclude_outside()}});
  }
  const std::string x = n.moved(0);
  const bool by_size = (a.size() && a.size()->size()) || !a.scale() || !a.scale()->size();
  std::string y;
  if (by_size) {
    y = n.emit("Resize", {x, "", "", sizes(n, x)}, attributes);
  } else {
    const float all[] = {1, 1, a.scale()->Get(0), a.scale()->Get(1)};
    y = n.emit("Resize", {x, "", n.e.out.floats(n.name() + "_scales", {4}, all)}, attributes);
  }
  return n.result(y, n.moves_steps(), a.mode() == schema::ResizeMode::nearest);
}

static constexpr ExportOp kExportResizeRows[] = {
    {schema::Op::Resize, Wants::kImage, export_resize},
};
extern constinit const ExportRows kExportResize{kExportResizeRows};

}  // namespace octet::convert
