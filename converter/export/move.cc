// Ops that move elements along axes: Concat, Slice, Pad, Expand, Gather, GatherNd, Transpose.
#include "converter/export/export_ops.h"
#include "converter/graph/edit.h"

namespace octet::convert {
namespace {

template <class V>
std::vector<int64_t> as_ints(const V* values) {
  std::vector<int64_t> all;
  if (values) all.assign(values->begin(), values->end());
  return all;
}

}  // namespace

static Result<void> export_concat(ExportNode& n) {
  Names parts;
  for (int i = 0; i < static_cast<int>(n.def.inputs.size()); ++i) parts.push_back(n.moved(i));
  const int64_t axis = n.axis(n.attributes<schema::Concat>().axis(), n.result_def().shape.rank());
  return n.moved_result(n.emit("Concat", parts, {{"axis", axis}}));
}

static Result<void> export_slice(ExportNode& n) {
  const auto& a = n.attributes<schema::Slice>();
  if (!a.starts())
    return n.moved_result(n.emit("Slice", {n.moved(0), n.operand(1), n.operand(2), n.operand(3), n.operand(4)}));
  std::vector<int64_t> axes = as_ints(a.axes());
  if (axes.empty())
    for (int64_t d = 0; d < static_cast<int64_t>(a.starts()->size()); ++d) axes.push_back(d);
  for (int64_t& axis : axes) axis = n.axis(axis, n.rank(0));
  const std::string steps = a.steps() && a.steps()->size() ? n.ints(as_ints(a.steps())) : "";
  return n.moved_result(
      n.emit("Slice", {n.moved(0), n.ints(as_ints(a.starts())), n.ints(as_ints(a.ends())), n.ints(axes), steps}));
}

static Result<void> export_pad(ExportNode& n) {
  const auto& a = n.attributes<schema::Pad>();
  constexpr const char* kModes[] = {"constant", "reflect", "edge"};
  const Attributes attributes = {{"mode", std::string(kModes[static_cast<int>(a.mode())])}};
  const bool value = a.mode() == schema::PadMode::constant && a.value() != 0 && n.in(0).dtype == DType::kF32;
  // A value that is not 0 has another number of steps in each channel.
  const bool moves = !value;
  std::string pads;
  if (a.before()) {
    const int rank = n.rank(0);
    std::vector<int64_t> all(static_cast<size_t>(2 * rank));
    for (int d = 0; d < rank; ++d) {
      const auto to = static_cast<size_t>(n.axis(d, rank)), from = static_cast<size_t>(d);
      all[to] = a.before()->Get(static_cast<unsigned>(from));
      all[to + static_cast<size_t>(rank)] = a.after()->Get(static_cast<unsigned>(from));
    }
    pads = n.ints(all);
  } else {
    pads = n.operand(1);
  }
  const std::string y =
      n.emit("Pad", {moves ? n.moved(0) : n.operand(0), pads, value ? n.scalar(a.value()) : ""}, attributes);
  return moves ? n.moved_result(y) : n.result(y);
}

static Result<void> export_expand(ExportNode& n) {
  return n.moved_result(n.emit("Expand", {n.moved(0), n.operand(1)}));
}

static Result<void> export_gather(ExportNode& n) {
  const int64_t axis = n.attributes<schema::Gather>().axis();
  return n.moved_result(n.emit("Gather", {n.moved(0), n.operand(1)}, {{"axis", axis}}));
}

static Result<void> export_gather_nd(ExportNode& n) {
  const int64_t dims = n.attributes<schema::GatherNd>().batch_dims();
  return n.result(n.emit("GatherND", {n.operand(0), n.operand(1)}, {{"batch_dims", dims}}));
}

// Between the file's layout and ONNX' nothing moves: one is the other's name.
static Result<void> export_transpose(ExportNode& n) {
  const auto& stored = *n.attributes<schema::Transpose>().perm();
  const Perm perm(stored.begin(), stored.end());
  const int x = n.def.inputs[0], y = n.def.outputs[0];
  const bool per_channel = n.in(0).quant.per_channel() || n.result_def().quant.per_channel();
  const bool to_image = n.layout == Layout::kFile && perm == kToNhwc;
  const bool from_image = n.layout == Layout::kNchw && perm == kToNchw;
  if ((to_image || from_image) && !per_channel) {
    if (n.to_u8()) n.operand(0);
    if (n.e.same(y, to_image ? Layout::kNchw : Layout::kFile, x, n.layout, n.to_u8())) return {};
  }
  ExportNode file(n.e, n.index(), Layout::kFile);
  return file.moved_result(
      file.emit("Transpose", {file.moved(0)}, {{"perm", std::vector<int64_t>(perm.begin(), perm.end())}}));
}

static constexpr ExportOp kExportMoveRows[] = {
    {schema::Op::Concat, Wants::kAny, export_concat},
    {schema::Op::Expand, Wants::kFile, export_expand},
    {schema::Op::Gather, Wants::kFile, export_gather},
    {schema::Op::GatherNd, Wants::kFile, export_gather_nd},
    {schema::Op::Pad, Wants::kAny, export_pad},
    {schema::Op::Slice, Wants::kAny, export_slice},
    {schema::Op::Transpose, Wants::kForm, export_transpose},
};
extern constinit const ExportRows kExportMove{kExportMoveRows};

}  // namespace octet::convert
