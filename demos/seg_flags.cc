// Names, defaults and meaning follow PaddleSeg's script.
#include "demos/seg_flags.h"

#include "cli/open_model.h"
#include "cli/preprocess_flags.h"
#include "vision/evaluate.h"

namespace octet::demos {

using namespace octet::vision;

void define_flags(CLI::App& app, SegFlags& f) {
  app.add_option("--model_path", f.model_path, kModelHelp)->required();
  app.add_option("--model_filename", f.model_filename, "Name of the program in the folder --model_path");
  app.add_option("--params_filename", f.params_filename, "Name of the parameters there");
  app.add_flag("--cache", f.cache, "Keep what a source model becomes beside it, until the source changes");
  app.add_option("--dataset", f.dataset, "Preprocessing without --config, and the names of classes")
      ->check(CLI::IsMember({"human", "cityscapes", "ade", "camvid", "voc"}))
      ->capture_default_str();
  app.add_option("--config,--dataset_config", f.config,
                 "PaddleSeg's data set YAML, which is evaluated, or deploy.yaml");
  app.add_option("--image_dir", f.image_dir, "Evaluate on the pictures of this folder ...");
  app.add_option("--label_dir", f.label_dir, "... with the label pictures (.png) of this one");
  app.add_option("--num_classes", f.num_classes, "Classes that count; default: the YAML's, or --dataset's")
      ->transform(between(2, 255));
  app.add_option("--ignore_index", f.ignore_index, "Label that does not count; default: the YAML's, or 255")
      ->transform(between(0, 255));
  app.add_option("--image_file", f.image_file, "Run on this one picture instead of a data set");
  app.add_option("--save_file", f.save_file,
                 "One picture: where its class ids go, a palette PNG; beside it _overlay.png");
  app.add_flag("--benchmark", f.benchmark, "10 runs to warm up and 100 under the clock on one picture");
  app.add_option("--device", f.device, "CPU")->capture_default_str();
  add_session_flags(app, f.session, "--cpu_threads,--threads");
  app.add_flag("--use_trt", f.use_trt, "TensorRT: not available on CPUs");
  app.add_flag("--use_multi_img_for_dynamic_shape_collect", f.use_multi_img_for_dynamic_shape_collect,
               "Accepted for old command lines; without effect");
  app.add_option("--exchange", f.exchange,
                 "Folder where another runtime finds each run's inputs as N/in_I.raw; its outputs there, N/out_I.raw, "
                 "count instead");
  add_preprocess_options(app, f.preprocess);
}

namespace {

SegConfig preset_of(const std::string& dataset) {
  SegConfig c;
  c.preprocess = segmentation_preset();
  c.preprocess.on_float = true;
  if (dataset == "human") {
    c.preprocess.aspect_ratio = 1.77777778f;
    c.preprocess.pad = 127.5f;
    c.preprocess.width = 398;
    c.preprocess.height = 224;
  }
  c.classes = static_cast<int>(names_of(dataset).size());
  if (dataset == "ade") c.classes = 150, c.label_shift = -1;
  return c;
}

}  // namespace

Result<SegConfig> config_of(const SegFlags& f) {
  SegConfig c = preset_of(f.dataset);
  if (!f.config.empty()) {
    auto read = read_seg_config(f.config);
    if (!read) return read;
    c = *read;
  }
  if (!f.label_dir.empty()) {
    auto images = labelled_images(f.image_dir, f.label_dir);
    if (!images) return images.error();
    c.images = std::move(*images);
  }
  if (f.num_classes) c.classes = f.num_classes;
  if (f.ignore_index) c.ignore_index = *f.ignore_index;
  auto preprocess = apply(f.preprocess, c.preprocess);
  if (!preprocess) return preprocess.error();
  c.preprocess = *preprocess;
  return c;
}

std::vector<std::string> names_of(const std::string& dataset) {
  if (dataset == "human") return {"background", "person"};
  if (dataset == "cityscapes")
    return {"road",         "sidewalk",   "building", "wall",       "fence",  "pole",  "traffic light",
            "traffic sign", "vegetation", "terrain",  "sky",        "person", "rider", "car",
            "truck",        "bus",        "train",    "motorcycle", "bicycle"};
  if (dataset == "camvid")
    return {"sky",         "building", "pole", "road",       "sidewalk", "tree",
            "sign symbol", "fence",    "car",  "pedestrian", "bicyclist"};
  if (dataset == "voc")
    return {"background", "aeroplane", "bicycle",     "bird",  "boat",        "bottle", "bus",
            "car",        "cat",       "chair",       "cow",   "diningtable", "dog",    "horse",
            "motorbike",  "person",    "pottedplant", "sheep", "sofa",        "train",  "tvmonitor"};
  return {};
}

}  // namespace octet::demos
