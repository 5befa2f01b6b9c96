// Listing and loading .npy files.
#include "tools/convert/arrays.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "cli/npy.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

using Paths = std::vector<std::string>;

Result<Paths> list_arrays(const std::string& folder) {
  std::error_code failed;
  Paths paths;
  for (auto it = fs::directory_iterator(folder, failed); !failed && it != fs::directory_iterator();
       it.increment(failed))
    if (it->path().extension() == ".npy") paths.push_back(it->path().string());
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
    auto paths = list_arrays(inputs.size() > 1 ? own : folder);
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

Result<void> fill(Session& session, const std::vector<DType>& types, const std::vector<Paths>& files, size_t sample) {
  std::vector<npy::Array> arrays;
  for (size_t i = 0; i < files.size(); ++i) {
    auto array = npy::read(files[i][sample]);
    if (!array) return array.error();
    auto converted = npy::convert(std::move(*array), types[i], files[i][sample]);
    if (!converted) return converted.error();
    arrays.push_back(std::move(*converted));
    if (auto done = session.resize_input(static_cast<int>(i), arrays.back().shape); !done)
      return Error{done.error().code, files[i][sample] + ": " + done.error().text};
  }
  if (auto done = session.prepare(); !done) return done;
  for (size_t i = 0; i < arrays.size(); ++i)
    if (!arrays[i].data.empty())
      std::memcpy(session.input(static_cast<int>(i)).data, arrays[i].data.data(), arrays[i].data.size());
  return {};
}

}  // namespace

Result<std::optional<Samples>> array_samples(const std::string& folder, const Model& model, size_t most) {
  auto listed = list_inputs(folder, model);
  if (!listed) return listed.error();
  if (listed->empty()) return std::optional<Samples>();
  const size_t all = (*listed)[0].size(), count = most && most < all ? most : all;
  std::vector<DType> types;
  for (const TensorInfo& input : model.inputs()) types.push_back(input.dtype);
  auto load = [types, files = std::move(*listed), all, count](Session& session, size_t i) {
    return fill(session, types, files, i * all / count);
  };
  return std::optional(Samples{.count = count, .fill = std::move(load)});
}

}  // namespace octet
