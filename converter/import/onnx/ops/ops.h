// The ops that the converter knows by their ONNX names. An op's importer is one function; a row in the same file names it.
#pragma once
#include <limits>
#include <span>
#include <string_view>

#include "converter/import/onnx/node.h"

namespace octet::convert {

inline constexpr int kAnyInputs = std::numeric_limits<int>::max();
inline constexpr std::string_view kMicrosoft = "com.microsoft";

struct OnnxOp {
  std::string_view name;
  void (*import)(OnnxNode&);
  int min_inputs;  // that many must be there
  int max_inputs;
  std::string_view domain = "";  // ONNX' own
  bool reads_stored = false;     // knows what operands that are integers in the file stand for (quantised.h)
  bool reads_sequences = false;  // takes operands that are sequences of tensors
};

// What a file of this folder offers: `extern constinit const OnnxRows kOnnx...`, which the build collects.
using OnnxRows = std::span<const OnnxOp>;
std::span<const OnnxRows* const> onnx_rows();

std::span<const OnnxOp> onnx_ops();  // all of them, by domain and name
const OnnxOp* find_onnx_op(std::string_view name, std::string_view domain = "");

}  // namespace octet::convert
