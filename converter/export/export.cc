// octet::export_onnx: the graph node by node.
#include "octet/export.h"

#include <map>

#include "converter/export/export_ops.h"
#include "runtime/core/precision.h"

namespace octet {
namespace convert {
namespace {

// Channels second where an operand is held so already; only among operands of rank 4, or constants that broadcast to it.
Layout agreed_layout(const Exporter& e, const NodeDef& n) {
  bool turned = false;
  for (int t : n.inputs) {
    if (t < 0) continue;
    if (e.def(t).shape.rank() != 4 && !(e.def(t).constant && e.def(t).shape.rank() < 4)) return Layout::kFile;
    turned = turned || (!e.def(t).constant && e.home(t) == Layout::kNchw);
  }
  return turned ? Layout::kNchw : Layout::kFile;
}

// Where dims that are left lie in the same order in both layouts, or none is dropped.
bool keeps_order(const NodeDef& n, schema::Op type) {
  if (type == schema::Op::ArgMax) {
    const auto& a = n.attributes<schema::ArgMax>();
    return a.keep_dims() || a.axis() == 3 || a.axis() == -1;
  }
  if (type == schema::Op::Reduce) return n.attributes<schema::Reduce>().keep_dims();
  if (type == schema::Op::Slice) return n.inputs.size() == 1;  // operands speak of the file's axes
  if (type == schema::Op::Pad) return n.inputs.size() == 1;
  return true;
}

Layout layout_for(const Exporter& e, const NodeDef& n, const ExportOp& op) {
  switch (op.wants) {
    case Wants::kImage:
      return Layout::kNchw;
    case Wants::kAny:
      return keeps_order(n, op.type) ? agreed_layout(e, n) : Layout::kFile;
    case Wants::kForm:
      return e.home(n.inputs[0]);
    case Wants::kFile:
      break;
  }
  return Layout::kFile;
}

void describe(Exporter& e) {
  const ModelData& m = e.model;
  for (int t : m.outputs) e.out.output(std::string(e.def(t).name), e.def(t).dtype, e.def(t).shape);
  for (int t : m.inputs) {
    const TensorDef& d = e.def(t);
    e.out.input(std::string(d.name), d.dtype, d.shape);
    e.made(t, Layout::kFile, std::string(d.name), {});
  }
  for (const auto& [key, value] : m.metadata) e.out.metadata(std::string(key), std::string(value));
}

Result<void> export_nothing(ExportNode& n) {
  return n.refuse(
      "has no equivalent in ONNX; convert the source model again with --outputs naming the tensors before it ('" +
      std::string(n.in(0).name) + "' is one), and export that");
}

}  // namespace

const ExportOp& export_op(schema::Op type) {
  static constexpr ExportOp kNone{.type = schema::Op::NONE, .wants = Wants::kFile, .write = export_nothing};
  for (const ExportRows* rows : export_rows())
    for (const ExportOp& op : *rows)
      if (op.type == type) return op;
  return kNone;
}

}  // namespace convert

Result<std::vector<std::byte>> export_onnx(const Model& model, const ExportOptions& options) {
  using namespace convert;
  const ModelData& m = model.data();
  if (options.opset < kLeastOpset || options.opset > kMostOpset)
    return error(Code::kBadArgument, "--opset ", options.opset, ": from ", kLeastOpset,
                 " (the first whose DequantizeLinear has an axis) to ", kMostOpset);
  if (!options.as_float && !model.quantized())
    return error(Code::kBadArgument, m.name, ": this model is not quantised; --float exports it as it is");
  auto int8 = choose_int8(m, {.precision = options.as_float ? Precision::kF32 : Precision::kInt8});
  if (!int8) return int8.error();
  Exporter e(m, std::move(*int8), options.opset);
  describe(e);
  for (size_t i = 0; i < m.nodes.size(); ++i) {
    const ExportOp& op = export_op(m.nodes[i].kind->type);
    ExportNode node(e, i, layout_for(e, m.nodes[i], op));
    OCTET_TRY(op.write(node));
  }
  std::map<std::string_view, std::string> named;  // what stands under a name already
  for (int t : m.inputs) named.emplace(e.def(t).name, e.def(t).name);
  for (int t : m.outputs) {
    const std::string made = e.value(t, Layout::kFile), name(e.def(t).name);
    const auto [other, first] = named.emplace(e.def(t).name, made);
    if (first)
      e.out.give(made, name);
    else if (other->second != made)
      return error(
          Code::kUnsupported, m.name, ": output '", name,
          "' has the name of an input or another output; in ONNX a name is one tensor: convert the source model ",
          "again with --outputs naming other tensors");
  }
  return e.out.bytes();
}

}  // namespace octet
