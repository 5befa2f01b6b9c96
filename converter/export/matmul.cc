// MatMul: with constant weights as a layer, else of two activations; a bias is added behind it.
#include <numeric>

#include "converter/export/layer.h"

namespace octet::convert {
namespace {

std::string transposed(const ExportNode& n, const std::string& x, int rank) {
  std::vector<int64_t> perm(static_cast<size_t>(rank));
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  return n.emit("Transpose", {x}, {{"perm", perm}});
}

Result<void> activated_result(const ExportNode& n, const std::string& y, bool in_steps) {
  auto made = n.activated(y, n.attributes<schema::MatMul>().act());
  return made ? n.result(*made, in_steps) : made.error();
}

}  // namespace

static Result<void> export_matmul(ExportNode& n) {
  const auto& a = n.attributes<schema::MatMul>();
  const TensorDef& b = n.in(1);
  if (b.constant && b.shape.rank() == 2 && a.transpose_b() && !a.transpose_a()) {
    conv::Geometry g;
    g.out = b.shape[0], g.in = b.shape[1];
    const WeightOrder order{
        .shape = {g.in, g.out}, .channel_axis = 1, .place = [&](int64_t c, int64_t k) { return k * g.out + c; }};
    const auto kind = a.act() ? a.act()->kind() : schema::ActKind::none;
    const bool linear =
        kind == schema::ActKind::none || kind == schema::ActKind::relu || kind == schema::ActKind::leaky_relu;
    const LayerConstants layer = layer_constants(n, g, order, linear);
    std::string y = n.emit("MatMul", {layer.x, layer.weights});
    if (!layer.bias.empty()) y = n.emit("Add", {y, layer.bias});
    return activated_result(n, y, layer.in_steps);
  }
  std::string x = n.operand(0), w = n.operand(1);
  if (a.transpose_a()) x = transposed(n, x, n.rank(0));
  if (a.transpose_b()) w = transposed(n, w, n.rank(1));
  std::string y = n.emit("MatMul", {x, w});
  if (n.has(2)) y = n.emit("Add", {y, n.operand(2)});
  return activated_result(n, y, false);
}

static constexpr ExportOp kExportMatmulRows[] = {
    {schema::Op::MatMul, Wants::kFile, export_matmul},
};
extern constinit const ExportRows kExportMatmul{kExportMatmulRows};

}  // namespace octet::convert
