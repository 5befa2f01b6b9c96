// The loop that all passes share.
#pragma once
#include <algorithm>

#include "converter/passes/passes.h"

namespace octet::convert {

// Calls `visit(g, uses, i)` for each node until it returns false for all of them; it returns whether it rewrote something,
// and may then have inserted and removed nodes.
template <class Visit>
int rewrite_nodes(Graph& g, Visit visit) {
  int count = 0;
  for (bool changed = true; changed;) {
    changed = false;
    Uses uses(g);
    for (int i = 0; i < static_cast<int>(g.nodes.size()); ++i) {
      if (!visit(g, uses, i)) continue;
      ++count;
      changed = true;
      remove_dead(g);
      uses = Uses(g);
      i = std::max(-1, i - 3);  // what stands before may match now
    }
  }
  return count;
}

}  // namespace octet::convert
