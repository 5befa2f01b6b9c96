// One change to an .octet file, with its framing and checksums kept right.
#include "tests/fuzz/change_octet.h"

#include <cstring>

#include "runtime/core/model.h"
#include "schema/format.h"
#include "schema/model_generated.h"

namespace octet::fuzz {
namespace {

template <class T>
T& pick(std::vector<T>& from, std::minstd_rand& random) {
  return from[random() % from.size()];
}

// One change to what the graph says: damage that flatbuffers' own checks do not see.
void change(schema::ModelT& m, std::minstd_rand& random) {
  if (m.nodes.empty() || m.tensors.empty()) return;
  auto& node = *pick(m.nodes, random);
  auto& tensor = *pick(m.tensors, random);
  const auto any = static_cast<int>(random() % m.tensors.size());
  constexpr int64_t kSizes[] = {-1, 0, 1, 2, 3, 7, 16, 17, 64, 1 << 20, int64_t{1} << 40};
  const int64_t size = kSizes[random() % std::size(kSizes)];
  switch (random() % 9) {
    case 0:
      if (!node.inputs.empty()) pick(node.inputs, random) = any;
      break;
    case 1:
      node.inputs.push_back(any);
      break;
    case 2:
      if (!node.inputs.empty()) node.inputs.pop_back();
      break;
    case 3:
      node.op = pick(m.nodes, random)->op;
      break;
    case 4:
      if (!tensor.shape.empty()) pick(tensor.shape, random) = size;
      break;
    case 5:
      tensor.shape.push_back(size);
      break;
    case 6:
      if (const auto& other = pick(m.tensors, random)->quant) tensor.quant = std::make_unique<schema::QuantT>(*other);
      break;
    case 7:
      if (tensor.quant && !tensor.quant->scale.empty()) pick(tensor.quant->scale, random) *= 1e6f;
      break;
    default:
      m.outputs.push_back(any);
  }
}

}  // namespace

bool rehash(std::span<std::byte> file) {
  schema::FileHeader h;
  if (file.size() < sizeof h) return false;
  std::memcpy(&h, file.data(), sizeof h);
  auto inside = [&](uint64_t offset, uint64_t size) { return offset <= file.size() && size <= file.size() - offset; };
  if (!inside(h.graph_offset, h.graph_bytes) || !inside(h.weights_offset, h.weights_bytes)) return false;
  h.graph_hash = schema::hash(file.subspan(h.graph_offset, h.graph_bytes));
  h.weights_hash = schema::hash(file.subspan(h.weights_offset, h.weights_bytes));
  std::memcpy(file.data(), &h, sizeof h);
  return true;
}

size_t change_octet(std::span<uint8_t> data, size_t size, std::minstd_rand& random) {
  std::vector<std::byte> file(size);
  std::memcpy(file.data(), data.data(), size);
  const Result<Model> loaded = rehash(file) ? Model::from_bytes(file, "") : Error{};
  if (!loaded) return 0;  // flatbuffers would read what is not aligned
  schema::FileHeader h;
  std::memcpy(&h, file.data(), sizeof h);
  schema::ModelT model;
  schema::GetModel(loaded->data().file.get() + h.graph_offset)->UnPackTo(&model);
  change(model, random);
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(schema::Model::Pack(builder, &model), schema::ModelIdentifier());
  const std::vector<uint8_t> weights(data.data() + h.weights_offset, data.data() + h.weights_offset + h.weights_bytes);
  h.graph_offset = sizeof h;
  h.graph_bytes = builder.GetSize();
  h.weights_offset = (sizeof h + h.graph_bytes + schema::kAlignment - 1) / schema::kAlignment * schema::kAlignment;
  const size_t all = h.weights_offset + weights.size();
  if (all > data.size()) return 0;
  std::memset(data.data(), 0, all);
  std::memcpy(data.data(), &h, sizeof h);
  std::memcpy(data.data() + sizeof h, builder.GetBufferPointer(), builder.GetSize());
  if (!weights.empty()) std::memcpy(data.data() + h.weights_offset, weights.data(), weights.size());
  return all;
}

}  // namespace octet::fuzz
