// LayerNorm.
#include "converter/export/export_ops.h"

namespace octet::convert {
namespace {

std::string mean(const ExportNode& n, const std::string& x) {
  if (n.opset() >= 18) return n.emit("ReduceMean", {x, n.ints({-1})});
  return n.emit("ReduceMean", {x}, {{"axes", std::vector<int64_t>{-1}}});
}

}  // namespace

// One op from opset 17 on, which has a scale always and takes the mean away always.
static Result<void> export_layer_norm(ExportNode& n) {
  const auto& a = n.attributes<schema::LayerNorm>();
  const std::string x = n.operand(0);
  if (n.opset() >= 17 && a.centred() && n.has(1))
    return n.result(n.emit("LayerNormalization", {x, n.operand(1), n.operand(2)}, {{"epsilon", a.epsilon()}}));
  std::string y = a.centred() ? n.emit("Sub", {x, mean(n, x)}) : x;
  const std::string variance = n.emit("Add", {mean(n, n.emit("Mul", {y, y})), n.scalar(a.epsilon())});
  y = n.emit("Div", {y, n.emit("Sqrt", {variance})});
  if (n.has(1)) y = n.emit("Mul", {y, n.operand(1)});
  if (n.has(2)) y = n.emit("Add", {y, n.operand(2)});
  return n.result(y);
}

static constexpr ExportOp kExportNormaliseRows[] = {
    {schema::Op::LayerNorm, Wants::kFile, export_layer_norm},
};
extern constinit const ExportRows kExportNormalise{kExportNormaliseRows};

}  // namespace octet::convert
