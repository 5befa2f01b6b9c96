// evaluate_bundled: one bundled model in one precision over the bundled pictures. A process for each, because peak memory
// is a process' own; with --table it prints what such processes found.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/numbers.h"
#include "cli/session_flags.h"
#include "cli/terminal.h"
#include "files/files.h"
#include "vision/coco_eval.h"
#include "vision/draw.h"
#include "vision/evaluate.h"
#include "vision/image.h"
#include "vision/segment.h"

namespace octet {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

struct Arguments {
  std::string model, task, data, json, pictures, truth, name;
  int drawn = 4;
  std::vector<std::string> table;
  SessionFlags session;
};

struct Score {
  const char* metric = "";
  double value = 0, median_ms = 0;
};

constexpr float kDrawnFrom = .3f;  // score of the boxes that are drawn
constexpr int kBackground = 0;     // class of the bundled segmenter

Result<vision::CocoDataset> dataset_of(const Arguments& a) { return vision::read_coco(a.data + "/instances.json"); }

// What `draw` makes of the first pictures is written to a folder.
template <class Draw>
Result<void> draw_all(const Arguments& a, const std::string& folder, const Draw& draw) {
  if (folder.empty()) return {};
  const auto dataset = dataset_of(a);
  if (!dataset) return dataset.error();
  std::error_code ignored;  // a folder that could not be made shows when writing
  fs::create_directories(folder, ignored);
  for (size_t i = 0; i < std::min(dataset->images.size(), static_cast<size_t>(a.drawn)); ++i) {
    const std::string& file = dataset->images[i].file_name;
    const auto image = vision::read_image(a.data + "/images/" + file);
    if (!image) return image.error();
    const auto drawn = draw(*image, *dataset, i);
    if (!drawn) return drawn.error();
    const std::string path = folder + "/" + a.task + "_" + fs::path(file).stem().string() + ".png";
    if (auto done = vision::write_image(path, *drawn); !done) return done.error();
  }
  return {};
}

std::vector<std::string> names_of(const vision::CocoDataset& d) {
  std::vector<std::string> names;
  for (const auto& c : d.categories) names.push_back(c.name);
  return names;
}

cv::Mat draw_true_boxes(const cv::Mat& image, const vision::CocoDataset& d, size_t i) {
  std::vector<vision::Detection> boxes;
  for (const vision::CocoAnnotation& object : d.annotations) {
    if (object.image_id != d.images[i].id) continue;
    size_t label = 0;
    while (label + 1 < d.categories.size() && d.categories[label].id != object.category_id) ++label;
    const auto at = [&](size_t k) { return static_cast<float>(object.box[k]); };
    boxes.push_back({.label = static_cast<int>(label),
                     .score = vision::kGiven,
                     .x1 = at(0),
                     .y1 = at(1),
                     .x2 = at(0) + at(2),
                     .y2 = at(1) + at(3)});
  }
  return vision::draw_detections(image, boxes, names_of(d), kDrawnFrom);
}

Result<Score> detection(const Model& model, const SessionOptions& options, const Arguments& a) {
  const auto arch = vision::arch_of("YOLOv5");
  if (!arch) return arch.error();
  auto detector = vision::Detector::open(model, {.arch = *arch, .session = options});
  if (!detector) return detector.error();
  const auto dataset = dataset_of(a);
  if (!dataset) return dataset.error();
  vision::DetectorJob job;
  job.dataset = &*dataset;
  job.image_dir = a.data + "/images";
  const auto report = vision::run_detector(*detector, job);
  if (!report) return report.error();
  const auto draw = [&](const cv::Mat& image, const vision::CocoDataset& d, size_t) -> Result<cv::Mat> {
    if (auto loaded = detector->load(0, image); !loaded) return loaded.error();
    if (auto done = detector->run(); !done) return done.error();
    auto found = detector->found(0);
    if (!found) return found.error();
    return vision::draw_detections(image, found->detections, names_of(d), kDrawnFrom);
  };
  if (auto done = draw_all(a, a.pictures, draw); !done) return done.error();
  const auto truth = [](const auto&... given) -> Result<cv::Mat> { return draw_true_boxes(given...); };
  if (auto done = draw_all(a, a.truth, truth); !done) return done.error();
  return Score{"mAP", vision::evaluate_coco(*dataset, report->detections).ap(), report->latency.median_ms};
}

Result<Score> segmentation(const Model& model, const SessionOptions& options, const Arguments& a) {
  const auto feed = vision::Feed::of(model);
  if (!feed) return feed.error();
  const auto size = feed->size(vision::segmentation_preset());
  if (!size) return size.error();
  if (!size->height || !size->width) return Error{Code::kBadModel, a.model + ": its input has no fixed size"};
  auto session = Session::create(model, options);
  if (!session) return session.error();
  vision::SegmenterJob job;
  auto images = vision::labelled_images(a.data + "/images", a.data + "/labels");
  if (!images) return images.error();
  job.images = std::move(*images);
  job.preprocess = vision::segmentation_preset();
  job.preprocess.height = size->height;
  job.preprocess.width = size->width;
  if (auto done = feed->prepare(*session, *size); !done) return done.error();
  const Shape scores = session->output(0).shape;
  if (scores.rank() != 4) return Error{Code::kBadModel, a.model + ": its first output is no map of scores"};
  job.classes = static_cast<int>(scores[1]);
  const auto report = vision::evaluate_segmenter(*session, *feed, job);
  if (!report) return report.error();
  const auto draw = [&](const cv::Mat& image, const vision::CocoDataset&, size_t) -> Result<cv::Mat> {
    const auto geometry = feed->load(*session, 0, image, job.preprocess);
    if (auto done = session->run(); !done) return done.error();
    auto labels = vision::segment(session->output(0), job.classes, geometry, job.resize_logits);
    if (!labels) return labels.error();
    return vision::tint_labels(image, *labels, kBackground);
  };
  if (auto done = draw_all(a, a.pictures, draw); !done) return done.error();
  const auto truth = [&](const cv::Mat& image, const vision::CocoDataset& d, size_t i) -> Result<cv::Mat> {
    const std::string name = fs::path(d.images[i].file_name).stem().string();
    auto labels = vision::read_labels(a.data + "/labels/" + name + ".png");
    if (!labels) return labels.error();
    labels->convertTo(*labels, CV_32S);
    return vision::tint_labels(image, *labels, kBackground);
  };
  if (auto done = draw_all(a, a.truth, truth); !done) return done.error();
  return Score{"mIoU", report->metrics.miou, report->latency.median_ms};
}

int64_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

Result<void> evaluate(const Arguments& a) {
  auto model = Model::map(a.model);
  if (!model) return model.error();
  const auto options = session_options(a.session, *model);
  if (!options) return options.error();
  const auto score = a.task == "detector" ? detection(*model, *options, a) : segmentation(*model, *options, a);
  if (!score) return score.error();
  std::error_code failed;
  const auto bytes = fs::file_size(a.model, failed);
  const Json found{{"model", a.name.empty() ? a.task : a.name},
                   {"precision", options->precision == Precision::kInt8 ? "int8" : "fp32"},
                   {"metric", score->metric},
                   {"value", score->value},
                   {"median_ms", score->median_ms},
                   {"threads", options->threads},
                   {"kernels", cpu_kernels()},
                   {"file_bytes", failed ? 0 : bytes},
                   {"peak_bytes", peak_bytes()}};
  return write_text(a.json, found.dump(1) + "\n");
}

Result<Json> read_findings(const std::string& path) {
  const auto bytes = read_file(path);
  if (!bytes) return bytes.error();
  const auto* text = reinterpret_cast<const char*>(bytes->data());
  Json row = Json::parse(text, text + bytes->size(), nullptr, false);
  if (row.is_discarded() || !row.contains("peak_bytes"))
    return Error{Code::kBadFile, path + ": was not written by --json"};
  return row;
}

// What int8 loses and gains, where float stands in the line above.
std::string beside(const Json* above, const Json& row) {
  char text[40] = "";
  if (above && (*above)["model"] == row["model"])
    std::snprintf(text, sizeof text, "%+8.4f  %7.2fx", row["value"].get<double>() - (*above)["value"].get<double>(),
                  (*above)["median_ms"].get<double>() / row["median_ms"].get<double>());
  return text;
}

Result<void> print_table(const std::vector<std::string>& paths) {
  std::printf("%-10s  %-9s  %-14s  %9s  %9s  %11s  %8s  %8s\n", "model", "precision", "accuracy", "median ms",
              "file MB", "peak MB", "change", "speed-up");
  std::vector<Json> rows;
  for (const std::string& path : paths) {
    auto read = read_findings(path);
    if (!read) return read.error();
    const Json* above = rows.empty() ? nullptr : &rows.back();
    const Json& row = *read;
    std::printf("%-10s  %-9s  %-5s %8.4f  %9.2f  %9.2f  %11.1f  %s\n", row["model"].get<std::string>().c_str(),
                row["precision"].get<std::string>().c_str(), row["metric"].get<std::string>().c_str(),
                row["value"].get<double>(), row["median_ms"].get<double>(), row["file_bytes"].get<double>() * 1e-6,
                row["peak_bytes"].get<double>() * 1e-6, beside(above, row).c_str());
    rows.push_back(std::move(*read));
  }
  return {};
}

}  // namespace
}  // namespace octet

int main(int argc, char** argv) {
  octet::Arguments a;
  CLI::App app("Evaluates a bundled model on the bundled pictures.", "evaluate_bundled");
  auto* table = app.add_option("--table", a.table, "Print the findings in these files");
  auto* model = app.add_option("model", a.model, "An .octet file")->excludes(table);
  app.add_option("--task", a.task, "detector or segmenter")
      ->check(CLI::IsMember({"detector", "segmenter"}))
      ->needs(model);
  app.add_option("--data", a.data, "Folder with images/, instances.json and labels/");
  app.add_option("--json", a.json, "Where the findings go");
  app.add_option("--name", a.name, "The model's name in the table; default: the task");
  app.add_option("--pictures", a.pictures, "Folder for pictures of what was found");
  app.add_option("--truth", a.truth, "Folder for pictures of what is right, by the same names");
  app.add_option("--drawn", a.drawn, "How many pictures are annotated")
      ->transform(octet::between(0, 1 << 20))
      ->capture_default_str();
  octet::add_session_flags(app, a.session);
  if (int code = 0; !octet::parse_flags(app, argc, argv, &code)) return code;
  if (a.table.empty() && (a.model.empty() || a.task.empty() || a.data.empty() || a.json.empty()))
    return octet::fail("evaluate_bundled",
                       {octet::Code::kBadArgument, "model, --task, --data and --json are needed, or --table"},
                       octet::kWrongUse);
  if (auto done = a.table.empty() ? octet::evaluate(a) : octet::print_table(a.table); !done)
    return octet::fail("evaluate_bundled", done.error());
  return octet::finished("evaluate_bundled", 0);
}
