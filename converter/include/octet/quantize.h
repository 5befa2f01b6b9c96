// Static quantisation: a float model runs over samples of the data it will see, and becomes a model that runs in int8.
//
//   auto source = octet::load_source("yolov5n.onnx");
//   auto made = octet::quantize(*source, samples);
//   write(made->bytes);                                     // for Model::map or Model::from_bytes
//
// Errors come as Result<T> and name file, node or tensor. Nothing here keeps state: two threads may quantise at a time, each
// with samples of its own.
#pragma once
#include <octet/convert.h>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

namespace convert {
struct Graph;
}

// A source model in float: fused, NHWC, nothing of it written yet. Copies share it; it never changes.
struct SourceModel {
  std::shared_ptr<const convert::Graph> graph;  // for the converter itself
  Model model;                                  // the same, to run: its inputs and outputs are the file's to be
};

// Reads an ONNX file or a Paddle model as convert_model does. What a model that is quantised already says of activations is
// forgotten; weights that lie on a grid of steps stay there. `options.simulate` has no meaning here.
Result<SourceModel> load_source(const std::string& path, const ConvertOptions& options = {});

// Real values that a tensor is to hold, with 0 between them.
struct Range {
  float low = 0, high = 0;  // low <= 0 <= high
};

// Calibration data, read one sample at a time, so that memory does not grow with their number. The references given to `fill`
// are valid during the call; it is called from the thread that called quantize().
struct Samples {
  size_t count = 0;
  // Prepares the session for sample i (resize_input() too, where shapes may change) and writes all its inputs.
  std::function<Result<void>(Session& session, size_t i)> fill;
  std::optional<Range> pixels =
      {};  // what pictures (inputs of rank 4) can hold, where that is known: all of it is kept
};

using Progress = std::function<void(size_t done, size_t total)>;

// A value that an option of QuantizeOptions takes. Options take names and aliases in any case, with - for _.
struct Choice {
  std::string_view name, description;
  std::string_view aliases = {};  // other names, a space between them
};
// The choice that `name` means; null: none.
const Choice* find_choice(std::span<const Choice> choices, std::string_view name);
std::vector<Choice> range_choices();  // for algo
std::vector<Choice> per_channel_choices();
std::vector<Choice> weight_choices();
std::vector<Choice> bias_choices();

struct QuantizeOptions {
  std::string algo = "auto";              // how the range of an activation follows from what was seen of it
  double keep = 0.99999;                  // algo percentile: the part of the values inside the range, above 0.5
  std::string per_channel = "auto";       // where an activation has a scale for each channel
  std::string weights = "adaround";       // how weights are rounded
  std::string bias = "mean";              // what biases make up for
  std::string activations = "auto";       // in 16-bit integers where that loses next to nothing, or all in "float"
  std::vector<std::string> exclude = {};  // names of nodes that stay float
  bool symmetric = false;                 // ranges are as wide below 0 as above it, where there is anything below
  bool float_first = false;               // layers that read an input of the model stay float
  bool float_last = false;                // layers behind which no other layer comes stay float
  int threads = 1;                        // of calibration
  Progress progress = {};                 // called after each sample
};

struct FloatLayer {
  std::string name, reason;
};

struct QuantizedModel {
  std::vector<std::byte> bytes;           // an .octet file
  std::vector<std::string> int8_layers;   // convolutions and matmuls, by the names of their nodes
  std::vector<FloatLayer> float_layers;   // those that are not among them
  std::vector<std::string> warnings;      // what the caller should know though it is no error, a line each
  std::string ranges;                     // how often which method was chosen, where there was a choice; for people
  size_t float_weights = 0, weights = 0;  // bytes of constants before and after
};

// Errors: an option that no row of its choices has, no samples, a node to exclude that does not exist, no layer that can run in
// int8, a tensor that becomes infinite, and what `samples.fill` and the runs say.
Result<QuantizedModel> quantize(const SourceModel& source, const Samples& samples, const QuantizeOptions& options = {});

// How far int8 is from float.
struct Noise {
  std::string name;  // of an output, a tensor or a node
  double db = 0;     // 10 log10(signal / noise), infinite where nothing differs
  std::optional<double> agreement =
      {};  // of an output that holds choices: the part of its elements that is equal; no dB then
};

// Where octet/analyze.h compares models (float outputs; in front of choices at the end what they choose among) and of outputs that
// hold choices, over `images` samples. `int8_model` is what quantising `float_model` gave.
Result<std::vector<Noise>> output_noise(const Model& float_model, const Model& int8_model, const Samples& samples,
                                        size_t images, int threads);

// The worst of these places, on sample 0 with `layers[i]` alone in int8; the worst layers first, at most `keep`.
Result<std::vector<Noise>> layer_noise(const Model& int8_model, const std::vector<std::string>& layers,
                                       const Samples& samples, size_t keep, int threads, const Progress& progress = {});

}  // namespace octet
