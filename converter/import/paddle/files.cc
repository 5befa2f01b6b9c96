// Paddle's habits of naming files, from 1.x to 3.
#include "converter/import/paddle/files.h"

#include <algorithm>
#include <filesystem>
#include <vector>

namespace octet::convert {
namespace {

namespace fs = std::filesystem;

bool is_file(const fs::path& path) {
  std::error_code failed;
  return fs::is_regular_file(path, failed);
}

std::vector<fs::path> files_ending(const fs::path& folder, const std::string& extension) {
  std::vector<fs::path> found;
  std::error_code failed;
  for (fs::directory_iterator i(folder, failed), end; !failed && i != end; i.increment(failed))
    if (i->path().extension() == extension && is_file(i->path())) found.push_back(i->path());
  std::sort(found.begin(), found.end());
  return found;
}

Result<std::string> program_in(const fs::path& folder) {
  for (const char* name :
       {"model.pdmodel", "inference.pdmodel", "__model__", "model", "inference.json", "model.json", "__model__.json"})
    if (is_file(folder / name)) return (folder / name).string();
  const std::vector<fs::path> programs = files_ending(folder, ".pdmodel");
  if (programs.size() == 1) return programs[0].string();
  if (programs.size() > 1)
    return Error{Code::kBadArgument, folder.string() + ": holds several programs, " + programs[0].filename().string() +
                                         " and " + programs[1].filename().string() + " among them: name one"};
  for (const fs::path& file : files_ending(folder, ".json"))
    if (is_file(fs::path(file).replace_extension(".pdiparams"))) return file.string();
  return Error{Code::kIo, folder.string() + ": holds no Paddle program (NAME.pdmodel, NAME.json or __model__)"};
}

}  // namespace

bool looks_like_paddle(const std::string& path) {
  std::error_code failed;
  const fs::path p(path);
  return fs::is_directory(p, failed) || p.extension() == ".pdmodel" || p.extension() == ".json" ||
         p.filename() == "__model__" || p.filename() == "model";
}

Result<PaddleFiles> find_paddle_files(const std::string& path, const std::string& parameters) {
  std::error_code failed;
  PaddleFiles files{.program = path, .parameters = parameters};
  if (fs::is_directory(path, failed)) {
    auto program = program_in(path);
    if (!program) return program.error();
    files.program = *program;
  }
  const fs::path program(files.program);
  if (!is_file(program)) return Error{Code::kIo, files.program + ": no such file"};
  if (!parameters.empty()) {
    if (!is_file(parameters)) files.parameters = (program.parent_path() / parameters).string();
    if (!is_file(files.parameters)) return Error{Code::kIo, parameters + ": no such file of parameters"};
    return files;
  }
  std::vector<fs::path> candidates;
  const fs::path folder = program.parent_path();
  if (program.extension() == ".pdmodel" || program.extension() == ".json") {
    candidates.push_back(fs::path(program).replace_extension(".pdiparams"));
    const auto others = files_ending(folder.empty() ? "." : folder, ".pdiparams");
    if (others.size() == 1) candidates.push_back(others[0]);
  } else {
    for (const char* name : {"__params__", "params", "weights"}) candidates.push_back(folder / name);
  }
  for (const fs::path& candidate : candidates)
    if (is_file(candidate)) files.parameters = candidate.string();
  return files;
}

}  // namespace octet::convert
