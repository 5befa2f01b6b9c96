// What a prepared session knows of the tensors inside, for the converter and for tools.
#pragma once
#include <octet/octet.h>
#include <optional>
#include <vector>

namespace octet {

// Of all tensors of the model file, by index; the session must be prepared.
std::vector<Shape> tensor_shapes(const Session& session);
// The content of a tensor that is constant or follows from the input shapes alone.
std::optional<Tensor> constant_value(const Session& session, int tensor);

}  // namespace octet
