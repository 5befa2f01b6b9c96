// Folds what one source node was made of.
#include "converter/import/build/early_constants.h"

#include <algorithm>
#include <map>

#include "converter/graph/edit.h"
#include "converter/graph/evaluate.h"
#include "runtime/core/op.h"

namespace octet::convert {
namespace {

constexpr int64_t kMaxElements = int64_t{1} << 26;  // larger results stay computed, and small in the file

// Whether shape arithmetic knows all elements.
bool known(const Tensor& t) {
  if (t.known.empty()) return false;
  const auto unknown = [&]<class T>(T mark) {
    const auto* data = reinterpret_cast<const T*>(t.known.data());
    return std::count(data, data + t.known.size() / sizeof(T), mark) > 0;
  };
  if (t.dtype == DType::kS64) return !unknown(kUnknown);
  return t.dtype != DType::kS32 || !unknown(static_cast<int32_t>(kUnknown));
}

}  // namespace

// What training rounds is looked at later (passes/remove_rounding), and what is large is not made at all.
bool EarlyConstants::is_constant_part() {
  for (size_t i = nodes_; i < g_.nodes.size(); ++i) {
    if (as<schema::FakeQuantizeT>(g_.nodes[i])) return false;
    for (TensorId t : g_.nodes[i].inputs)
      if (t >= 0 && !tensor(g_, t).constant && at(t) < tensors_) return false;
    for (TensorId t : g_.nodes[i].outputs) {
      const int64_t size = tensor(g_, t).shape.elements();
      if (size < 0 || size > kMaxElements) return false;
    }
  }
  return true;
}

bool EarlyConstants::has_room(std::span<const TensorId> results) {
  for (; counted_ < tensors_; ++counted_)
    if (g_.tensors[counted_].constant) bytes_ += g_.tensors[counted_].data.size();
  uint64_t more = 0;
  for (TensorId t : results)
    more += static_cast<uint64_t>(tensor(g_, t).shape.elements()) * size_of(tensor(g_, t).dtype);
  return bytes_ <= g_.constant_limit && more <= g_.constant_limit - bytes_;
}

// Of what was written, the results alone.
void EarlyConstants::keep(std::span<std::vector<TensorId>* const> results) {
  g_.nodes.resize(nodes_);
  std::map<TensorId, TensorId> places;
  for (auto* ids : results)
    for (TensorId t : *ids)
      if (t >= 0 && at(t) >= tensors_) places[t] = -1;
  size_t to = tensors_;
  for (auto& [from, place] : places) {
    place = static_cast<TensorId>(to);
    if (at(from) != to) g_.tensors[to] = std::move(g_.tensors[at(from)]);
    ++to;
  }
  g_.tensors.resize(to);
  for (auto* ids : results)
    for (TensorId& t : *ids)
      if (t >= 0 && at(t) >= tensors_) t = places[t];
}

Result<void> EarlyConstants::fold(std::span<std::vector<TensorId>* const> results) {
  if (g_.nodes.size() == nodes_) return {};
  std::vector<TensorId> made;  // by these nodes, and a result
  for (const auto* ids : results)
    for (TensorId t : *ids)
      if (t >= 0 && at(t) >= tensors_ && !tensor(g_, t).constant && !std::count(made.begin(), made.end(), t))
        made.push_back(t);
  const bool all_known = !made.empty() &&
                         std::all_of(made.begin(), made.end(), [&](TensorId t) { return known(tensor(g_, t)); }) &&
                         std::none_of(g_.nodes.begin() + static_cast<int64_t>(nodes_), g_.nodes.end(),
                                      [](const Node& n) { return as<schema::FakeQuantizeT>(n) != nullptr; });
  if (!all_known && (made.empty() || !is_constant_part() || !has_room(made))) return {};
  if (!all_known) {
    const std::span<const Node> part = std::span<const Node>(g_.nodes).subspan(nodes_);
    if (auto done = evaluate(g_, part, made); !done) return done;
  }
  for (TensorId t : made) {
    Tensor& y = g_.tensors[at(t)];
    if (all_known) y.data = std::move(y.known);
    y.constant = true;
    y.known.clear();
  }
  keep(results);
  return {};
}

}  // namespace octet::convert
