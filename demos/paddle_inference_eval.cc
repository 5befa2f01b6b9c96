// Evaluates a detector on a COCO or VOC data set, or runs it on one picture; flags and result lines are those of
// PaddleSlim's scripts of this name.
#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <string>

#include "cli/memory.h"
#include "cli/progress_bar.h"
#include "cli/terminal.h"
#include "demos/detect_flags.h"
#include "vision/coco_eval.h"
#include "vision/draw.h"
#include "vision/evaluate.h"
#include "vision/image.h"
#include "vision/voc.h"

namespace octet::demos {
namespace {

using namespace octet::vision;

constexpr const char* kProgram = "paddle_inference_eval";

int fail(const Error& error) { return octet::fail(kProgram, error); }

// As Python prints a float: the shortest text that reads back to the same number.
std::string python_float(double x) {
  char text[32];
  const std::string out(text, std::to_chars(text, text + sizeof text, x).ptr);
  return out.find_first_of(".en") == std::string::npos ? out + ".0" : out;
}

Result<CocoDataset> read_dataset(const ReaderConfig& config) {
  const std::filesystem::path root(config.dataset_dir);
  const std::string annotations = (root / config.anno_path).string();
  if (!config.voc) return read_coco(annotations);
  const std::string labels = config.label_list.empty() ? "" : (root / config.label_list).string();
  return read_voc({annotations, (root / config.image_dir).string(), labels});
}

// Names from the YAML, the model, or the annotations where they fit the number of classes.
std::vector<std::string> class_names(const ReaderConfig& config, const std::vector<std::string>& known,
                                     size_t classes) {
  if (!config.names.empty()) return config.names;
  if (!known.empty()) return known;
  std::error_code ec;
  if (!std::filesystem::exists(config.dataset_dir + "/" + config.anno_path, ec)) return default_names(classes);
  auto dataset = read_dataset(config);
  if (!dataset || (classes != 0 && dataset->categories.size() != classes)) return default_names(classes);
  std::vector<std::string> names;
  for (const CocoCategory& c : dataset->categories) names.push_back(c.name);
  return names;
}

int run_image(const DetectFlags& f, const ReaderConfig& config, OpenDetector& open) {
  Detector& d = open.detector;
  auto image = read_image_for(f.image_file, d.channels());
  if (!image) return fail(image.error());
  for (int slot = 0; slot < d.batch(); ++slot)
    if (auto loaded = d.load(slot, *image); !loaded) return fail(loaded.error());
  const size_t warm = f.benchmark ? 50 : 1, runs = f.benchmark ? 100 : 1;
  std::vector<double> ms;
  {
    ProgressBar bar;
    for (size_t i = 0; i < warm + runs; ++i) {
      auto time = d.run();
      if (!time) return fail(time.error());
      if (i >= warm) ms.push_back(*time);
      bar.show(i + 1, warm + runs);
    }
  }
  if (auto nms = check_nms(f, d); !nms) return fail(nms.error());
  auto found = d.found(0);
  if (!found) return fail(found.error());
  const auto names = class_names(config, open.names, static_cast<size_t>(found->classes));
  const auto& boxes = found->detections;
  for (const Detection& box : boxes)
    if (box.score >= f.threshold)
      std::printf("%s: %.3f\n", printable(name_of(names, box.label)).c_str(), static_cast<double>(box.score));
  const auto written = write_image(f.output_file, draw_found(drawable(*image), *found, names, f.threshold));
  if (!written) return fail(written.error());
  const Latency latency = summarise(std::move(ms));
  std::printf("[Benchmark]%s\n[Benchmark]%s\n", latency_text(latency).c_str(), spread_text(latency).c_str());
  std::printf("[Benchmark]Avg cpu_mem:%.2f MB, avg gpu_mem: 0 MB\n", own_megabytes());
  std::printf("The prediction results are saved in %s.\n", f.output_file.c_str());
  return 0;
}

void print_classes(const CocoDataset& dataset, const std::vector<double>& ap) {
  for (size_t i = 0; i < ap.size(); ++i) {
    const std::string value = ap[i] < 0 ? "no objects" : std::to_string(ap[i]).substr(0, 5);
    std::printf(" %-24s %s\n", printable(dataset.categories[i].name).c_str(), value.c_str());
  }
}

void print_difference(const CocoDataset& dataset, const std::vector<CocoDetection>& other,
                      const std::vector<CocoDetection>& found) {
  const ApDifference d = ap_difference(dataset, other, found);
  std::printf("AP less that of --compare: %+.4f (95 %%: %+.4f to %+.4f)\n", d.difference, d.low, d.high);
}

int run_dataset(const DetectFlags& f, const ReaderConfig& config, Detector& d) {
  auto dataset = read_dataset(config);
  if (!dataset) return fail(dataset.error());
  std::vector<CocoDetection> other;
  if (!f.compare.empty()) {
    if (config.voc) return fail(Error{Code::kBadArgument, "--compare: of COCO's AP only, the data set is VOC"});
    auto read = read_detections(f.compare);
    if (!read) return fail(read.error());
    other = std::move(*read);
  }
  // One run tells what the outputs are, before the time of a whole data set is spent.
  if (auto time = d.run(); !time) return fail(time.error());
  if (auto nms = check_nms(f, d); !nms) return fail(nms.error());
  Result<DetectorReport> report = Error{};
  {
    ProgressBar bar;
    report = run_detector(d, {.dataset = &*dataset,
                              .image_dir = config.dataset_dir + "/" + config.image_dir,
                              .progress = [&](size_t done, size_t total) { bar.show(done, total); }});
  }
  if (!report) return fail(report.error());
  if (!f.save_json.empty())
    if (auto written = write_detections(f.save_json, report->detections); !written) return fail(written.error());
  std::string result;
  if (config.voc) {
    const VocMetrics metrics = evaluate_voc(*dataset, report->detections, config.eleven_point);
    if (f.classwise) print_classes(*dataset, metrics.category_ap);
    std::printf("mAP(0.50, %s) = %.2f%%\n", config.eleven_point ? "11point" : "integral", metrics.map * 100);
    result = "VOC mAP: " + python_float(metrics.map);
  } else {
    const CocoMetrics metrics = evaluate_coco(*dataset, report->detections);
    if (f.classwise) print_classes(*dataset, metrics.category_ap);
    std::printf("%s", summary_text(metrics).c_str());
    if (!f.compare.empty()) print_difference(*dataset, other, report->detections);
    result = "COCO mAP: " + python_float(metrics.ap());
  }
  std::printf("[Benchmark]End to end, a batch of %d: %s\n", d.batch(), spread_text(report->end_to_end).c_str());
  std::printf("[Benchmark]Inference: %s\n", spread_text(report->latency).c_str());
  std::printf("[Benchmark]%s\n[Benchmark] %s\n", latency_text(report->latency).c_str(), result.c_str());
  return 0;
}

}  // namespace
}  // namespace octet::demos

int main(int argc, char** argv) {
  using namespace octet::demos;
  CLI::App app("Evaluates a detector on a COCO or VOC data set, or runs it on one picture.", kProgram);
  DetectFlags flags;
  define_flags(app, flags);
  if (int code = 0; !octet::parse_flags(app, argc, argv, &code)) return code;
  auto config = config_of(flags);
  if (!config) return fail(config.error());
  auto detector = open_detector(flags, *config);
  if (!detector) return fail(detector.error());
  octet::print_warnings(kProgram, detector->detector.warnings());
  return octet::finished(kProgram, flags.image_file.empty() ? run_dataset(flags, *config, detector->detector)
                                                            : run_image(flags, *config, *detector));
}
