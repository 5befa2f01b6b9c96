// The bookkeeping of a graph while it is rewritten.
#include "converter/graph/rewriter.h"

#include <algorithm>
#include <cassert>

#include "runtime/core/op.h"
#include "runtime/core/precision.h"

namespace octet::convert {
namespace {

bool computes(const Node& n) {
  const OpKind* kind = find_op(n.op.type);
  return kind && !kind->moves_only;
}

// `n` does the work of `done`, too: it answers to its names.
void take_names(Node& n, Node& done) {
  std::vector<std::string>& names = n.fused;
  const auto add = [&](std::string name) {
    if (is_of(name, n.name)) return;
    for (const std::string& known : names)
      if (is_of(name, known)) return;
    std::erase_if(names, [&](const std::string& known) { return is_of(known, name); });
    names.push_back(std::move(name));
  };
  add(std::move(done.name));
  for (std::string& name : done.fused) add(std::move(name));
}

}  // namespace

Rewriter::Rewriter(Graph& graph) : g(graph), uses_(graph) {
  const size_t n = g.nodes.size();
  next_.resize(n + 1);
  previous_.resize(n + 1);
  place_.resize(n);
  gone_.assign(n, false);
  for (size_t i = 0; i <= n; ++i) {
    next_[i] = i == n ? -1 : static_cast<int>(i);
    previous_[i] = i == 0 ? static_cast<int>(n) - 1 : static_cast<int>(i) - 2;
  }
  renumber();
}

Rewriter::~Rewriter() {
  std::vector<Node> ordered;
  ordered.reserve(g.nodes.size());
  for (int i = first(); i >= 0; i = after(i)) ordered.push_back(std::move(node(i)));
  g.nodes = std::move(ordered);
#ifndef NDEBUG
  const Uses fresh(g);  // nobody has changed operands behind our back
  for (size_t t = 0; t < uses_.users.size(); ++t) assert(fresh.users[t].size() == uses_.users[t].size());
#endif
}

void Rewriter::grow(const std::vector<TensorId>& ids) {
  for (TensorId t : ids) {
    if (t < static_cast<TensorId>(uses_.producer.size())) continue;
    uses_.producer.resize(g.tensors.size(), -1);
    uses_.users.resize(g.tensors.size());
    uses_.outputs.resize(g.tensors.size(), 0);
  }
}

void Rewriter::read(TensorId t, int i) {
  if (t >= 0) uses_.users[at(t)].insert(i);
}

void Rewriter::unread(TensorId t, int i) {
  if (t < 0) return;
  auto& users = uses_.users[at(t)];
  users.erase(users.find(i));
  if (users.empty() && uses_.made_by(t) >= 0) maybe_dead_.push_back(uses_.made_by(t));
}

void Rewriter::set_inputs(int i, std::vector<TensorId> inputs) {
  grow(inputs);
  for (TensorId t : inputs) read(t, i);
  std::swap(node(i).inputs, inputs);
  for (TensorId t : inputs) unread(t, i);
}

void Rewriter::set_input(int i, size_t k, TensorId t) {
  grow({t});
  read(t, i);
  std::swap(node(i).inputs[k], t);
  unread(t, i);
}

void Rewriter::set_outputs(int i, std::vector<TensorId> outputs) {
  grow(outputs);
  for (TensorId t : node(i).outputs)
    if (uses_.made_by(t) == i) uses_.producer[at(t)] = -1;
  for (TensorId t : outputs) uses_.producer[at(t)] = i;
  node(i).outputs = std::move(outputs);
  maybe_dead_.push_back(i);
}

void Rewriter::renumber() {
  uint64_t place = 0;
  for (int i = first(); i >= 0; i = after(i)) place_[at(i)] = place += kStride;
}

void Rewriter::link(int i, int previous) {
  const int next = after(previous);
  next_[at(i + 1)] = next;
  previous_[at(i + 1)] = previous;
  next_[at(previous + 1)] = previous_[at(next + 1)] = i;
  const uint64_t low = previous < 0 ? 0 : place_[at(previous)];
  const uint64_t high = next < 0 ? low + 2 * kStride : place_[at(next)];
  place_[at(i)] = low + (high - low) / 2;
  if (place_[at(i)] == low) renumber();  // no room between the two
}

void Rewriter::unlink(int i) {
  next_[at(previous_[at(i + 1)] + 1)] = next_[at(i + 1)];
  previous_[at(next_[at(i + 1)] + 1)] = previous_[at(i + 1)];
}

int Rewriter::insert_after(int i, Node added) {
  const int number = static_cast<int>(g.nodes.size());
  std::vector<TensorId> inputs = std::move(added.inputs), outputs = std::move(added.outputs);
  added.inputs.clear();
  added.outputs.clear();
  g.nodes.push_back(std::move(added));
  next_.push_back(-1);
  previous_.push_back(-1);
  place_.push_back(0);
  gone_.push_back(false);
  link(number, i);
  set_inputs(number, std::move(inputs));
  set_outputs(number, std::move(outputs));
  return number;
}

void Rewriter::erase(int i) {
  set_inputs(i, {});
  for (TensorId t : node(i).outputs)
    if (uses_.made_by(t) == i) uses_.producer[at(t)] = -1;
  unlink(i);
  gone_[at(i)] = true;
  erased_.push_back(i);
}

void Rewriter::take_place(int moved, int i) {
  unlink(moved);
  link(moved, i);
  erase(i);
}

void Rewriter::replace_uses(TensorId from, TensorId to) {
  grow({from, to});
  const auto reread = [&](TensorId a, TensorId b, int except) {
    const std::vector<int> readers(uses_.users[at(a)].begin(), uses_.users[at(a)].end());
    for (int i : readers)
      for (size_t k = 0; i != except && k < node(i).inputs.size(); ++k)
        if (node(i).inputs[k] == a) set_input(i, k, b);
  };
  if (!uses_.outputs[at(from)]) return reread(from, to, -1);
  const int old = uses_.made_by(from), made = uses_.made_by(to);
  if (made >= 0 && !uses_.outputs[at(to)]) {
    reread(to, from, -1);
    std::vector<TensorId> outputs = node(made).outputs;
    std::replace(outputs.begin(), outputs.end(), to, from);
    set_outputs(made, std::move(outputs));
    if (old >= 0) erase(old);
    return;
  }
  const Shape& shape = tensor(g, to).shape;
  node(old).op = make_op(schema::ReshapeT{.shape = reshape_spec(shape, shape).value_or(std::vector<int64_t>{-1})});
  set_inputs(old, {to});
  reread(from, to, old);
}

void Rewriter::settle(TensorId result) {
  const auto unread_all = [&](int i) {
    const auto& made = node(i).outputs;
    return std::all_of(made.begin(), made.end(),
                       [&](TensorId t) { return uses_.users[at(t)].empty() && !uses_.outputs[at(t)]; });
  };
  while (!maybe_dead_.empty()) {
    const int i = maybe_dead_.back();
    maybe_dead_.pop_back();
    if (!gone_[at(i)] && unread_all(i)) erase(i);
  }
  const int heir = uses_.made_by(result);
  for (int i : erased_) {
    if (heir >= 0 && computes(node(i)) && computes(node(heir))) take_names(node(heir), node(i));
    node(i) = {};
  }
  erased_.clear();
}

int Rewriter::standing(int i) const {
  while (i >= 0 && gone_[at(i)]) i = before(i);
  return i;
}

}  // namespace octet::convert
