// Ops that compute or set sizes: Reshape, ShapeOf, Range, NonZero.
#include <algorithm>

#include "converter/export/export_ops.h"

namespace octet::convert {
namespace {

// Sizes of a computed shape: a run of constants, or of a dim of x.
std::string computed_shape(const ExportNode& n, const std::string& x, const std::vector<int64_t>& sizes) {
  const std::string shape = n.emit("Shape", {x});
  Names parts;
  for (int64_t size : sizes)
    parts.push_back(size >= -1 ? n.ints({size}) : n.emit("Gather", {shape, n.ints({-2 - size})}));
  return n.emit("Concat", parts, {{"axis", int64_t{0}}});
}

}  // namespace

static Result<void> export_reshape(ExportNode& n) {
  const auto* shape = n.attributes<schema::Reshape>().shape();
  if (!shape) return n.moved_result(n.emit("Reshape", {n.moved(0), n.has(1) ? n.operand(1) : n.ints({})}));
  std::vector<int64_t> sizes(shape->begin(), shape->end());
  if (std::find(sizes.begin(), sizes.end(), 0) != sizes.end()) return n.refuse("reshapes to an empty tensor");
  const Shape& from = n.in(0).shape;
  bool elsewhere = false;  // an unknown size of x at another place
  bool copies = static_cast<int>(sizes.size()) == from.rank();
  for (int d = 0; d < static_cast<int>(sizes.size()); ++d) {
    int64_t& size = sizes[static_cast<size_t>(d)];
    const int place = static_cast<int>(-2 - size);
    if (size < -1 && from[place] > 0) size = from[place];
    elsewhere = elsewhere || (size < -1 && place != d);
    copies = copies && (size < -1 ? place == d : size == from[d]);
  }
  // A copy has the name of what it copies, so that an output that is an input stays it.
  if (copies && !n.to_u8() && n.e.same(n.def.outputs[0], Layout::kFile, n.def.inputs[0], Layout::kFile, false))
    return {};
  const std::string x = n.moved(0);
  if (elsewhere) return n.moved_result(n.emit("Reshape", {x, computed_shape(n, x, sizes)}));
  for (int64_t& size : sizes) size = size < -1 ? 0 : size;  // ONNX' 0: the size of this place
  return n.moved_result(n.emit("Reshape", {x, n.ints(sizes)}));
}

// Of an operand in either layout: its sizes are picked in the file's order.
static Result<void> export_shape_of(ExportNode& n) {
  const auto& a = n.attributes<schema::ShapeOf>();
  const int rank = n.rank(0);
  const auto place = [&](int v) { return std::clamp(v < 0 ? v + rank : v, 0, rank); };
  std::vector<int64_t> picked;
  for (int d = place(a.start()); d < place(a.end()); ++d) picked.push_back(n.axis(d, rank));
  return n.result(n.emit("Gather", {n.emit("Shape", {n.operand(0)}), n.ints(picked)}));
}

static Result<void> export_range(ExportNode& n) {
  Names scalars;
  for (int i = 0; i < 3; ++i) scalars.push_back(n.rank(i) ? n.emit("Squeeze", {n.operand(i)}) : n.operand(i));
  return n.result(n.emit("Range", scalars));
}

static Result<void> export_non_zero(ExportNode& n) { return n.result(n.emit("NonZero", {n.operand(0)})); }

static constexpr ExportOp kExportShapeRows[] = {
    {schema::Op::NonZero, Wants::kFile, export_non_zero},
    {schema::Op::Range, Wants::kFile, export_range},
    {schema::Op::Reshape, Wants::kFile, export_reshape},
    {schema::Op::ShapeOf, Wants::kForm, export_shape_of},
};
extern constinit const ExportRows kExportShape{kExportShapeRows};

}  // namespace octet::convert
