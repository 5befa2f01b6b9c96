// `octet-convert quantize`: its options and its report; and what other commands share with it.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "octet/quantize.h"
#include "tools/convert/remember.h"
#include "vision/family.h"

namespace CLI {
class App;
}

namespace octet {

// The command sets `exit_code` when it runs.
void add_quantize_command(CLI::App& app, int& exit_code);

struct QuantizeFlags;  // what the options said
std::shared_ptr<QuantizeFlags> add_quantize_flags(CLI::App& command);
// Of these only what says which pictures or arrays a model is to be run on, and how they are prepared.
std::shared_ptr<QuantizeFlags> add_data_flags(CLI::App& command);
Result<Samples> samples_for(const QuantizeFlags& flags, const Model& model);

// What they mean: a float model, calibration data and how to quantise.
struct Prepared {
  SourceModel source;
  Samples samples = {};
  QuantizeOptions options = {};
  vision::Remembered meaning = {};                    // what the file will say of the model
  std::optional<vision::Preprocess> preprocess = {};  // with the size that is used; none: the data are arrays
  Digest digest = {};                                 // of the samples, once they were read
};
Result<Prepared> prepare(const QuantizeFlags& flags);
Result<QuantizedModel> quantize_shown(const Prepared& p);  // with a bar of progress

}  // namespace octet
