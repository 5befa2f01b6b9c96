// Files are merged as YAML first and read then.
#include "vision/seg_config.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "vision/reader_config.h"
#include "vision/transforms.h"
#include "vision/yaml.h"

namespace octet::vision {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 8, kMostFiles = 100;  // of _base_ in _base_: a file may name several, and itself

// What `child` says over what `base` says. A map with `_inherited_: False` replaces instead of merging.
YAML::Node merged(const YAML::Node& base, const YAML::Node& child) {
  if (!base.IsMap() || !child.IsMap()) return child;
  if (!value_or(child, "_inherited_", true)) return child;
  YAML::Node out = YAML::Clone(base);
  for (const auto& entry : child) {
    const std::string key = entry.first.as<std::string>();
    out[key] = base[key] ? merged(base[key], entry.second) : entry.second;
  }
  return out;
}

Result<YAML::Node> load(const std::string& path, int depth, int& files) {
  if (depth > kDeepest) return Error{Code::kBadFile, "'" + path + "': _base_ files nest too deeply"};
  if (++files > kMostFiles) return Error{Code::kBadFile, "'" + path + "': more than 100 _base_ files"};
  return yaml_errors(path, [&]() -> Result<YAML::Node> {
    const auto loaded = load_yaml(path);
    if (!loaded) return loaded.error();
    const YAML::Node& root = *loaded;
    if (!root.IsMap()) return Error{Code::kBadFile, "'" + path + "': not a map of settings"};
    const YAML::Node base = root["_base_"];
    if (!base) return root;
    std::vector<std::string> names;
    if (base.IsSequence())
      names = base.as<std::vector<std::string>>();
    else
      names = {base.as<std::string>()};
    YAML::Node all(YAML::NodeType::Map);
    for (const std::string& name : names) {
      auto other = load((fs::path(path).parent_path() / name).string(), depth + 1, files);
      if (!other) return other;
      all = merged(all, *other);
    }
    return merged(all, root);
  });
}

// Files below `dir` whose names end so, sorted.
Result<std::vector<std::string>> files_below(const fs::path& dir, const std::string& ending) {
  std::vector<std::string> out;
  std::error_code ec;
  for (fs::recursive_directory_iterator it(dir, ec), end; !ec && it != end; it.increment(ec))
    if (it->is_regular_file(ec) && it->path().string().ends_with(ending)) out.push_back(it->path().string());
  if (ec) return Error{Code::kIo, "folder '" + dir.string() + "': " + ec.message()};
  std::sort(out.begin(), out.end());
  return out;
}

Result<void> pair_up(const fs::path& images, const std::string& image_ending, const fs::path& labels,
                     const std::string& label_ending, SegConfig& config) {
  const auto i = files_below(images, image_ending), l = files_below(labels, label_ending);
  if (!i) return i.error();
  if (!l) return l.error();
  if (i->empty() || i->size() != l->size())
    return Error{Code::kIo, images.string() + " holds " + std::to_string(i->size()) + " images, '" + labels.string() +
                                "' " + std::to_string(l->size()) + " label pictures"};
  for (size_t k = 0; k < i->size(); ++k) config.images.push_back({(*i)[k], (*l)[k]});
  return {};
}

Result<void> read_list(const fs::path& list, const fs::path& root, const std::string& separator, SegConfig& config) {
  std::ifstream in(list);
  if (!in) return Error{Code::kIo, "file list '" + list.string() + "': cannot be read"};
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (line.empty()) continue;
    const size_t at = line.find(separator);
    if (at == std::string::npos)
      return Error{Code::kBadFile, "file list '" + list.string() + "' line " + std::to_string(number) +
                                       ": expected an image and a label picture with '" + separator + "' between"};
    config.images.push_back(
        {(root / line.substr(0, at)).string(), (root / line.substr(at + separator.size())).string()});
  }
  return {};
}

Result<void> read_dataset(const YAML::Node& data, SegConfig& config) {
  const std::string type = value_or<std::string>(data, "type", "Dataset");
  const fs::path root = value_or<std::string>(data, "dataset_root", ".");
  config.ignore_index = value_or(data, "ignore_index", 255);
  if (type == "Cityscapes") {
    config.classes = 19;
    return pair_up(root / "leftImg8bit/val", "_leftImg8bit.png", root / "gtFine/val", "_gtFine_labelTrainIds.png",
                   config);
  }
  if (type == "ADE20K") {
    config.classes = 150;
    config.label_shift = -1;
    return pair_up(root / "images/validation", ".jpg", root / "annotations/validation", ".png", config);
  }
  if (type != "Dataset")
    return Error{Code::kUnsupported, "val_dataset type '" + type + "': expected Dataset, Cityscapes or ADE20K"};
  config.classes = value_or(data, "num_classes", 0);
  const std::string list = value_or<std::string>(data, "val_path", "");
  if (list.empty()) return Error{Code::kBadFile, "val_dataset: has no val_path"};
  // Written relative to the working folder, as PaddleSeg reads it, or to the data set's.
  std::error_code ec;
  const fs::path path = fs::exists(list, ec) ? fs::path(list) : root / list;
  return read_list(path, root, value_or<std::string>(data, "separator", " "), config);
}

Result<YAML::Node> transforms_of(const YAML::Node& root) {
  for (const char* key : {"Deploy", "val_dataset"})
    if (root[key] && root[key].IsMap())
      return root[key]["transforms"] ? root[key]["transforms"] : YAML::Node(YAML::NodeType::Sequence);
  return Error{Code::kBadFile, "has neither Deploy nor val_dataset"};
}

Result<Preprocess> preprocess_in(const YAML::Node& root, const std::string& path) {
  const auto list = transforms_of(root);
  auto p = list ? preprocess_of(*list, Dialect::kSegmentation) : Result<Preprocess>(list.error());
  if (!p) return Error{p.error().code, "'" + path + "': " + p.error().text};
  return p;
}

}  // namespace

Result<SegConfig> read_seg_config(const std::string& path) {
  return yaml_errors(path, [&]() -> Result<SegConfig> {
    int files = 0;
    const auto root = load(path, 0, files);
    if (!root) return root.error();
    SegConfig config;
    auto preprocess = preprocess_in(*root, path);
    if (!preprocess) return preprocess.error();
    config.preprocess = *preprocess;
    const YAML::Node data = (*root)["val_dataset"];
    if (!data) return config;
    if (auto read = read_dataset(data, config); !read)
      return Error{read.error().code, "'" + path + "': " + read.error().text};
    return config;
  });
}

Result<Preprocess> read_preprocess(const std::string& path) {
  return yaml_errors(path, [&]() -> Result<Preprocess> {
    int files = 0;
    const auto root = load(path, 0, files);
    if (!root) return root.error();
    if ((*root)["Deploy"] || (*root)["val_dataset"]) return preprocess_in(*root, path);
    const auto reader = read_reader_config(path, false);
    if (!reader) return reader.error();
    return reader->preprocess;
  });
}

}  // namespace octet::vision
