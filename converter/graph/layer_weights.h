// What the weights of a convolution or matmul are: how many products make a sum, whether channels stand alone, and the order in
// which the file has them as int8.
#pragma once
#include <optional>

#include "converter/graph/edit.h"
#include "schema/format.h"

namespace octet::convert {

// Products in one sum of a layer.
int64_t depth(const Graph& g, const Node& layer);
// A convolution each of whose channels has weights of its own.
bool depthwise(const Graph& g, const Node& layer);

// For each tensor the order that its readers want it in as int8 weights; nothing: dense. An error
// where they differ, or where a constant's bytes do not fit its shape.
Result<std::vector<std::optional<schema::PackedShape>>> packings(const Graph& g);
std::vector<std::byte> packed(const Tensor& t, const schema::PackedShape& shape);

}  // namespace octet::convert
