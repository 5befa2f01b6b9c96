// Keys that evaluation does not need are passed over.
#include "vision/reader_config.h"

#include "vision/transforms.h"
#include "vision/yaml.h"

namespace octet::vision {
namespace {

// The families of PaddleDetection's infer_cfg.yml.
constexpr std::pair<std::string_view, const char*> kArchs[] = {
    {"YOLO", "PPYOLOE+"},   {"YOLOX", "YOLOX"},    {"PicoDet", "PicoDet"}, {"GFL", "PicoDet"},
    {"SSD", "SSD-corners"}, {"Face", "BlazeFace"}, {"DETR", "DETR"},       {"FCOS", "PPYOLOE+"}};

Result<ReaderConfig> read(const YAML::Node& root, const std::string& path, bool single) {
  const auto bad = [&](const std::string& what) { return Error{Code::kBadFile, "'" + path + "': " + what}; };
  if (!root.IsMap()) return bad("not a map of settings");
  ReaderConfig config;
  const YAML::Node eval = root["EvalReader"], test = root["TestReader"];
  const YAML::Node reader = eval && !(single && test) ? eval : test;
  const YAML::Node list = root["Preprocess"] ? root["Preprocess"] : reader ? reader["sample_transforms"] : reader;
  if (!list) return bad("has neither EvalReader nor TestReader with sample_transforms, nor Preprocess");
  YAML::Node all = YAML::Clone(list);
  if (reader && reader["batch_transforms"])
    for (const YAML::Node& t : reader["batch_transforms"]) all.push_back(t);
  auto preprocess = preprocess_of(all, Dialect::kDetection);
  if (!preprocess) return bad(preprocess.error().text);
  config.preprocess = *preprocess;
  const std::string arch = value_or<std::string>(root, "arch", "");
  for (const auto& [paddle, ours] : kArchs)
    if (paddle == arch) config.arch = ours;
  if (reader) config.batch_size = value_or(reader, "batch_size", 0);
  const YAML::Node data = root["EvalDataset"];
  config.voc = value_or<std::string>(root, "metric", "COCO") == "VOC" || (data && data.Tag() == "!VOCDataSet");
  config.eleven_point = value_or<std::string>(root, "map_type", "11point") != "integral";
  if (data) {
    config.dataset_dir = value_or<std::string>(data, "dataset_dir", "");
    config.image_dir = value_or<std::string>(data, "image_dir", "");
    config.anno_path = value_or<std::string>(data, "anno_path", "");
    config.label_list = value_or<std::string>(data, "label_list", "");
  }
  if (const YAML::Node names = root["label_list"]; names && names.IsSequence())
    config.names = names.as<std::vector<std::string>>();
  return config;
}

}  // namespace

Result<ReaderConfig> read_reader_config(const std::string& path, bool single) {
  return yaml_errors(path, [&]() -> Result<ReaderConfig> {
    const auto root = load_yaml(path);
    if (!root) return root.error();
    return read(*root, path, single);
  });
}

}  // namespace octet::vision
