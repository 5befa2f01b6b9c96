#include "tools/inspect/page.h"

namespace octet {

std::string page_of(nlohmann::ordered_json document, const nlohmann::ordered_json& profile) {
  if (!profile.is_null()) document["profile"] = profile;
  constexpr auto replace = nlohmann::ordered_json::error_handler_t::replace;  // names need not be UTF-8
  std::string model = document.dump(-1, ' ', false, replace);
  for (size_t at = 0; (at = model.find('<', at)) != model.npos;) model.replace(at, 1, "\\u003c");  // no tag ends inside
  constexpr std::string_view kMark = "@MODEL@";
  std::string page(kPage);
  return page.replace(page.find(kMark), kMark.size(), model);
}

}  // namespace octet
