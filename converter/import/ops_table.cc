// What Octet can import and run, as the Markdown of docs/OPS.md.

#include "converter/import/onnx/ops/ops.h"
#include "converter/import/paddle/ops/ops.h"
#include "converter/import/paddle/pir/ops.h"
#include "octet/convert.h"
#include "runtime/core/op.h"

namespace octet {
namespace {

std::string runtime_rows() {
  std::vector<const OpKind*> ops(all_ops().begin(), all_ops().end());
  std::sort(ops.begin(), ops.end(), [](const OpKind* a, const OpKind* b) {
    return std::string_view(schema::EnumNameOp(a->type)) < schema::EnumNameOp(b->type);
  });
  std::string text;
  for (const OpKind* op : ops) {
    const char* form = op->moves_only ? "the form of its input" : op->int8 ? "float, int8" : "the type of the model";
    text += std::string("| ") + schema::EnumNameOp(op->type) + " | " + form + " |\n";
  }
  return text;
}

std::string inputs(int low, int high) {
  if (low == high) return std::to_string(low);
  return std::to_string(low) + (high > 100 ? " or more" : " to " + std::to_string(high));
}

}  // namespace

std::string ops_table() {
  std::string text =
      "# Ops\n\n"
      "Made by `octet-convert ops`; a test compares it. Opsets from 7 on; what an op cannot do in some case is said "
      "when the "
      "model is\nconverted, with the node's name. OPS_COMPARED.md sets them beside ONNX Runtime.\n\n"
      "## ONNX\n| op | inputs |\n|---|---|\n";
  for (const convert::OnnxOp& op : convert::onnx_ops())
    text += "| " + std::string(op.domain) + (op.domain.empty() ? "" : ".") + std::string(op.name) + " | " +
            inputs(op.min_inputs, op.max_inputs) + " |\n";
  text += "\n## Paddle\n";
  const auto paddle = convert::paddle_ops();
  for (const convert::PaddleOp& op : paddle) text += std::string(op.name) + (&op == &paddle.back() ? ".\n" : ",\n");
  text += "\n## Paddle 3\nIn programs of its own form (PIR), under a name with or without `_`:\n";
  const auto pir = convert::pir_ops();
  for (const convert::PirOp& op : pir) text += std::string(op.name) + (&op == &pir.back() ? ".\n" : ",\n");
  text +=
      "\n## Runtime\nWhat they become, after fusion (schema/model.fbs has the attributes).\n\n"
      "| op | runs in |\n|---|---|\n" +
      runtime_rows();
  return text;
}

}  // namespace octet
