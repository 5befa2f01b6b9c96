// The way out: a model becomes the bytes of an ONNX file, for other runtimes. Float tensors of rank 4 have their channels second
// there, as in the source. Threads may export at a time, the same model too.
#pragma once
#include <octet/octet.h>
#include <cstddef>
#include <vector>

namespace octet {

inline constexpr int kLeastOpset = 13, kMostOpset = 21;  // 13: DequantizeLinear has an axis

struct ExportOptions {
  int opset = 17;
  // The float network, int8 weights dequantised. Otherwise what runs in int8 stands between QuantizeLinear and
  // DequantizeLinear nodes with the scales of the file.
  bool as_float = false;
};

// Errors name file, node and op: one that ONNX has not in that opset, or a model without int8 where that is asked for.
Result<std::vector<std::byte>> export_onnx(const Model& model, const ExportOptions& options = {});

}  // namespace octet
