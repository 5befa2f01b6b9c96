// What the quantiser has choices for: ranges of activations, weights and biases. A method is a row in a file of its own, in
// range/, weight/ or bias/, and is known wherever methods are named by being there: CMake collects the rows.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "converter/quant/histogram.h"
#include "converter/quant/weights.h"
#include "octet/quantize.h"

namespace octet::convert {

struct Statistics {
  float min = 0, max = 0;  // of what was seen, and 0
  Range average,
      moving;  // of each sample's min and max: the mean, and the average in which a sample weighs 0.9 of the next
  Histogram histogram;  // filled where the method reads it
};

// From what was seen of a tensor to the interval that its u8 form shall hold: inside [min, max], with 0 in it.
struct RangeMethod {
  std::string_view name, description;
  bool reads_histogram;
  Range (*range)(const Statistics& s, double keep);  // keep: QuantizeOptions::keep
  std::string_view aliases = {};                     // other names, a space between them; all rows have them
};
std::span<const RangeMethod* const> range_methods();
inline constexpr std::string_view kAuto = "auto";  // no row of its own: of rows, what measures best (choose.h)

// A layer's float weights become int8.
struct WeightMethod {
  std::string_view name, description;
  QuantisedWeights (*quantise)(const LayerWeights& w);
  std::string_view aliases = {};
};
std::span<const WeightMethod* const> weight_methods();

// What is done about the error that rounded weights make on average. `input_mean`: of each input channel.
struct BiasMethod {
  std::string_view name, description;
  // A bias for each output channel; empty: they stay as they are.
  std::vector<float> (*correct)(const LayerWeights& w, const QuantisedWeights& q, std::span<const double> input_mean);
  std::string_view aliases = {};
};
std::span<const BiasMethod* const> bias_methods();

// Whether `wanted` is the name or one of the aliases: in any case, with - for _.
bool is_named(std::string_view wanted, std::string_view name, std::string_view aliases);

// The row of that name; null: there is none.
template <class Method>
const Method* find_method(std::span<const Method* const> rows, std::string_view name) {
  for (const Method* row : rows)
    if (is_named(name, row->name, row->aliases)) return row;
  return nullptr;
}

// "kl, minmax or mse": for messages.
std::string names_of(std::span<const Choice> choices);

}  // namespace octet::convert
