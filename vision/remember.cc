// Between metadata and settings. The numbers are checked like those of a YAML: anybody can write such a file.
#include "vision/remember.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "vision/arch.h"
#include "vision/reader_config.h"

namespace octet::vision {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr const char *kArchKey = "octet.arch", *kPreprocessKey = "octet.preprocess", *kNamesKey = "names",
                     *kKeyPointsKey = "kpt_shape";
constexpr int kMostSide = 1 << 14, kMostKeyPoints = 1 << 10;

Json json_of(const Preprocess& p) {
  return {{"height", p.height},
          {"width", p.width},
          {"resize", static_cast<int>(p.resize)},
          {"interpolation", p.interpolation},
          {"pad", p.pad},
          {"pad_zero", p.pad_zero},
          {"short_side", p.sides.short_side},
          {"long_max", p.sides.long_max},
          {"long_min", p.sides.long_min},
          {"rounding", static_cast<int>(p.rounding)},
          {"divisor", p.divisor},
          {"stride", p.stride},
          {"aspect_ratio", p.aspect_ratio},
          {"on_float", p.on_float},
          {"bgr", p.channels == Channels::kBgr},
          {"scale", p.scale},
          {"mean", p.mean},
          {"std", p.std}};
}

int integer(const Json& j, const char* key, int most) {
  const int value = j.at(key).get<int>();
  if (value < 0 || value > most) throw std::out_of_range(std::string(key) + " is not 0 to " + std::to_string(most));
  return value;
}

float finite(float value, const char* key) {
  if (!std::isfinite(value)) throw std::out_of_range(std::string(key) + " is not a number");
  return value;
}

Preprocess preprocess_in(const Json& j) {
  Preprocess p;
  p.height = integer(j, "height", kMostSide), p.width = integer(j, "width", kMostSide);
  p.resize = static_cast<Resize>(integer(j, "resize", static_cast<int>(Resize::kSides)));
  p.interpolation = integer(j, "interpolation", 4);
  p.pad = finite(j.at("pad").get<float>(), "pad");
  p.pad_zero = j.at("pad_zero").get<bool>();
  p.sides = {integer(j, "short_side", kMostSide), integer(j, "long_max", kMostSide), integer(j, "long_min", kMostSide)};
  p.rounding = static_cast<Rounding>(integer(j, "rounding", static_cast<int>(Rounding::kHalfUp)));
  p.divisor = integer(j, "divisor", kMostSide), p.stride = integer(j, "stride", kMostSide);
  p.aspect_ratio = finite(j.at("aspect_ratio").get<float>(), "aspect_ratio");
  p.on_float = j.at("on_float").get<bool>();
  p.channels = j.at("bgr").get<bool>() ? Channels::kBgr : Channels::kRgb;
  p.scale = finite(j.at("scale").get<float>(), "scale");
  p.mean = j.at("mean").get<std::array<float, 3>>(), p.std = j.at("std").get<std::array<float, 3>>();
  for (size_t c = 0; c < 3; ++c) {
    finite(p.mean[c], "mean");
    if (finite(p.std[c], "std") == 0) throw std::out_of_range("std is 0");
  }
  return p;
}

// ultralytics' networks are all fed alike, but for RT-DETR; `task` says which head there is.
std::string arch_of_task(std::string_view task, std::string_view description) {
  const auto about = [&](const char* word) { return description.find(word) != std::string_view::npos; };
  if (task == "detect") return about("RTDETR") || about("rtdetr") ? "DETR" : "YOLOv8";
  if (task == "segment") return "YOLOv8";
  return task == "pose" ? "YOLOv8-pose" : task == "obb" ? "YOLOv8-obb" : task == "classify" ? "YOLOv8-cls" : "";
}

}  // namespace

Result<Remembered> remembered_by(const Model& model) {
  Remembered out;
  const auto bad = [&](const char* key, const std::string& what) {
    return Error{Code::kBadFile, "'" + model.name() + "': metadata '" + key + "': " + what +
                                     "; convert or quantise the source model again, or say it by flags"};
  };
  out.names = parse_names(model.metadata(kNamesKey));
  const std::string_view points = model.metadata(kKeyPointsKey);
  if (points.starts_with('[')) std::from_chars(points.data() + 1, points.data() + points.size(), out.key_points);
  out.key_points = std::clamp(out.key_points, 0, kMostKeyPoints);
  out.arch = model.metadata(kArchKey);
  if (out.arch.empty()) out.arch = arch_of_task(model.metadata("task"), model.metadata("description"));
  if (!out.arch.empty() && !arch_of(out.arch)) return bad(kArchKey, "'" + out.arch + "' is no family");
  const std::string_view text = model.metadata(kPreprocessKey);
  if (text.empty()) return out;
  try {
    out.preprocess = preprocess_in(Json::parse(text));
  } catch (const std::exception& e) {
    return bad(kPreprocessKey, e.what());
  }
  return out;
}

Result<Remembered> remembered_beside(const std::string& path) {
  std::error_code failed;
  const bool folder = fs::is_directory(path, failed);
  if (!folder && !path.ends_with(".pdmodel") && !path.ends_with(".json")) return Remembered{};
  const fs::path place = folder ? fs::path(path) : fs::path(path).parent_path();
  for (const char* name : {"infer_cfg.yml", "inference.yml"}) {
    const std::string file = (place / name).string();
    if (!fs::exists(file, failed)) continue;
    const auto config = read_reader_config(file, true);
    // Networks that are no detectors come with YAMLs of other forms: they say nothing here.
    if (config) return Remembered{.arch = config->arch, .preprocess = config->preprocess, .names = config->names};
  }
  return Remembered{};
}

std::vector<std::pair<std::string, std::string>> as_metadata(const Remembered& what) {
  std::vector<std::pair<std::string, std::string>> out;
  if (!what.arch.empty()) out.emplace_back(kArchKey, what.arch);
  if (what.preprocess) out.emplace_back(kPreprocessKey, json_of(*what.preprocess).dump());
  if (!what.names.empty()) out.emplace_back(kNamesKey, names_text(what.names));
  return out;
}

}  // namespace octet::vision
