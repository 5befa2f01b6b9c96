// Models of other programs, known by their file's name: what they are, and how an ONNX file is made of them.
#pragma once
#include <optional>
#include <string>

namespace octet::convert {

// "is a TensorFlow Lite model: ..."; nothing for other names.
std::optional<std::string> other_format(const std::string& path);

}  // namespace octet::convert
