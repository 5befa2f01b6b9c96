// octet-inspect: prints what a model file holds, or draws it.
#include <iostream>

#include "cli/open_model.h"
#include "cli/session_flags.h"
#include "cli/terminal.h"
#include "files/files.h"
#include "tools/inspect/describe.h"
#include "tools/inspect/page.h"

namespace octet {
namespace {

using Json = nlohmann::ordered_json;

// What octet-bench wrote.
Result<Json> read_profile(const std::string& path) {
  auto bytes = read_file(path);
  if (!bytes) return bytes.error();
  const auto* text = reinterpret_cast<const char*>(bytes->data());
  Json profile = Json::parse(text, text + bytes->size(), nullptr, false);
  if (!profile.is_object() || !profile.contains("steps") || !profile.contains("ops"))
    return Error{Code::kBadFile, path + ": holds no profile; write one with octet-bench MODEL --profile --json FILE"};
  return profile;
}

Result<void> draw(const Model& model, const std::string& path, const std::string& profile_path) {
  Json profile;
  if (!profile_path.empty()) {
    auto read = read_profile(profile_path);
    if (!read) return read.error();
    profile = std::move(*read);
  }
  return write_text(path, page_of(describe(model), profile));
}

}  // namespace
}  // namespace octet

int main(int argc, char** argv) {
  std::string path, html, profile;
  bool json = false;
  CLI::App app("Prints a model: inputs, outputs, ops, shapes, quantisation, weights, sizes.", "octet-inspect");
  app.add_option("model", path, octet::kModelHelp)->required();
  auto* as_json = app.add_flag("--json", json, "As JSON");
  auto* page = app.add_option("--html", html, "Write a page that draws the graph instead; it needs no network")
                   ->excludes(as_json);
  app.add_option("--profile", profile, "With --html: times, as octet-bench --profile --json FILE wrote them")
      ->needs(page);
  if (int code = 0; !octet::parse_flags(app, argc, argv, &code)) return code;
  auto model = octet::open_model(path);
  if (!model) return octet::fail("octet-inspect", model.error());
  if (!html.empty()) {
    auto drawn = octet::draw(*model, html, profile);
    return drawn ? 0 : octet::fail("octet-inspect", drawn.error());
  }
  const auto document = octet::describe(*model);
  // Names come from the source model: bytes that are no UTF-8 must not make the whole document unprintable, and what is not
  // ASCII is escaped, for there are control characters among it.
  constexpr auto replace = nlohmann::ordered_json::error_handler_t::replace;
  std::cout << (json ? document.dump(1, ' ', true, replace) + "\n" : octet::text_of(document));
  return octet::finished("octet-inspect", 0);
}
