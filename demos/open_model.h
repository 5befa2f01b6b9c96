// Models as the demos take them: .octet files, or source models, which are converted in memory.
#pragma once
#include <octet/octet.h>

#include <string>

namespace octet::demos {

// fp32 or int8; "paddle" and "" stand for what the model is made for.
Result<Precision> precision_of(const std::string& text, const Model& model);

// `parameters`: file of a Paddle program's parameters, where its name does not follow from the program's. `cache`: what a source
// model becomes is kept beside it, and used as long as the source does not change.
Result<Model> open_model(const std::string& path, const std::string& parameters = {}, bool cache = false);

}  // namespace octet::demos
