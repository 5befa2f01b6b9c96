// Listing and loading .npy and .npz files.
#include "tools/convert/arrays.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "cli/npy.h"
#include "tools/convert/npz.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

using Paths = std::vector<std::string>;

Result<Paths> list_files(const std::string& folder, const char* ending) {
  std::error_code failed;
  Paths paths;
  for (auto it = fs::directory_iterator(folder, failed); !failed && it != fs::directory_iterator();
       it.increment(failed))
    if (it->path().extension() == ending) paths.push_back(it->path().string());
  if (failed) return Error{Code::kIo, "--data '" + folder + "': " + failed.message()};
  std::sort(paths.begin(), paths.end());
  return paths;
}

// The files of each input; empty where there are none at all.
Result<std::vector<Paths>> list_inputs(const std::string& folder, const Model& model) {
  const auto inputs = model.inputs();
  std::vector<std::string_view> names;
  for (const TensorInfo& input : inputs) names.push_back(input.name);
  const auto stems = npy::file_stems(names);
  std::vector<Paths> files;
  for (const std::string& stem : stems) {
    const std::string own = folder + "/" + stem;
    if (inputs.size() > 1 && !fs::is_directory(own)) {
      if (files.empty()) return files;
      return Error{Code::kIo, "--data '" + folder + "': has no folder '" + stem + "' for the input of that name"};
    }
    auto paths = list_files(inputs.size() > 1 ? own : folder, ".npy");
    if (!paths) return paths.error();
    if (paths->empty() && inputs.size() == 1) return files;
    if (paths->empty() || (!files.empty() && paths->size() != files[0].size()))
      return Error{Code::kIo,
                   "--data '" + own + "': holds " + std::to_string(paths->size()) + " .npy files" +
                       (files.empty() ? "" : ", that of the first input " + std::to_string(files[0].size()))};
    files.push_back(std::move(*paths));
  }
  return files;
}

Result<void> fill(Session& session, const std::vector<DType>& types, std::vector<npy::Array> arrays,
                  const std::string& name) {
  for (size_t i = 0; i < arrays.size(); ++i) {
    auto converted = npy::convert(std::move(arrays[i]), types[i], name);
    if (!converted) return converted.error();
    arrays[i] = std::move(*converted);
    if (auto done = session.resize_input(static_cast<int>(i), arrays[i].shape); !done)
      return Error{done.error().code, name + ": " + done.error().text};
  }
  if (auto done = session.prepare(); !done) return done;
  for (size_t i = 0; i < arrays.size(); ++i)
    if (!arrays[i].data.empty())
      std::memcpy(session.input(static_cast<int>(i)).data, arrays[i].data.data(), arrays[i].data.size());
  return {};
}

Result<std::vector<npy::Array>> read_all(const std::vector<Paths>& files, size_t sample) {
  std::vector<npy::Array> arrays;
  for (const Paths& of_input : files) {
    auto array = npy::read(of_input[sample]);
    if (!array) return array.error();
    arrays.push_back(std::move(*array));
  }
  return arrays;
}

Result<std::vector<npy::Array>> read_archive(const std::string& path, const std::vector<std::string>& inputs) {
  auto held = read_npz(path);
  if (!held) return held.error();
  std::vector<npy::Array> arrays;
  for (const std::string& input : inputs) {
    auto found = held->find(input);
    if (found == held->end() && inputs.size() == 1 && held->size() == 1) found = held->begin();
    if (found == held->end())
      return Error{Code::kBadFile, path + ": holds no array '" + input + "' for the input of that name"};
    arrays.push_back(std::move(found->second));
  }
  return arrays;
}

}  // namespace

Result<std::optional<Samples>> array_samples(const std::string& folder, const Model& model, size_t most) {
  auto archives = list_files(folder, ".npz");
  if (!archives) return archives.error();
  std::vector<Paths> listed;
  if (archives->empty()) {
    auto files = list_inputs(folder, model);
    if (!files) return files.error();
    if (files->empty()) return std::optional<Samples>();
    listed = std::move(*files);
  }
  const size_t all = listed.empty() ? archives->size() : listed[0].size(), count = most && most < all ? most : all;
  std::vector<DType> types;
  std::vector<std::string> names;
  for (const TensorInfo& input : model.inputs()) types.push_back(input.dtype), names.emplace_back(input.name);
  auto load = [types, names, files = std::move(listed), archives = std::move(*archives), all, count](
                  Session& session, size_t i) -> Result<void> {
    const size_t sample = i * all / count;
    auto arrays = files.empty() ? read_archive(archives[sample], names) : read_all(files, sample);
    if (!arrays) return arrays.error();
    return fill(session, types, std::move(*arrays), files.empty() ? archives[sample] : files[0][sample]);
  };
  return std::optional(Samples{.count = count, .fill = std::move(load)});
}

}  // namespace octet
