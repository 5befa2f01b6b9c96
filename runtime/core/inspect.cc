// What a model's file holds, for tools; what only a session knows is in session.cc.
#include "runtime/core/inspect.h"

#include <cstring>

#include "runtime/core/model.h"
#include "runtime/core/op.h"
#include "runtime/core/precision.h"
#include "schema/format.h"

namespace octet {

FileFacts file_facts(const Model& model) {
  const ModelData& data = model.data();
  schema::FileHeader header;
  std::memcpy(&header, data.file.get(), sizeof header);  // a loaded file has one
  FileFacts facts{.format_major = header.version_major,
                  .format_minor = header.version_minor,
                  .file_bytes = data.file_bytes,
                  .graph_bytes = static_cast<size_t>(header.graph_bytes),
                  .weight_bytes = data.weight_bytes,
                  .tensors = {},
                  .nodes = {},
                  .inputs = data.inputs,
                  .outputs = data.outputs,
                  .int8_ops = data.int8_ops,
                  .metadata = data.metadata};
  for (const TensorDef& t : data.tensors)
    facts.tensors.push_back({.name = t.name,
                             .dtype = t.dtype,
                             .shape = t.shape,
                             .constant = t.constant,
                             .bytes = t.bytes,
                             .scale = t.quant.scale,
                             .zero_point = t.quant.zero_point,
                             .weight_scale = t.weight_scale});
  const auto chosen = choose_int8(data, {});  // an error: the model is not quantised
  const auto int8 = chosen ? *chosen : std::vector<bool>(data.nodes.size());
  for (const NodeDef& n : data.nodes)
    facts.nodes.push_back({.name = n.name,
                           .op = n.kind->names(n)[0],
                           .type = n.kind->type,
                           .attributes = n.op,
                           .int8 = int8[facts.nodes.size()],
                           .moves_only = n.kind->moves_only,
                           .inputs = n.inputs,
                           .outputs = n.outputs,
                           .fused = n.fused});
  return facts;
}

}  // namespace octet
