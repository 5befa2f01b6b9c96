// The way out: a model becomes the bytes of an ONNX file.
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

// Errors name file, node and op.
Result<std::vector<std::byte>> export_onnx(const Model& model, const ExportOptions& options = {});

}  // namespace octet
