// octet::convert_beside: a converted model is kept under a name that says with which options, and says itself what it was made
// of and by which converter. What has become old is replaced, never removed: a name that was found can always be mapped.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>

#include "converter/identity.h"
#include "converter/import/onnx/import.h"
#include "converter/import/paddle/files.h"
#include "octet/convert.h"
#include "schema/format.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMadeFrom = "octet.made_from";  // in the file's metadata

bool is_converted(const fs::path& file) { return file.extension() == ".octet" || file.extension() == ".partial"; }

// All that is read when the source is converted; the first names it.
Result<std::vector<std::string>> source_files(const std::string& path, const ConvertOptions& options) {
  if (!convert::looks_like_paddle(path)) return convert::onnx_files(path, options);
  auto paddle = convert::find_paddle_files(path, options.parameters);
  if (!paddle) return paddle.error();
  std::vector<std::string> files = {paddle->program};
  if (!paddle->parameters.empty()) {
    files.push_back(paddle->parameters);
    return files;
  }
  std::error_code failed;  // a file for each parameter
  const fs::path folder = fs::path(paddle->program).parent_path();
  for (fs::directory_iterator i(folder.empty() ? "." : folder, failed), end; !failed && i != end; i.increment(failed))
    if (i->is_regular_file(failed) && !is_converted(i->path())) files.push_back(i->path().string());
  std::sort(files.begin() + 1, files.end());
  return files;
}

std::string digits_of(const std::string& text) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016" PRIx64, schema::hash(std::as_bytes(std::span(text))));
  return digits;
}

std::string key_of(const ConvertOptions& options) {
  std::string text;
  for (const std::string& name : options.outputs) text += "\noutput " + name;
  for (const auto& [name, shape] : options.input_shapes) text += "\ninput " + name + shape.text();
  if (options.simulate) text += "\nsimulate";
  if (!options.parameters.empty()) text += "\nparameters " + options.parameters;
  return digits_of(text);
}

// What decides the result beside the options: this converter, and the sources' bytes. Times of change would not do: tools that
// copy and pack files set them as they like, and a network that was trained again has the same size.
Result<std::string> made_from(const std::vector<std::string>& files) {
  std::string text = convert::kIdentity;
  std::vector<char> part(size_t{1} << 22);
  for (const std::string& name : files) {
    std::ifstream file(name, std::ios::binary);
    if (!file) return Error{Code::kIo, name + ": cannot be read"};
    text += '\n' + fs::path(name).filename().string();
    while (file) {
      const auto count =
          static_cast<size_t>(file.read(part.data(), static_cast<std::streamsize>(part.size())).gcount());
      text += ' ' + digits_of(std::string(part.data(), count));
    }
    if (file.bad()) return Error{Code::kIo, name + ": cannot be read"};
  }
  return digits_of(text);
}

}  // namespace

Result<Model> convert_beside(const std::string& path, const ConvertOptions& options) {
  auto files = source_files(path, options);
  if (!files) return files.error();
  const auto from = made_from(*files);
  if (!from) return from.error();
  const fs::path source(files->front());
  const fs::path kept = source.parent_path() / (source.stem().string() + '.' + key_of(options) + ".octet");
  const auto present = [&]() -> std::optional<Model> {
    auto model = Model::map(kept.string());
    return model && model->metadata(kMadeFrom) == *from ? std::optional(*model) : std::nullopt;
  };
  if (auto model = present()) return *model;
  ConvertOptions marked = options;
  marked.metadata.emplace_back(kMadeFrom, *from);
  auto bytes = convert_model(path, marked);
  if (!bytes) return bytes.error();
  // Others may be at the same: whoever comes last has made the same bytes.
  const auto done = write_model(kept.string(), *bytes, path);
  if (!done && options.log) options.log("warning: the converted model is not kept: " + done.error().text);
  if (auto model = present()) return *model;
  return Model::from_bytes(*bytes, path);
}

}  // namespace octet
