// The files that hold a Paddle model's parameters.
#pragma once
#include <optional>
#include <unordered_map>

#include "converter/graph/graph.h"
#include "converter/import/build/source_files.h"
#include "converter/import/paddle/files.h"

namespace octet::convert {

// Octet's type for Paddle's: 16-bit floats and doubles become f32. All integers but the 8-bit ones become s64, so that
// arithmetic on shapes has one type. Nothing for types that are no tensor's.
std::optional<DType> dtype_of_paddle(int32_t data_type);

struct PaddleVariable {
  std::string name;
  std::optional<Shape> shape;  // as the program declares it
};

// All parameters by name. The records of a combined file carry no names: they stand in the order of the sorted names, and
// each must have its variable's shape, and together be as long as the file. Files of one parameter lie in or below the folder of
// `beside`. Errors name file and variable.
Result<std::unordered_map<std::string, Tensor>> read_paddle_parameters(const PaddleFiles& files,
                                                                       std::vector<PaddleVariable> variables,
                                                                       SourceFiles beside);

}  // namespace octet::convert
