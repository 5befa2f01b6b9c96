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
  std::string model, task, data, json, pictures, name;
  int drawn = 4;
  std::vector<std::string> table;
  SessionFlags session;
};

struct Score {
  const char* metric = "";
  double value = 0, median_ms = 0;
};

constexpr float kDrawnFrom = .3f;  // score of the boxes that are drawn

Result<vision::CocoDataset> dataset_of(const Arguments& a) { return vision::read_coco(a.data + "/instances.json"); }

// What `draw` makes of the first pictures is written under --pictures.
template <class Draw>
Result<void> draw_all(const Arguments& a, const Draw& draw) {
  if (a.pictures.empty()) return {};
  const auto dataset = dataset_of(a);
  if (!dataset) return dataset.error();
  std::error_code ignored;  // a folder that could not be made shows when writing
  fs::create_directories(a.pictures, ignored);
  for (size_t i = 0; i < std::min(dataset->images.size(), static_cast<size_t>(a.drawn)); ++i) {
    const std::string& file = dataset->images[i].file_name;
    const auto image = vision::read_image(a.data + "/images/" + file);
    if (!image) return image.error();
    const auto drawn = draw(*image, *dataset);
    if (!drawn) return drawn.error();
    const std::string path = a.pictures + "/" + a.task + "_" + fs::path(file).stem().string() + ".png";
    if (auto done = vision::write_image(path, *drawn); !done) return done.error();
    std::cout << path << '\n';
  }
  return {};
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
  const auto draw = [&](const cv::Mat& image, const vision::CocoDataset& d) -> Result<cv::Mat> {
    if (auto loaded = detector->load(0, image); !loaded) return loaded.error();
    if (auto done = detector->run(); !done) return done.error();
    auto found = detector->found(0);
    if (!found) return found.error();
    std::vector<std::string> names;
    for (const auto& c : d.categories) names.push_back(c.name);
    return vision::draw_detections(image, found->detections, names, kDrawnFrom);
  };
  if (auto done = draw_all(a, draw); !done) return done.error();
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
  const auto draw = [&](const cv::Mat& image, const vision::CocoDataset&) -> Result<cv::Mat> {
    const auto geometry = feed->load(*session, 0, image, job.preprocess);
    if (auto done = session->run(); !done) return done.error();
    auto labels = vision::segment(session->output(0), job.classes, geometry, job.resize_logits);
    if (!labels) return labels.error();
    return vision::draw_labels(image, *labels);
  };
  if (auto done = draw_all(a, draw); !done) return done.error();
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

Result<void> print_table(const std::vector<std::string>& paths) {
  std::printf("%-10s  %-9s  %-14s  %9s  %9s  %11s\n", "model", "precision", "accuracy", "median ms", "file MB",
              "peak MB");
  for (const std::string& path : paths) {
    const auto bytes = read_file(path);
    if (!bytes) return bytes.error();
    const auto* text = reinterpret_cast<const char*>(bytes->data());
    const Json row = Json::parse(text, text + bytes->size(), nullptr, false);
    if (row.is_discarded() || !row.contains("peak_bytes"))
      return Error{Code::kBadFile, path + ": was not written by --json"};
    std::printf("%-10s  %-9s  %-5s %8.4f  %9.2f  %9.2f  %11.1f\n", row["model"].get<std::string>().c_str(),
                row["precision"].get<std::string>().c_str(), row["metric"].get<std::string>().c_str(),
                row["value"].get<double>(), row["median_ms"].get<double>(), row["file_bytes"].get<double>() * 1e-6,
                row["peak_bytes"].get<double>() * 1e-6);
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
  app.add_option("--pictures", a.pictures, "Folder for annotated pictures; their paths are printed");
  app.add_option("--drawn", a.drawn, "How many pictures are annotated")
      ->transform(octet::between(0, 1 << 20))
      ->capture_default_str();
  octet::add_session_flags(app, a.session);
  if (int code = 0; !octet::parse_flags(app, argc, argv, &code)) return code;
  if (a.table.empty() && (a.model.empty() || a.task.empty() || a.data.empty() || a.json.empty()))
    return octet::fail("evaluate_bundled",
                       {octet::Code::kBadArgument, "model, --task, --data and --json are needed, or --table"});
  if (auto done = a.table.empty() ? octet::evaluate(a) : octet::print_table(a.table); !done)
    return octet::fail("evaluate_bundled", done.error());
  return octet::finished("evaluate_bundled", 0);
}
