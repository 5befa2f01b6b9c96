// The page of octet-inspect --html: page.html with the model inside, without anything from outside.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace octet {

extern const std::string_view kPage;  // page.html

// `document` is describe()'s; `profile` what octet-bench --profile --json wrote, or null.
std::string page_of(nlohmann::ordered_json document, const nlohmann::ordered_json& profile);

}  // namespace octet
