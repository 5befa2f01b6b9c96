// What a prepared session knows of the tensors inside, for tools.
#pragma once
#include <octet/octet.h>
#include <vector>

namespace octet {

// Of all tensors of the model file, by index; the session must be prepared.
std::vector<Shape> tensor_shapes(const Session& session);

}  // namespace octet
