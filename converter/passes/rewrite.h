// The loop that all passes share.
#pragma once
#include <algorithm>

#include "converter/graph/rewriter.h"
#include "converter/passes/passes.h"

namespace octet::convert {

// Calls `visit(r, i)` for each node i until it returns false for all of them; it returns whether it rewrote something. What
// nobody reads any more then goes by itself.
int rewrite_nodes(Graph& g, bool (*visit)(Rewriter& r, int i));

// Before: y = Transpose(Transpose(x, p), q)   After: y = Transpose(x, p then q), or x where that is the identity
bool merge_transposes(Rewriter& r, int i);

}  // namespace octet::convert
