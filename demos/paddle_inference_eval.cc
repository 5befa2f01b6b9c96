// Evaluates a detector on a COCO data set, or runs it on one picture; flags and result lines are those of
// PaddleSlim's script of this name.
#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <string>

#include "demos/open_model.h"
#include "demos/progress_bar.h"
#include "demos/vision/draw.h"
#include "demos/vision/evaluate.h"
#include "demos/vision/image.h"

namespace octet::demos {
namespace {

using namespace octet::vision;

struct Flags {
  std::string model_path, image_file, output_file = "output.jpg";
  std::string dataset_dir = "dataset/coco", val_image_dir = "val2017",
              val_anno_path = "annotations/instances_val2017.json";
  std::string arch = "YOLOv5", device = "CPU", precision = "paddle", save_json;
  int cpu_threads = 1, batch_size = 0, img_shape = 0;
  bool benchmark = false, use_mkldnn = true, use_trt = false, use_dynamic_shape = true;
  float threshold = .5f;
  float score_threshold = -1, nms_threshold = -1;  // below 0: the preset's
  int max_detections = 0;                          // 0: likewise
  PreprocessFlags preprocess;
};

void define(CLI::App& app, Flags& f) {
  app.add_option("--model_path", f.model_path, "Model: an .octet file, or an .onnx file, which is converted in memory")
      ->required();
  app.add_option("--image_file", f.image_file, "Run on this one picture instead of the data set");
  app.add_option("--output_file", f.output_file, "Where the annotated picture goes")->capture_default_str();
  app.add_option("--dataset_dir", f.dataset_dir, "Folder of the data set")->capture_default_str();
  app.add_option("--val_image_dir", f.val_image_dir, "Folder of the pictures, in the data set's")
      ->capture_default_str();
  app.add_option("--val_anno_path", f.val_anno_path, "COCO annotations, in the data set's folder")
      ->capture_default_str();
  app.add_option("--arch", f.arch, arch_names())->capture_default_str();
  app.add_option("--device", f.device, "CPU")->capture_default_str();
  app.add_option("--precision", f.precision, "fp32, int8, or paddle: what the model is made for")
      ->capture_default_str();
  app.add_option("--cpu_threads", f.cpu_threads, "Threads of one inference")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--batch_size", f.batch_size, "Pictures in one inference; default: the model's, or 1")
      ->check(CLI::Range(1, 1024));
  app.add_option("--img_shape", f.img_shape, "Input size where the model leaves it open; default 640")
      ->check(CLI::Range(1, 1 << 14));
  app.add_option("--benchmark", f.benchmark,
                 "One picture: 50 runs to warm up and 100 under the clock, instead of 1 and 1");
  app.add_option("--use_mkldnn", f.use_mkldnn, "Float layers by oneDNN where it is built in")->capture_default_str();
  app.add_option("--use_trt", f.use_trt, "TensorRT: not available on CPUs");
  app.add_option("--use_dynamic_shape", f.use_dynamic_shape, "Accepted for old command lines; without effect");
  app.add_option("--save_json", f.save_json, "Write the detections in COCO's results form");
  app.add_option("--threshold", f.threshold, "Score from which boxes are drawn")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--score_threshold", f.score_threshold, "Score from which boxes count; default: as --arch needs")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--nms_threshold", f.nms_threshold,
                 "Overlap from which the weaker of two boxes is dropped; default: as --arch needs")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--max_detections", f.max_detections, "Boxes of a picture; default: as --arch needs")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--resize", f.preprocess.resize, "letterbox, letterbox-topleft or stretch; default: as --arch needs");
  app.add_option("--interpolation", f.preprocess.interpolation, "nearest, linear, cubic, area or lanczos");
  app.add_option("--channel_order", f.preprocess.channel_order, "rgb or bgr");
  app.add_option("--scale", f.preprocess.scale, "What pixels are divided by");
  app.add_option("--mean", f.preprocess.mean, "a,b,c: subtracted after the scale");
  app.add_option("--std", f.preprocess.std, "a,b,c: divided by after the mean");
}

int fail(const Error& error) {
  std::fprintf(stderr, "paddle_inference_eval: error: %s\n", error.text.c_str());
  return 1;
}

Result<void> check(const Flags& f) {
  if (f.device != "CPU")
    return Error{Code::kUnsupported, "--device " + f.device + ": Octet runs on CPUs; use --device CPU"};
  if (f.use_trt) return Error{Code::kUnsupported, "--use_trt: TensorRT needs a GPU; Octet runs on CPUs"};
  return {};
}

Result<Detector> open_detector(const Flags& f) {
  if (auto ok = check(f); !ok) return ok.error();
  auto arch = arch_of(f.arch);
  if (!arch) return arch.error();
  auto preprocess = apply(f.preprocess, arch->preprocess);
  if (!preprocess) return preprocess.error();
  arch->preprocess = *preprocess;
  if (f.score_threshold >= 0) arch->options.score_threshold = f.score_threshold;
  if (f.nms_threshold >= 0) arch->options.nms_iou = f.nms_threshold;
  if (f.max_detections > 0) arch->options.max_detections = f.max_detections;
  auto model = open_model(f.model_path);
  if (!model) return model.error();
  auto precision = precision_of(f.precision, *model);
  if (!precision) return precision.error();
  DetectorSetup setup{.arch = *arch, .img_shape = f.img_shape, .batch = f.batch_size, .session = {}};
  if (!f.image_file.empty()) setup.batch = 0;
  setup.session.threads = f.cpu_threads;
  setup.session.precision = *precision;
  setup.session.use_onednn = f.use_mkldnn;
  return Detector::open(*model, setup);
}

// As Python prints a float: the shortest text that reads back to the same number.
std::string python_float(double x) {
  char text[32];
  const std::string out(text, std::to_chars(text, text + sizeof text, x).ptr);
  return out.find_first_of(".en") == std::string::npos ? out + ".0" : out;
}

// Names from the annotations where they fit the number of classes.
std::vector<std::string> class_names(const Flags& f, size_t classes) {
  std::error_code ec;
  const std::string path = f.dataset_dir + "/" + f.val_anno_path;
  if (!std::filesystem::exists(path, ec)) return default_names(classes);
  auto dataset = read_coco(path);
  if (!dataset || (classes != 0 && dataset->categories.size() != classes)) return default_names(classes);
  std::vector<std::string> names;
  for (const CocoCategory& c : dataset->categories) names.push_back(c.name);
  return names;
}

int run_image(const Flags& f, Detector& d) {
  auto image = read_image(f.image_file);
  if (!image) return fail(image.error());
  for (int slot = 0; slot < d.batch(); ++slot) d.load(slot, *image);
  const int warm = f.benchmark ? 50 : 1, runs = f.benchmark ? 100 : 1;
  std::vector<double> ms;
  ProgressBar bar;
  for (int i = 0; i < warm + runs; ++i) {
    auto time = d.run();
    if (!time) return fail(time.error());
    if (i >= warm) ms.push_back(*time);
    bar.show(static_cast<size_t>(i) + 1, static_cast<size_t>(warm + runs));
  }
  auto found = d.found(0);
  if (!found) return fail(found.error());
  const auto names = class_names(f, static_cast<size_t>(found->classes));
  const auto& boxes = found->detections;
  for (const Detection& box : boxes)
    if (box.score >= f.threshold)
      std::printf("%s: %.3f\n", name_of(names, box.label).c_str(), static_cast<double>(box.score));
  const auto written = write_image(f.output_file, draw_detections(*image, boxes, names, f.threshold));
  if (!written) return fail(written.error());
  std::printf("[Benchmark]%s\n", latency_text(summarise(std::move(ms))).c_str());
  std::printf("The prediction results are saved in %s.\n", f.output_file.c_str());
  return 0;
}

int run_dataset(const Flags& f, Detector& d) {
  auto dataset = read_coco(f.dataset_dir + "/" + f.val_anno_path);
  if (!dataset) return fail(dataset.error());
  ProgressBar bar;
  const DetectorJob job{.dataset = &*dataset,
                        .image_dir = f.dataset_dir + "/" + f.val_image_dir,
                        .progress = [&](size_t done, size_t total) { bar.show(done, total); }};
  auto report = evaluate_detector(d, job);
  if (!report) return fail(report.error());
  if (!f.save_json.empty())
    if (auto written = write_detections(f.save_json, report->detections); !written) return fail(written.error());
  std::printf("%s", summary_text(report->metrics).c_str());
  std::printf("[Benchmark]%s\n", latency_text(report->latency).c_str());
  std::printf("[Benchmark] COCO mAP: %s\n", python_float(report->metrics.ap()).c_str());
  return 0;
}

}  // namespace
}  // namespace octet::demos

int main(int argc, char** argv) {
  using namespace octet::demos;
  CLI::App app("Evaluates a detector on a COCO data set, or runs it on one picture.");
  Flags flags;
  define(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  auto detector = open_detector(flags);
  if (!detector) return fail(detector.error());
  return flags.image_file.empty() ? run_dataset(flags, *detector) : run_image(flags, *detector);
}
