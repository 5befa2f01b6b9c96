// A model that is to be calibrated anew forgets the scales of its activations.
// Before: y = FakeQuantize(x)   After: x
#include "converter/passes/passes.h"

namespace octet::convert {

int remove_rounding(Graph& g) {
  int count = 0;
  for (size_t i = g.nodes.size(); i-- > 0;) {
    if (!as<schema::FakeQuantizeT>(g.nodes[i])) continue;
    const TensorId from = g.nodes[i].outputs[0], to = g.nodes[i].inputs[0];
    replace_uses(g, from, to);
    ++count;
  }
  remove_dead(g);
  return count;
}

}  // namespace octet::convert
