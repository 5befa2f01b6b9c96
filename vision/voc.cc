// XML files in, the structs of COCO out.
#include "vision/voc.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <pugixml.hpp>

namespace octet::vision {
namespace {

namespace fs = std::filesystem;

struct Sample {
  std::string image;  // empty: the XML file says
  std::string xml;
};

Result<std::vector<std::string>> lines_of(const std::string& path) {
  std::ifstream in(path);
  if (!in || fs::is_directory(path)) return Error{Code::kIo, "'" + path + "': cannot be read"};
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back()))) line.pop_back();
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

Result<std::vector<Sample>> samples_of(const VocSource& source) {
  std::vector<Sample> samples;
  std::error_code ec;
  if (fs::is_directory(source.annotations, ec)) {
    for (const auto& entry : fs::directory_iterator(source.annotations, ec))
      if (entry.path().extension() == ".xml") samples.push_back({"", entry.path().string()});
    if (samples.empty()) return Error{Code::kIo, "folder '" + source.annotations + "': no .xml files"};
    std::sort(samples.begin(), samples.end(), [](const auto& a, const auto& b) { return a.xml < b.xml; });
    return samples;
  }
  const auto lines = lines_of(source.annotations);
  if (!lines) return lines.error();
  for (const std::string& line : *lines) {
    const size_t space = line.find(' ');
    if (space == std::string::npos)
      return Error{Code::kBadFile,
                   "'" + source.annotations + "': line '" + line + "': expected an image and an XML file"};
    samples.push_back({line.substr(0, space), (fs::path(source.image_dir) / line.substr(space + 1)).string()});
  }
  return samples;
}

struct Object {
  std::string name;
  CocoAnnotation annotation;
};

Result<std::vector<Object>> objects_of(const pugi::xml_node& root, const std::string& path, int64_t image_id) {
  std::vector<Object> out;
  for (const pugi::xml_node object : root.children("object")) {
    const pugi::xml_node box = object.child("bndbox");
    if (!object.child("name") || !box)
      return Error{Code::kBadFile, "'" + path + "': an object has no name or no bndbox"};
    const double x1 = box.child("xmin").text().as_double(), y1 = box.child("ymin").text().as_double();
    const double w = box.child("xmax").text().as_double() - x1, h = box.child("ymax").text().as_double() - y1;
    if (!(w >= 0) || !(h >= 0)) return Error{Code::kBadFile, "'" + path + "': a bndbox ends before it begins"};
    out.push_back({object.child("name").text().as_string(),
                   {.image_id = image_id,
                    .category_id = 0,
                    .box = {x1, y1, w, h},
                    .area = w * h,
                    .difficult = object.child("difficult").text().as_int() != 0}});
  }
  return out;
}

double overlap(const std::array<double, 4>& a, const std::array<double, 4>& b) {
  const double w = std::min(a[0] + a[2], b[0] + b[2]) - std::max(a[0], b[0]) + 1;
  const double h = std::min(a[1] + a[3], b[1] + b[3]) - std::max(a[1], b[1]) + 1;
  if (w <= 0 || h <= 0) return 0;
  return w * h / ((a[2] + 1) * (a[3] + 1) + (b[2] + 1) * (b[3] + 1) - w * h);
}

struct Outcome {
  double score;
  bool hit;
};

double average_precision(std::vector<Outcome> outcomes, size_t objects, bool eleven_point) {
  std::stable_sort(outcomes.begin(), outcomes.end(), [](auto& a, auto& b) { return a.score > b.score; });
  double hits = 0, area = 0;
  std::array<double, 11> best{};
  for (size_t i = 0; i < outcomes.size(); ++i) {
    hits += outcomes[i].hit;
    const double precision = hits / static_cast<double>(i + 1), recall = hits / static_cast<double>(objects);
    if (outcomes[i].hit) area += precision / static_cast<double>(objects);
    for (size_t r = 0; r < best.size(); ++r)
      if (recall >= static_cast<double>(r) / 10) best[r] = std::max(best[r], precision);
  }
  if (!eleven_point) return area;
  double sum = 0;
  for (const double p : best) sum += p / 11;
  return sum;
}

}  // namespace

Result<CocoDataset> read_voc(const VocSource& source) {
  const auto samples = samples_of(source);
  if (!samples) return samples.error();
  CocoDataset dataset;
  std::vector<Object> objects;
  std::map<std::string, int64_t> ids;
  for (const Sample& sample : *samples) {
    pugi::xml_document document;
    if (const auto parsed = document.load_file(sample.xml.c_str()); !parsed)
      return Error{Code::kBadFile, "'" + sample.xml + "' of '" + source.annotations + "': " + parsed.description()};
    const pugi::xml_node root = document.child("annotation");
    if (!root) return Error{Code::kBadFile, "'" + sample.xml + "': has no annotation"};
    const int64_t id = static_cast<int64_t>(dataset.images.size());
    const std::string image = sample.image.empty() ? root.child("filename").text().as_string() : sample.image;
    if (image.empty()) return Error{Code::kBadFile, "'" + sample.xml + "': has no filename"};
    dataset.images.push_back({.id = id, .file_name = image});
    auto found = objects_of(root, sample.xml, id);
    if (!found) return found.error();
    for (Object& o : *found) {
      ids[o.name];
      objects.push_back(std::move(o));
    }
  }
  std::vector<std::string> names;
  for (const auto& [name, id] : ids) names.push_back(name);
  if (!source.label_list.empty()) {
    const auto given = lines_of(source.label_list);
    if (!given) return given.error();
    names = *given;
    for (auto& [name, id] : ids)
      if (std::find(names.begin(), names.end(), name) == names.end())
        return Error{Code::kBadFile, "'" + source.label_list + "': lacks '" + name + "', which the annotations name"};
  }
  for (const std::string& name : names) {
    ids[name] = static_cast<int64_t>(dataset.categories.size()) + 1;
    dataset.categories.push_back({.id = ids[name], .name = name});
  }
  for (Object& o : objects) {
    o.annotation.category_id = ids[o.name];
    dataset.annotations.push_back(o.annotation);
  }
  return dataset;
}

VocMetrics evaluate_voc(const CocoDataset& dataset, const std::vector<CocoDetection>& detections, bool eleven_point) {
  VocMetrics metrics;
  double sum = 0;
  size_t counted = 0;
  for (const CocoCategory& category : dataset.categories) {
    struct Cell {
      std::vector<const CocoAnnotation*> objects;
      std::vector<const CocoDetection*> detections;
    };
    std::map<int64_t, Cell> cells;  // by image
    size_t objects = 0;
    for (const CocoAnnotation& a : dataset.annotations)
      if (a.category_id == category.id) cells[a.image_id].objects.push_back(&a), objects += !a.difficult;
    for (const CocoDetection& d : detections)
      if (d.category_id == category.id) cells[d.image_id].detections.push_back(&d);
    std::vector<Outcome> outcomes;
    for (auto& [image, cell] : cells) {
      std::stable_sort(cell.detections.begin(), cell.detections.end(),
                       [](auto* a, auto* b) { return a->score > b->score; });
      std::vector<bool> taken(cell.objects.size());
      for (const CocoDetection* d : cell.detections) {
        size_t best = 0;
        double most = -1;
        for (size_t i = 0; i < cell.objects.size(); ++i)
          if (const double o = overlap(d->box, cell.objects[i]->box); o > most) most = o, best = i;
        const bool over = most > .5;
        if (over && cell.objects[best]->difficult) continue;
        outcomes.push_back({d->score, over && !taken[best]});
        if (over) taken[best] = true;
      }
    }
    metrics.category_ap.push_back(objects ? average_precision(std::move(outcomes), objects, eleven_point) : -1);
    if (!objects) continue;
    sum += metrics.category_ap.back();
    ++counted;
  }
  if (counted) metrics.map = sum / static_cast<double>(counted);
  return metrics;
}

}  // namespace octet::vision
