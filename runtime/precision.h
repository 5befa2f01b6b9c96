// Which nodes run in int8: what the file allows, narrowed by the caller's op lists.
#pragma once
#include <vector>

#include "runtime/op.h"

namespace octet {

// By node. Refuses names in the op lists that no op has.
Result<std::vector<bool>> choose_int8(const ModelData& model, const SessionOptions& options);

}  // namespace octet
