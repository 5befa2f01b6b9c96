// Written twice: the names of what runs in int8 come from the runtime that has read the first.
#include "converter/quant/emit_int8.h"

#include <set>

#include "runtime/core/op.h"

namespace octet::convert {

Result<void> record_int8_ops(Graph& g) {
  auto bytes = emit(g);
  if (!bytes) return bytes.error();
  auto model = Model::from_bytes(*bytes, g.source);
  if (!model) return model.error();
  std::set<std::string> names;
  for (const NodeDef& n : model->data().nodes)
    if (!n.kind->moves_only && can_int8(n, model->data())) names.emplace(n.kind->names(n)[0]);
  g.int8_ops.assign(names.begin(), names.end());
  return {};
}

Result<std::vector<std::byte>> emit_int8(Graph& g) {
  if (auto done = record_int8_ops(g); !done) return done.error();
  return emit(g);
}

}  // namespace octet::convert
