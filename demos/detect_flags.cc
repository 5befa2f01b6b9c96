// Names, defaults and meaning follow PaddleSlim's scripts; what surprised people there says what it means here.
#include "demos/detect_flags.h"

#include "cli/open_model.h"
#include "cli/preprocess_flags.h"

namespace octet::demos {

using namespace octet::vision;

void define_flags(CLI::App& app, DetectFlags& f) {
  const auto unit = between(0.0, 1.0);
  app.add_option("--model_path", f.model_path, kModelHelp)->required();
  app.add_flag("--cache", f.cache, "Keep what a source model becomes beside it, until the source changes");
  app.add_option("--image_file", f.image_file, "Run on this one picture instead of the data set");
  app.add_option("--output_file", f.output_file, "Where the annotated picture goes")->capture_default_str();
  app.add_option(
      "--reader_config", f.reader_config,
      "PaddleDetection's reader YAML, infer_cfg.yml or inference.yml: preprocessing, data set, batch size, metric");
  app.add_option("--dataset_dir", f.dataset_dir, "Folder of the data set; default: the YAML's, else dataset/coco");
  app.add_option("--val_image_dir", f.val_image_dir, "Folder of its pictures; default: the YAML's, else val2017");
  app.add_option(
      "--val_anno_path", f.val_anno_path,
      "COCO JSON, or VOC: a folder of XML files or a list of pictures with XML files; default: the YAML's, else "
      "annotations/instances_val2017.json");
  app.add_option("--label_list", f.label_list, "VOC: file with a class name a line");
  app.add_option("--metric", f.metric, "COCO or VOC; default: the YAML's, else by the annotations")
      ->check(CLI::IsMember({"COCO", "VOC"}));
  app.add_option("--map_type", f.map_type, "VOC: 11point or integral; default: the YAML's, else 11point")
      ->check(CLI::IsMember({"11point", "integral"}));
  app.add_option("--arch", f.arch, arch_names() + "; default: what the model says, or what its outputs' form allows")
      ->check(arch_name());
  f.include_nms_given =
      app.add_flag("--include_nms", f.include_nms, "Whether the model ends in NMS; default: seen from its outputs");
  app.add_option("--device", f.device, "CPU")->capture_default_str();
  add_session_flags(app, f.session, "--cpu_threads,--threads");
  app.add_option("--batch_size", f.batch_size, "Pictures in one inference; default: the model's, the YAML's, or 1")
      ->transform(between(1, 1024));
  app.add_option("--img_shape,--image_shape", f.img_shape, "Input size where the model leaves it open; default 640")
      ->transform(between(1, 1 << 14));
  app.add_flag("--benchmark", f.benchmark,
               "One picture: 50 runs to warm up and 100 under the clock, instead of 1 and 1");
  app.add_flag("--use_trt", f.use_trt, "TensorRT: not available on CPUs");
  app.add_flag("--use_dynamic_shape", f.use_dynamic_shape, "Accepted for old command lines; without effect");
  app.add_flag("--trt_calib_mode", f.trt_calib_mode, "Accepted for old command lines; without effect");
  app.add_option("--save_json", f.save_json, "Write the detections in COCO's results form");
  app.add_option("--compare", f.compare,
                 "Another model's detections (its --save_json): how COCO's AP differs, and between which bounds it "
                 "does for 95 % of "
                 "1,000 resamplings of the pictures");
  app.add_option("--exchange", f.exchange,
                 "Folder where another runtime finds each run's inputs as N/in_I.raw; its outputs there, N/out_I.raw, "
                 "count instead");
  app.add_flag("--classwise", f.classwise, "Print the AP of each class");
  app.add_option("--threshold", f.threshold, "Score from which boxes are drawn")
      ->transform(unit)
      ->capture_default_str();
  app.add_option("--score_threshold", f.score_threshold, "Score from which boxes count; default: as --arch needs")
      ->transform(unit);
  app.add_option("--nms_threshold", f.nms_threshold,
                 "Overlap from which the weaker of two boxes is dropped; default: as --arch needs")
      ->transform(unit);
  app.add_option("--max_detections", f.max_detections, "Boxes of a picture; default: as --arch needs")
      ->transform(between(1, 1 << 20));
  add_preprocess_options(app, f.preprocess);
}

Result<ReaderConfig> config_of(const DetectFlags& f) {
  ReaderConfig config;
  if (!f.reader_config.empty()) {
    auto read = read_reader_config(f.reader_config, !f.image_file.empty());
    if (!read) return read;
    config = *read;
  }
  const auto choose = [](std::string& slot, const std::string& flag, const char* usual) {
    if (!flag.empty()) slot = flag;
    if (slot.empty()) slot = usual;
  };
  choose(config.dataset_dir, f.dataset_dir, "dataset/coco");
  choose(config.image_dir, f.val_image_dir, config.voc ? "." : "val2017");
  choose(config.anno_path, f.val_anno_path, "annotations/instances_val2017.json");
  choose(config.label_list, f.label_list, "");
  if (f.reader_config.empty()) config.voc = !config.anno_path.ends_with(".json");
  if (!f.metric.empty()) config.voc = f.metric == "VOC";
  if (!f.map_type.empty()) config.eleven_point = f.map_type == "11point";
  if (f.batch_size) config.batch_size = f.batch_size;
  return config;
}

Result<OpenDetector> open_detector(const DetectFlags& f, const ReaderConfig& config) {
  if (f.device != "CPU")
    return Error{Code::kUnsupported, "--device " + f.device + ": Octet runs on CPUs; use --device CPU"};
  if (f.use_trt)
    return Error{Code::kUnsupported, "--use_trt: TensorRT needs a GPU; leave it out, and use --device CPU"};
  if (auto readable = apply(f.preprocess, {}); !readable) return readable.error();  // before the model takes its time
  auto model = open_model(f.model_path, {.cache = f.cache});
  if (!model) return model.error();
  auto family = family_of(
      *model, {.arch = f.arch.empty() ? config.arch : f.arch, .source = f.model_path, .img_shape = f.img_shape});
  if (!family) return family.error();
  auto preprocess = apply(f.preprocess, f.reader_config.empty() ? family->arch.preprocess : config.preprocess);
  if (!preprocess) return preprocess.error();
  DetectorSetup setup{.arch = family->arch, .img_shape = f.img_shape, .session = {}};
  setup.arch.preprocess = *preprocess;
  DetectionOptions& options = setup.arch.options;
  options.score_threshold = f.score_threshold.value_or(options.score_threshold);
  options.nms_iou = f.nms_threshold.value_or(options.nms_iou);
  options.max_detections = f.max_detections.value_or(options.max_detections);
  if (f.image_file.empty()) setup.batch = config.batch_size;
  auto session = session_options(f.session, *model);
  if (!session) return session.error();
  setup.session = std::move(*session);
  setup.exchange = f.exchange;
  auto detector = Detector::open(*model, setup);
  if (!detector) return detector.error();
  return OpenDetector{std::move(*detector), std::move(family->names)};
}

Result<void> check_nms(const DetectFlags& f, const Detector& detector) {
  if (f.include_nms_given->count() == 0 || f.include_nms == detector.has_nms()) return {};
  return Error{Code::kBadArgument,
               detector.has_nms() ? "--include_nms False: this model ends in NMS; leave the flag out"
                                  : "--include_nms True: this model's outputs are boxes before NMS; use --include_nms "
                                    "False, and --arch to say of which kind"};
}

}  // namespace octet::demos
