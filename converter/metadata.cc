// octet::with_metadata: what is said of a model after it was written. Its graph is packed anew, weights and meaning stay.
#include <algorithm>
#include <cstring>

#include "converter/graph/emit.h"
#include "octet/convert.h"
#include "schema/format.h"
#include "schema/model_generated.h"

namespace octet {
namespace {

uint64_t aligned(uint64_t n) { return (n + schema::kAlignment - 1) / schema::kAlignment * schema::kAlignment; }

void put(schema::ModelT& model, const std::string& key, const std::string& value) {
  std::erase_if(model.metadata, [&](const auto& kv) { return kv->key == key; });
  auto kv = std::make_unique<schema::KeyValueT>();
  kv->key = key;
  kv->value = value;
  model.metadata.push_back(std::move(kv));
}

}  // namespace

Result<std::vector<std::byte>> with_metadata(std::span<const std::byte> bytes,
                                             std::span<const std::pair<std::string, std::string>> pairs) {
  const auto loaded = Model::from_bytes(bytes, "the model");  // so everything below lies inside
  if (!loaded) return loaded.error();
  schema::FileHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  schema::ModelT model;
  schema::GetModel(bytes.data() + header.graph_offset)->UnPackTo(&model);
  for (const auto& [key, value] : pairs)
    if (key != schema::kNumericsKey) put(model, key, value);
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(schema::Model::Pack(builder, &model), schema::ModelIdentifier());
  const auto graph = std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize()));
  const auto weights = bytes.subspan(header.weights_offset, header.weights_bytes);
  header.graph_offset = sizeof header;
  header.graph_bytes = graph.size();
  header.graph_hash = schema::hash(graph);
  header.weights_offset = aligned(sizeof header + graph.size());
  std::vector<std::byte> file(header.weights_offset + weights.size());
  std::memcpy(file.data(), &header, sizeof header);
  std::copy(graph.begin(), graph.end(), file.begin() + sizeof header);
  std::copy(weights.begin(), weights.end(), file.begin() + static_cast<int64_t>(header.weights_offset));
  return file;
}

}  // namespace octet
