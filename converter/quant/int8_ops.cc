#include "converter/quant/int8_ops.h"

#include <set>

#include "converter/graph/as_model.h"
#include "runtime/core/int8.h"
#include "runtime/core/op.h"

namespace octet::convert {

Result<std::vector<std::string>> int8_ops(const Graph& g) {
  // The model is gone before this returns, so it need not own the graph.
  auto model = as_model(std::shared_ptr<const Graph>(std::shared_ptr<const Graph>(), &g));
  if (!model) return model.error();
  std::set<std::string> names;
  for (const NodeDef& n : model->data().nodes)
    if (!n.kind->moves_only && can_int8(n, model->data())) names.emplace(n.kind->names(n)[0]);
  return std::vector<std::string>(names.begin(), names.end());
}

}  // namespace octet::convert
