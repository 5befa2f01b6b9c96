// octet::convert_beside: a converted model is kept under a name that says what it was made of.
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <filesystem>

#include "converter/graph/emit.h"
#include "converter/import/onnx/import.h"
#include "converter/import/paddle/files.h"
#include "octet/convert.h"
#include "schema/format.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".octet";
constexpr size_t kKeyDigits = 16;

bool is_converted(const fs::path& file) { return file.extension() == kEnding || file.extension() == ".partial"; }

// All that is read when the source is converted; the first names it.
Result<std::vector<std::string>> source_files(const std::string& path, const ConvertOptions& options) {
  if (!convert::looks_like_paddle(path)) return convert::onnx_files(path);
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

Result<std::string> key_of(const std::vector<std::string>& files, const ConvertOptions& options) {
  std::string text(version());
  for (const std::string& name : files) {
    std::error_code failed;
    const auto size = fs::file_size(name, failed);
    const auto time = failed ? fs::file_time_type() : fs::last_write_time(name, failed);
    if (failed) return Error{Code::kIo, name + ": " + failed.message()};
    text += '\n' + fs::path(name).filename().string() + ' ' + std::to_string(size) + ' ' +
            std::to_string(time.time_since_epoch().count());
  }
  for (const std::string& name : options.outputs) text += "\noutput " + name;
  for (const auto& [name, shape] : options.input_shapes) text += "\ninput " + name + shape.text();
  if (options.simulate) text += "\nsimulate";
  char key[kKeyDigits + 1];
  std::snprintf(key, sizeof key, "%016" PRIx64, schema::hash(std::as_bytes(std::span(text))));
  return std::string(key);
}

// Files of this source under other keys.
void remove_stale(const fs::path& kept, const std::string& stem) {
  std::error_code failed;
  const fs::path folder = kept.parent_path();
  for (fs::directory_iterator i(folder.empty() ? "." : folder, failed), end; !failed && i != end; i.increment(failed)) {
    const std::string name = i->path().filename().string();
    if (name == kept.filename() || name.size() != kept.filename().string().size()) continue;
    const std::string_view key = std::string_view(name).substr(stem.size(), kKeyDigits);
    const bool ours = name.starts_with(stem) && name.ends_with(kEnding) &&
                      key.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    if (ours) fs::remove(i->path(), failed);
  }
}

}  // namespace

Result<std::string> convert_beside(const std::string& path, const ConvertOptions& options) {
  auto files = source_files(path, options);
  if (!files) return files.error();
  auto key = key_of(*files, options);
  if (!key) return key.error();
  const fs::path source(files->front());
  const std::string stem = source.stem().string() + '.';
  const fs::path kept = source.parent_path() / (stem + *key + std::string(kEnding));
  std::error_code failed;
  if (fs::is_regular_file(kept, failed)) return kept.string();
  auto bytes = convert_model(path, options);
  if (!bytes) return bytes.error();
  const std::string mine = kept.string() + '.' + std::to_string(getpid());  // others may be at the same
  if (auto done = convert::write_file(mine, *bytes); !done) return done.error();
  fs::rename(mine, kept, failed);
  if (failed) return Error{Code::kIo, kept.string() + ": " + failed.message()};
  remove_stale(kept, stem);
  return kept.string();
}

}  // namespace octet
