// Models as the demos take them: .octet files, or source models, which are converted in memory.
#pragma once
#include <octet/octet.h>

#include <string>

namespace octet::demos {

// fp32 or int8; "paddle" and "" stand for what the model is made for.
Result<Precision> precision_of(const std::string& text, const Model& model);

Result<Model> open_model(const std::string& path);

}  // namespace octet::demos
