// The metric of a model with some of its nodes in float, asked many times over: several at once, kept in a file so that what was
// interrupted goes on.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "tools/convert/metric.h"

namespace octet {

using Names = std::vector<std::string>;

class Evaluations {
 public:
  // `file`: where values are kept; empty: nowhere. What it says of another model or other data is forgotten.
  Evaluations(const Metric& metric, Model float_model, Model int8_model, std::span<const std::byte> bytes, int jobs,
              std::string file);

  // The metric with each of the sets in float, all else as the model says. `done` is called as values come, in any order.
  Result<std::vector<double>> with_float(const std::vector<Names>& sets, const Progress& progress = {});
  Result<double> in_float();

  size_t made() const { return made_; }    // evaluations that were run
  size_t found() const { return found_; }  // that the file had

 private:
  Result<std::vector<double>> values(const std::vector<Names>& sets, const Progress& progress);
  Result<double> value(const Names& names) const;
  void read();
  Result<void> write() const;

  const Metric& metric_;
  Model float_model_, int8_model_;
  int jobs_;
  std::string file_, digest_;
  std::map<std::string, double> known_;
  size_t made_ = 0, found_ = 0;
};

}  // namespace octet
