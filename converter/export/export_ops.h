// What the files of this folder provide: for each op of the schema how it is written as ONNX.
#pragma once
#include <span>

#include "converter/export/export_node.h"

namespace octet::convert {

enum class Wants {
  kImage,  // ONNX' op has channels second
  kAny,    // does as well in either layout: that of its operands
  kFile,   // in the layout of the file
  kForm,   // looks itself how its operand is held
};

struct ExportOp {
  schema::Op type;
  Wants wants;
  Result<void> (*write)(ExportNode&);
};

// What a file of this folder offers: `extern constinit const ExportRows kExport...`, which the build collects.
using ExportRows = std::span<const ExportOp>;
std::span<const ExportRows* const> export_rows();

// The row of that op; where there is none, one that refuses with the way out.
const ExportOp& export_op(schema::Op type);

}  // namespace octet::convert
