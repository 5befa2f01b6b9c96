// Which nodes run in int8: what the file allows, narrowed by the caller's op lists.
#pragma once
#include <vector>

#include "runtime/core/op.h"

namespace octet {

// Whether a node of that name is, or was written beside, the source's node `source`: "conv1", "conv1:transpose" of conv1.
bool is_of(std::string_view node, std::string_view source);

// What to say of a name that no node has: the names that look most like it.
std::string similar_names(std::string_view wanted, std::vector<std::string_view> names);

// By node. Refuses names in the op lists that no op has.
Result<std::vector<bool>> choose_int8(const ModelData& model, const SessionOptions& options);

// What the caller's op list costs compared with the one that the model was quantised with; empty where it costs nothing.
std::vector<std::string> int8_warnings(const ModelData& model, const SessionOptions& options,
                                       const std::vector<bool>& int8);

}  // namespace octet
