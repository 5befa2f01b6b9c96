// One int8 node of a model by itself: what its rounding does to its result, and through the rest of the float network to the
// points where models are compared.
#pragma once
#include "converter/analysis/fidelity.h"
#include "converter/analysis/points.h"
#include "converter/analysis/recording.h"
#include "converter/analysis/values.h"

namespace octet::analysis {

// The float network and the quantised one: the same nodes in the same order, tensors by name.
struct Pair {
  static Result<Pair> of(const Model& float_model, const Model& int8_model);
  Model float_model, int8_model;
  Links float_links, int8_links;
  std::vector<int> float_tensor;  // by tensor of the int8 model; -1: it has none (stored weights)
  std::vector<int> int8_node;     // by node of the float model
};

// By node of the float model: those of the int8 one that compute in int8, so that rounding happens for their sake.
Result<std::vector<bool>> int8_nodes(const Pair& pair);

struct EffectSum {
  ErrorSum layer;
  std::vector<ErrorSum> points;
  Effect result() const;
};

class Trial {
 public:
  Trial(const Pair& pair, const Points& points, int node, bool parts);

  // By tensor of the float model: what add() reads.
  void want(std::vector<bool>& tensors) const;
  // Runs on recordings of the float model.
  Result<void> add(std::span<const Recording> recordings, int threads);
  LayerAnalysis result() const;
  int output() const { return output_; }

 private:
  enum How { kWeights, kActivations, kBoth, kHows };
  struct Alone {  // the node in a session of its own
    Part part;
    Precision precision = Precision::kF32;
    bool round = false;        // what it reads is rounded first
    std::vector<int> feed;     // by input: tensor of the float model
    std::vector<Quant> quant;  // by input; empty: it reads floats
  };
  void add_alone(How how, bool of_int8, Precision precision, bool round);
  Result<Recorded> run(Session& session, const Alone& alone, const Recording& r) const;
  Result<void> behind(Session& session, const Recording& r, const Recorded& changed, EffectSum& sum);
  void look(const Recording& r, const Recorded& changed);

  const Pair& pair_;
  const Points& points_;
  int node_, int8_node_, output_;
  bool has_weights_ = false;
  std::optional<Alone> alone_[kHows];
  std::optional<Part> tail_;     // from the result to the points; none: no node lies between
  std::vector<size_t> reached_;  // which points the tail gives, by its outputs
  EffectSum sums_[kHows];
  std::optional<ValueSum> read_;
  int read_tensor_ = -1;  // of the float model
  std::vector<std::pair<float, float>> sample_;
  Shape shape_;
};

}  // namespace octet::analysis
