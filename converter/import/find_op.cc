// Looks up source ops among the rows that the build collected.
#include <algorithm>
#include <tuple>
#include <vector>

#include "converter/import/onnx/ops/ops.h"
#include "converter/import/paddle/ops/ops.h"

namespace octet::convert {
namespace {

auto key(const OnnxOp& op) { return std::tie(op.domain, op.name); }
auto key(const PaddleOp& op) { return std::tie(op.name); }

template <class Op>
std::vector<Op> sorted(std::span<const std::span<const Op>* const> files) {
  std::vector<Op> all;
  for (const auto* rows : files) all.insert(all.end(), rows->begin(), rows->end());
  std::sort(all.begin(), all.end(), [](const Op& a, const Op& b) { return key(a) < key(b); });
  return all;
}

template <class Op>
const Op* find(std::span<const Op> all, const Op& wanted) {
  const auto it =
      std::lower_bound(all.begin(), all.end(), wanted, [](const Op& a, const Op& b) { return key(a) < key(b); });
  return it != all.end() && key(*it) == key(wanted) ? &*it : nullptr;
}

}  // namespace

std::span<const OnnxOp> onnx_ops() {
  static const std::vector<OnnxOp> all = sorted<OnnxOp>(onnx_rows());
  return all;
}

const OnnxOp* find_onnx_op(std::string_view name, std::string_view domain) {
  return find(onnx_ops(), {.name = name, .domain = domain});
}

std::span<const PaddleOp> paddle_ops() {
  static const std::vector<PaddleOp> all = sorted<PaddleOp>(paddle_rows());
  return all;
}

const PaddleOp* find_paddle_op(std::string_view name) { return find(paddle_ops(), {.name = name}); }

}  // namespace octet::convert
