// JSON in, structs out; every complaint names the file and the entry.
#include "vision/coco.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "files/files.h"

namespace octet::vision {
namespace {

using Json = nlohmann::json;

Error file_error(const std::string& path, const std::string& what) {
  return {Code::kBadFile, "'" + path + "': " + what};
}

// Outlines of segmentation are most of a COCO file and not needed here: they are dropped while parsing.
bool keep(int, Json::parse_event_t event, Json& parsed) {
  return event != Json::parse_event_t::key || parsed != Json("segmentation");
}

Result<Json> parse(const std::string& path) {
  std::error_code ec;
  if (!std::filesystem::exists(path, ec)) return Error{Code::kIo, "'" + path + "': no such file"};
  if (std::filesystem::is_directory(path, ec))
    return Error{Code::kIo, "'" + path + "': is a folder, expected a JSON file"};
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error{Code::kIo, "'" + path + "': cannot be opened"};
  try {
    return Json::parse(in, keep);
  } catch (const Json::exception& e) {
    return file_error(path, e.what());
  }
}

std::array<double, 4> box_of(const Json& entry) {
  const auto box = entry.at("bbox").get<std::vector<double>>();
  if (box.size() != 4) throw std::invalid_argument("bbox has " + std::to_string(box.size()) + " numbers, expected 4");
  return {box[0], box[1], box[2], box[3]};
}

bool flag_of(const Json& entry, const char* key) {
  const auto it = entry.find(key);
  if (it == entry.end()) return false;
  return it->is_boolean() ? it->get<bool>() : it->get<double>() != 0;
}

CocoAnnotation annotation_of(const Json& entry) {
  CocoAnnotation a{.image_id = entry.at("image_id"), .category_id = entry.at("category_id"), .box = box_of(entry)};
  a.area = entry.value("area", a.box[2] * a.box[3]);
  a.crowd = flag_of(entry, "iscrowd");
  return a;
}

CocoDetection detection_of(const Json& entry) {
  return {.image_id = entry.at("image_id"),
          .category_id = entry.at("category_id"),
          .box = box_of(entry),
          .score = entry.at("score")};
}

// Reads a list with `read`, an entry at a time; an error names list and position.
template <class T, class Read>
Result<std::vector<T>> read_list(const std::string& path, const std::string& list, const Json& entries, Read read) {
  if (!entries.is_array()) return file_error(path, list + " is not a list");
  std::vector<T> out;
  out.reserve(entries.size());
  for (const Json& entry : entries) {
    try {
      out.push_back(read(entry));
    } catch (const std::exception& e) {
      return file_error(path, list + "[" + std::to_string(out.size()) + "]: " + e.what());
    }
  }
  return out;
}

template <class T>
Result<void> sort_by_id(const std::string& path, const std::string& list, std::vector<T>& entries) {
  std::sort(entries.begin(), entries.end(), [](const T& a, const T& b) { return a.id < b.id; });
  const auto twice =
      std::adjacent_find(entries.begin(), entries.end(), [](const T& a, const T& b) { return a.id == b.id; });
  if (twice != entries.end()) return file_error(path, list + ": id " + std::to_string(twice->id) + " stands twice");
  return {};
}

}  // namespace

Result<CocoDataset> read_coco(const std::string& path) {
  auto json = parse(path);
  if (!json) return json.error();
  for (const char* list : {"images", "categories"})
    if (!json->is_object() || !json->contains(list))
      return file_error(path, std::string("has no \"") + list + "\": not a COCO instances file");
  auto images = read_list<CocoImage>(path, "images", (*json)["images"], [](const Json& e) {
    return CocoImage{.id = e.at("id"), .file_name = e.at("file_name")};
  });
  if (!images) return images.error();
  auto categories = read_list<CocoCategory>(path, "categories", (*json)["categories"], [](const Json& e) {
    return CocoCategory{.id = e.at("id"), .name = e.at("name")};
  });
  if (!categories) return categories.error();
  // A file without annotations lists pictures to run on.
  const Json none = Json::array();
  const auto found = json->find("annotations");
  auto annotations =
      read_list<CocoAnnotation>(path, "annotations", found == json->end() ? none : *found, annotation_of);
  if (!annotations) return annotations.error();
  if (auto unique = sort_by_id(path, "images", *images); !unique) return unique.error();
  if (auto unique = sort_by_id(path, "categories", *categories); !unique) return unique.error();
  return CocoDataset{std::move(*images), std::move(*categories), std::move(*annotations)};
}

Result<std::vector<CocoDetection>> read_detections(const std::string& path) {
  auto json = parse(path);
  if (!json) return json.error();
  return read_list<CocoDetection>(path, "results", *json, detection_of);
}

Result<void> write_detections(const std::string& path, const std::vector<CocoDetection>& detections) {
  std::string text = "[";
  for (size_t i = 0; i < detections.size(); ++i) {
    const CocoDetection& d = detections[i];
    const nlohmann::ordered_json entry = {
        {"image_id", d.image_id}, {"category_id", d.category_id}, {"bbox", d.box}, {"score", d.score}};
    text += (i ? ",\n " : "") + entry.dump();
  }
  return write_text(path, text + "]\n");
}

}  // namespace octet::vision
