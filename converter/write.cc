// octet::write_model: the last look at a file before it is one.
#include "files/files.h"
#include "octet/convert.h"

namespace octet {

Result<void> write_model(const std::string& path, std::span<const std::byte> bytes, const std::string& source) {
  return write_file(path, bytes, [&](const std::string& aside) -> Result<void> {
    const auto model = Model::map(aside);
    if (model) return {};
    return Error{model.error().code, source + ": what was made of it cannot be loaded: " + model.error().text};
  });
}

}  // namespace octet
