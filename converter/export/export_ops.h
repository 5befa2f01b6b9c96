// What the files of this folder provide: for each op of the schema how it is written as ONNX.
#pragma once
#include <string_view>

#include "converter/export/export_node.h"

namespace octet::convert {

enum class Wants {
  kImage,    // ONNX' op has channels second
  kAny,      // does as well in either layout: that of its operands
  kFile,     // in the layout of the file
  kForm,     // looks itself how its operand is held
  kNothing,  // ONNX has no such op
};

struct ExportOp {
  schema::Op type;
  Wants wants;
  Result<void> (*write)(ExportNode&);
};

const ExportOp& export_op(schema::Op type);

Result<void> export_affine(ExportNode&);
Result<void> export_arg_max(ExportNode&);
Result<void> export_binary(ExportNode&);
Result<void> export_cast(ExportNode&);
Result<void> export_compare(ExportNode&);
Result<void> export_concat(ExportNode&);
Result<void> export_conv(ExportNode&);
Result<void> export_cum_sum(ExportNode&);
Result<void> export_deform_conv(ExportNode&);
Result<void> export_expand(ExportNode&);
Result<void> export_fake_quantize(ExportNode&);
Result<void> export_gather(ExportNode&);
Result<void> export_gather_elements(ExportNode&);
Result<void> export_gather_nd(ExportNode&);
Result<void> export_grid_sample(ExportNode&);
Result<void> export_layer_norm(ExportNode&);
Result<void> export_matmul(ExportNode&);
Result<void> export_non_max_suppression(ExportNode&);
Result<void> export_non_zero(ExportNode&);
Result<void> export_nothing(ExportNode&);
Result<void> export_pad(ExportNode&);
Result<void> export_pool(ExportNode&);
Result<void> export_range(ExportNode&);
Result<void> export_reduce(ExportNode&);
Result<void> export_reshape(ExportNode&);
Result<void> export_resize(ExportNode&);
Result<void> export_scatter_elements(ExportNode&);
Result<void> export_scatter_nd(ExportNode&);
Result<void> export_shape_of(ExportNode&);
Result<void> export_slice(ExportNode&);
Result<void> export_softmax(ExportNode&);
Result<void> export_top_k(ExportNode&);
Result<void> export_transpose(ExportNode&);
Result<void> export_unary(ExportNode&);
Result<void> export_where(ExportNode&);

}  // namespace octet::convert
