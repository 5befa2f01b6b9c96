// ONNX' constants: every way in which a file stores their elements.
#pragma once
#include "converter/graph/graph.h"
#include "converter/import/build/source_files.h"
#include "onnx.pb.h"

namespace octet::convert {

// Octet's type for ONNX' element type; nothing for strings, complex numbers and the like.
std::optional<DType> dtype_of_onnx(int32_t data_type);

// Half, bfloat16 and double become f32, the smaller integers s32. External data is read from files below
// the model's folder.
// The error's text lacks the tensor's name.
Result<Tensor> read_tensor(const onnx::TensorProto& proto, SourceFiles& files);

}  // namespace octet::convert
