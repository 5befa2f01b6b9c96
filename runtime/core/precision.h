// Which nodes run in int8: what the file allows, narrowed by the caller's op lists.
#pragma once
#include <vector>

#include "runtime/core/op.h"

namespace octet {

// Whether a node of that name is, or was written beside, the source's node `source`: "conv1", "conv1:transpose" of conv1.
bool is_of(std::string_view node, std::string_view source);

// What to say of a name that no node has: the names that look most like it.
std::string similar_names(std::string_view wanted, std::vector<std::string_view> names);

// By node: those whose quantisation the file gives (can_int8) and whose op the lists name. Ops that only move elements need
// no naming, unless to be excluded; they are int8 where that saves converting. The same holds, where the caller excludes others
// and has no list of his own, for ops whose results are such elements or lie between them (a max pool, a resize):
// - all that they move was u8 when it was made, or came so through such ops: moved as bytes, it may be dequantised later; or
// - all that read the result, through such ops or at once, take u8: it is quantised before it is moved instead of behind.
// So nothing is quantised and dequantised merely to be moved. Refuses names in the lists that no op has.
Result<std::vector<bool>> choose_int8(const ModelData& model, const SessionOptions& options);

// What the caller's op list costs compared with the one that the model was quantised with; empty where it costs nothing.
std::vector<std::string> int8_warnings(const ModelData& model, const SessionOptions& options,
                                       const std::vector<bool>& int8);

}  // namespace octet
