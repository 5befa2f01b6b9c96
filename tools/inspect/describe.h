// A model as a document that both forms of octet-inspect print.
#pragma once
#include <octet/octet.h>
#include <nlohmann/json.hpp>
#include <string>

namespace octet {

nlohmann::ordered_json describe(const Model& model);
std::string text_of(const nlohmann::ordered_json& document);

}  // namespace octet
