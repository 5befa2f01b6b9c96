// A model's inputs and outputs as the converter's caller names and shapes them.
#pragma once
#include <optional>

#include "converter/graph/graph.h"
#include "octet/convert.h"

namespace octet::convert {

// An error names an input shape of the caller's that belongs to none of `inputs`. Its text lacks the file.
Result<void> check_input_names(const ConvertOptions& options, const std::vector<std::string>& inputs);

// The shape of an input: the caller's, else what the source declares (-1: dynamic). The error's text lacks the file.
Result<Shape> input_shape(const ConvertOptions& options, const std::string& name, const std::optional<Shape>& declared);

// Makes `id` an output: itself under that name, or a copy where it already has a public name.
void add_output(Graph& g, TensorId id, const std::string& name);

}  // namespace octet::convert
