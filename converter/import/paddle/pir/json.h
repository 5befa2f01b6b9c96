// JSON texts of unknown origin: what they may cost is settled before they become a tree, and looking into one never throws.
#pragma once
#include <octet/octet.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>

#include "octet/convert.h"

namespace octet::convert {

using Json = nlohmann::json;

// The tree of a file. Refused: more text or values than the options' memory has room for, and deep nesting. Errors name the file.
Result<Json> read_json(const std::string& path, const ConvertOptions& options);

// The member of an object; of anything else, and where there is none: null.
const Json& member(const Json& object, const char* key);

std::optional<int64_t> integer_of(const Json& value);   // whole numbers and booleans
std::optional<double> number_of(const Json& value);     // any number or boolean
inline const std::string& text_of(const Json& value) {  // empty where it is no text
  static const std::string none;
  return value.is_string() ? value.get_ref<const std::string&>() : none;
}
inline std::span<const Json> elements_of(const Json& value) {  // none where it is no list
  return value.is_array() ? std::span<const Json>(value.get_ref<const Json::array_t&>()) : std::span<const Json>();
}

}  // namespace octet::convert
