// Ops that pick elements by computed places: GridSample, GatherElements, ScatterElements, ScatterNd.
#include "converter/export/export_ops.h"

namespace octet::convert {
namespace {

// Reductions came with opset 16, the larger and the smaller with 18.
Result<Attributes> reduction(const ExportNode& n, schema::ScatterReduction kind) {
  constexpr const char* kNames[] = {"none", "add", "mul", "max", "min"};
  if (kind == schema::ScatterReduction::none) return Attributes{};
  const int least = kind >= schema::ScatterReduction::max ? 18 : 16;
  if (n.opset() < least) return n.refuse("combines values: --opset " + std::to_string(least) + " or more has that");
  return Attributes{{"reduction", std::string(kNames[static_cast<int>(kind)])}};
}

}  // namespace

// The places stay in the file's order: only the image has its channels second.
static Result<void> export_grid_sample(ExportNode& n) {
  const auto& a = n.attributes<schema::GridSample>();
  if (n.opset() < 16) return n.refuse("needs --opset 16 or more");
  constexpr const char* kPaddings[] = {"zeros", "border", "reflection"};
  const bool nearest = a.mode() == schema::SampleMode::nearest;
  const std::string mode = nearest ? "nearest" : n.opset() >= 20 ? "linear" : "bilinear";
  return n.result(n.emit("GridSample", {n.operand(0), n.e.value(n.def.inputs[1], Layout::kFile)},
                         {{"mode", mode},
                          {"padding_mode", std::string(kPaddings[static_cast<int>(a.padding())])},
                          {"align_corners", int64_t{a.align_corners()}}}));
}

static Result<void> export_gather_elements(ExportNode& n) {
  const int64_t axis = n.attributes<schema::GatherElements>().axis();
  return n.result(n.emit("GatherElements", {n.operand(0), n.operand(1)}, {{"axis", axis}}));
}

static Result<void> export_scatter_elements(ExportNode& n) {
  const auto& a = n.attributes<schema::ScatterElements>();
  auto attributes = reduction(n, a.reduction());
  if (!attributes) return attributes.error();
  attributes->push_back({"axis", int64_t{a.axis()}});
  return n.result(n.emit("ScatterElements", {n.operand(0), n.operand(1), n.operand(2)}, *attributes));
}

static Result<void> export_scatter_nd(ExportNode& n) {
  auto attributes = reduction(n, n.attributes<schema::ScatterNd>().reduction());
  if (!attributes) return attributes.error();
  return n.result(n.emit("ScatterND", {n.operand(0), n.operand(1), n.operand(2)}, *attributes));
}

static constexpr ExportOp kExportElementsRows[] = {
    {schema::Op::GatherElements, Wants::kFile, export_gather_elements},
    {schema::Op::GridSample, Wants::kImage, export_grid_sample},
    {schema::Op::ScatterElements, Wants::kFile, export_scatter_elements},
    {schema::Op::ScatterNd, Wants::kFile, export_scatter_nd},
};
extern constinit const ExportRows kExportElements{kExportElementsRows};

}  // namespace octet::convert
