// A model that is to be calibrated anew forgets the scales of its activations.
// Before: y = FakeQuantize(x)   After: x
#include "converter/passes/rewrite.h"

namespace octet::convert {

int remove_rounding(Graph& g) {
  int count = 0;
  {
    Rewriter r(g);
    for (int i = static_cast<int>(g.nodes.size()); i-- > 0;) {
      if (!as<schema::FakeQuantizeT>(r.node(i))) continue;
      r.replace_uses(r.node(i).outputs[0], r.node(i).inputs[0]);
      ++count;
    }
  }
  remove_dead(g);
  return count;
}

}  // namespace octet::convert
