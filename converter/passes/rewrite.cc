#include "converter/passes/rewrite.h"

namespace octet::convert {

int rewrite_nodes(Graph& g, bool (*visit)(Rewriter& r, int i)) {
  remove_dead(g);
  Rewriter r(g);
  int count = 0;
  for (bool changed = true; changed;) {
    changed = false;
    for (int i = r.first(); i >= 0;) {
      const int earlier = r.before(r.before(i));
      const TensorId result = r.node(i).outputs[0];
      if (!visit(r, i)) {
        i = r.after(i);
        continue;
      }
      ++count;
      changed = true;
      r.settle(result);
      i = r.standing(earlier);  // what stands before may match now
      if (i < 0) i = r.first();
    }
  }
  return count;
}

}  // namespace octet::convert
