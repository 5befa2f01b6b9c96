// Where an int8 model loses: each layer's error by itself and what it does to the outputs, what its numbers look like, and which
// layers to keep in float so that a bound on accuracy holds.
//
//   auto made = octet::quantize(*source, samples);
//   auto int8 = octet::Model::from_bytes(made->bytes, "int8");
//   auto found = octet::analyze(source->model, *int8, samples, {.pictures = 4});
//
// Errors come as Result<T> and name file, node or tensor. Nothing here keeps state: two threads may analyse at a time, each with
// samples of its own.
#pragma once
#include <octet/quantize.h>
#include <limits>

namespace octet {

// How near numbers are to the float ones.
struct Fidelity {
  double db = std::numeric_limits<double>::infinity();  // 10 log10(signal / noise); infinite: nothing differs
  double cosine = 1;                                    // of the angle between the two
  double mse = 0;                                       // mean squared difference
};

// Where models are compared: the float outputs; and where the model chooses among numbers at its end (argmax, TopK, suppression of
// boxes), what it chooses among, for a choice that falls otherwise says nothing about distances. What comes of the choice is
// compared by agreement.
struct Agreement {
  std::string name;  // of an output
  double part = 1;   // of its elements that are equal; of lists of what was picked: that both hold
};

// What one change to a float network does.
struct Effect {
  Fidelity layer;                // at the result of the layer that was changed
  std::vector<Fidelity> points;  // at Analysis::points
  double db() const;             // at the worst point; the layer's own where none depends on it
};

// Counts of numbers in equal bins from `low` to `high`.
struct Spread {
  double low = 0, high = 0;
  std::vector<int64_t> bins = {};
  int64_t zeros = 0;  // exact ones, which are in no bin
};

struct ChannelRange {
  float min = 0, max = 0;   // what was seen, with 0
  float low = 0, high = 0;  // what its int8 form can hold
};

// A tensor's numbers and the interval that its int8 form holds.
struct TensorValues {
  std::string name;
  Spread spread;
  std::vector<ChannelRange> channels;  // of an activation; of weights, by output channel
  double clipped = 0;                  // part of the numbers that lie outside
};

struct LayerAnalysis {
  std::string name, op;
  std::vector<std::string> fused;  // names of the source's nodes whose work it does as well
  bool layer = false;              // a convolution or matmul with weights; others have activations alone
  Shape output;
  int64_t macs = 0;
  double float_us = 0,
         int8_us = 0;  // its steps, one run, medians of a few; conversions stand beside them and are not in here
  std::optional<Effect> weights;  // its weights rounded, all else float
  Effect activations;             // what it reads rounded, all else float
  Effect both;                    // the layer as it runs in int8, all else float
  Fidelity in_place;              // its result where the whole model runs in int8
  TensorValues read;              // the first activation that it reads as u8
  std::optional<TensorValues> weight_values;
  std::vector<std::pair<float, float>> sample;  // some of its results: float, and alone in int8
};

struct Analysis {
  std::vector<std::string> points;     // names of tensors
  std::vector<Fidelity> whole;         // at the points, all of the model in int8
  std::vector<Agreement> agreement;    // all of the model in int8
  std::vector<LayerAnalysis> layers;   // int8 ones, that whose Effect `both` is worst first
  std::vector<FloatLayer> float_left;  // convolutions and matmuls that do not run in int8; without reasons
  size_t pictures = 0;
};

struct AnalyzeOptions {
  size_t pictures = 4;                 // samples that are looked at, spread evenly; fewer where there are no more
  bool parts = true;                   // Effects of weights and of activations alone too, values, times
  std::vector<std::string> only = {};  // nodes to look at; empty: all
  int threads = 1;                     // of runs
  size_t memory = size_t{1} << 30;     // for what is kept of float runs, bytes; one picture is kept in any case
  Progress progress = {};
};

// `int8_model` is what quantising `float_model` gave; a model that runs both ways may stand for both.
// Errors: a model that is not quantised, nodes or inputs that the two do not share, no samples, and what runs say.
Result<Analysis> analyze(const Model& float_model, const Model& int8_model, const Samples& samples,
                         const AnalyzeOptions& options = {});

// Tensor by tensor: the numbers of a run beside others of the same names.
struct NamedValues {
  Shape shape;
  std::vector<float> values;
};
// The numbers of the tensor of that name; none: it has no such tensor.
using Lookup = std::function<Result<std::optional<NamedValues>>(const std::string& name)>;

struct TensorComparison {
  std::string name, node;  // whose result it is; empty: an input
  Shape shape;
  bool comparable = true;  // the other has as many numbers, in this order or with channels in front of height and width
  Fidelity fidelity;
};

// What a model's tensors hold when it runs on sample `i`.
Result<std::vector<std::pair<std::string, NamedValues>>> tensors_of(const Model& model, Precision precision,
                                                                    int threads, const Samples& samples, size_t i);

// The tensors of `model`, in the order in which it computes them, that `other` has too. Errors are those of runs and of `other`.
Result<std::vector<TensorComparison>> compare(const Model& model, Precision precision, int threads,
                                              const Samples& samples, size_t i, const Lookup& other);

// `int8_model` with the weights and biases of some nodes as `float_model` has them, so that these run in float as they would had
// they been excluded from quantising; in a session of `int8_model` itself an excluded layer computes with its rounded weights.
// What has no weights is excluded by SessionOptions::int8_exclude. The result shares what both models hold.
Result<Model> keep_float(const Model& float_model, const Model& int8_model, const std::vector<std::string>& nodes);

// Which layers to keep in float so that a metric reaches a target.
struct SearchLayer {
  std::string name;
  double noise = 0;  // relative, of the layer alone in int8: 10^(-dB / 10)
  double cost = 0;   // of running it in float, in any unit
};

// The metric with each of the sets in float.
using Measure = std::function<Result<std::vector<double>>(const std::vector<std::vector<std::string>>& sets)>;

struct SearchOptions {
  double target = 0;        // the least metric that will do
  double in_float = 0;      // the metric of the float model
  size_t evaluations = 40;  // at most, about
  size_t at_once = 1;       // sets that are worth measuring at a time
};

struct KeptLayer {
  std::string name;
  double noise = 0, gain = 0;  // gain: of the metric with it alone in float, where that was measured
};

struct SearchResult {
  std::vector<KeptLayer> kept;  // in float, in the order in which they were chosen
  double metric = 0;            // with these
  bool met = false;
  size_t evaluations = 0;
};

// First the metric of the noisiest layers alone in float; then layers in the order of gain for cost until the target is reached,
// by halving; then what turns out not to be needed goes back, the least worth first. Same answers of `measure`, same result.
Result<SearchResult> search_precision(const std::vector<SearchLayer>& layers, const Measure& measure,
                                      const SearchOptions& options);

}  // namespace octet
