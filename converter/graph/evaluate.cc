// Runs nodes as a model of their own.
#include "converter/graph/evaluate.h"

#include <unordered_map>

#include "converter/graph/as_model.h"

namespace octet::convert {
namespace {

// The nodes as a graph of their own. The constants' data is lent to it, not copied: it goes back when the part does.
class Part {
 public:
  Part(Graph& g, std::span<const Node> nodes, std::span<const TensorId> wanted)
      : g_(g), graph_(std::make_shared<Graph>()) {
    graph_->source = g.source + " (constant part)";
    for (const Node& n : nodes) {
      Node copy = n;
      for (auto* ids : {&copy.inputs, &copy.outputs})
        for (TensorId& t : *ids)
          if (t >= 0) t = lent(t);
      graph_->nodes.push_back(std::move(copy));
    }
    for (TensorId t : wanted) graph_->outputs.push_back(lent(t));
    // A model has at least one input; nobody reads this one.
    graph_->inputs = {graph_->add({.name = "none", .dtype = DType::kF32, .shape = {1}})};
  }
  ~Part() {
    for (const auto& [theirs, ours] : ids_)
      if (tensor(theirs).constant) tensor(theirs).data = std::move(graph_->tensors[static_cast<size_t>(ours)].data);
  }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  std::shared_ptr<const Graph> graph() const { return graph_; }

 private:
  Tensor& tensor(TensorId t) { return g_.tensors[static_cast<size_t>(t)]; }

  TensorId lent(TensorId t) {
    const auto [found, added] = ids_.try_emplace(t, static_cast<TensorId>(graph_->tensors.size()));
    if (!added) return found->second;
    Tensor& from = tensor(t);
    Tensor to{.name = from.name, .dtype = from.dtype, .shape = from.shape, .constant = from.constant};
    to.weight_scale = from.weight_scale;
    if (from.constant) to.data = std::move(from.data);
    return graph_->add(std::move(to));
  }

  Graph& g_;
  std::shared_ptr<Graph> graph_;
  std::unordered_map<TensorId, TensorId> ids_;
};

}  // namespace

Result<void> evaluate(Graph& g, std::span<const Node> nodes, std::span<const TensorId> wanted) {
  std::vector<Tensor> values;
  {
    const Part part(g, nodes, wanted);
    auto model = as_model(part.graph());
    if (!model) return model.error();
    auto session = Session::create(*model, {.precision = Precision::kF32, .memory_limit = g.constant_limit});
    if (!session) return session.error();
    if (auto done = session->run(); !done) return done.error();
    for (size_t i = 0; i < wanted.size(); ++i) {
      const octet::Tensor value = session->output(static_cast<int>(i));
      const auto* data = static_cast<const std::byte*>(value.data);
      values.push_back({.shape = value.shape, .constant = true});
      values.back().data.assign(data, data + static_cast<size_t>(value.shape.elements()) * size_of(value.dtype));
    }
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    Tensor& t = g.tensors[static_cast<size_t>(wanted[i])];
    t.constant = true;
    t.shape = values[i].shape;
    t.data = std::move(values[i].data);
  }
  return {};
}

}  // namespace octet::convert
