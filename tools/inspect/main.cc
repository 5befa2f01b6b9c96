// octet-inspect: prints what a model file holds.
#include <iostream>

#include "tools/common/session_flags.h"
#include "tools/inspect/describe.h"

int main(int argc, char** argv) {
  std::string path;
  bool json = false;
  CLI::App app("Prints a model: inputs, outputs, ops, shapes, quantisation, weights, sizes.", "octet-inspect");
  app.add_option("model", path, "An .octet file")->required();
  app.add_flag("--json", json, "As JSON");
  if (int code = 0; !octet::parse_flags(app, argc, argv, &code)) return code;
  auto model = octet::Model::map(path);
  if (!model) return octet::fail("octet-inspect", model.error());
  const auto document = octet::describe(*model);
  // Names come from the source model; bytes that are no UTF-8 must not make the whole document unprintable.
  constexpr auto replace = nlohmann::ordered_json::error_handler_t::replace;
  std::cout << (json ? document.dump(1, ' ', false, replace) + "\n" : octet::text_of(document));
  return std::cout.flush() ? 0 : 1;
}
