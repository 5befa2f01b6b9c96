#include "tools/convert/metric.h"

#include <filesystem>
#include <set>
#include <sstream>

#include "cli/numbers.h"
#include "vision/coco_eval.h"
#include "vision/evaluate.h"
#include "vision/quiet_opencv.h"
#include "vision/reader_config.h"
#include "vision/voc.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

bool is_yaml(const std::string& path) { return path.ends_with(".yml") || path.ends_with(".yaml"); }

// Every so many of a list, `most` at most.
template <class T>
void spread(std::vector<T>& list, size_t most) {
  if (most == 0 || most >= list.size()) return;
  std::vector<T> kept;
  for (size_t i = 0; i < most; ++i) kept.push_back(std::move(list[i * list.size() / most]));
  list = std::move(kept);
}

// The COCO file that a data set's folder holds.
Result<std::string> annotations_in(const std::string& folder) {
  std::error_code none;
  for (const char* name : {"instances.json", "annotations.json", "annotations/instances_val2017.json"})
    if (fs::exists(fs::path(folder) / name, none)) return (fs::path(folder) / name).string();
  return Error{Code::kIo, "--dataset '" + folder +
                              "': has no instances.json, annotations.json or annotations/instances_val2017.json; give "
                              "the file of annotations itself"};
}

}  // namespace

void add_metric_flags(CLI::App& command, MetricFlags& flags) {
  command.add_option("--dataset", flags.dataset,
                     "Validation set: COCO annotations or a folder with them; PaddleDetection's or PaddleSeg's YAML; "
                     "with --arch seg a folder with images/ and labels/");
  command.add_option("--val_image_dir", flags.image_dir,
                     "Its pictures; default: images/ or val2017/ beside the annotations, else their folder");
  command.add_option("--metric_images", flags.pictures, "Use that many of its pictures, spread evenly; 0: all")
      ->transform(between<size_t>(0, 1 << 30))
      ->capture_default_str();
  command.add_option("--num_classes", flags.classes, "Segmentation: classes that count")->transform(between(2, 255));
  command.add_option("--ignore_index", flags.ignore_index, "Segmentation: label that does not count; default 255")
      ->transform(between(0, 255));
}

Result<Metric> Metric::of(const MetricFlags& flags, const Prepared& p) {
  cv::setNumThreads(1);  // evaluations run side by side
  Metric m;
  auto arch = vision::arch_of(p.meaning.arch);
  if (!arch) return arch.error();
  m.arch_ = *arch;
  if (p.preprocess) m.arch_.preprocess = *p.preprocess;
  m.segments_ = p.meaning.arch == "seg";
  auto read = m.segments_ ? m.read_segmentation(flags) : m.read_detection(flags);
  if (!read) return read.error();
  m.keep(flags.pictures);
  if (m.pictures() == 0) return Error{Code::kBadArgument, "--dataset '" + flags.dataset + "': lists no pictures"};
  return m;
}

Result<void> Metric::read_detection(const MetricFlags& flags) {
  std::error_code none;
  std::string annotations = flags.dataset, labels;
  image_dir_ = flags.image_dir;
  if (is_yaml(flags.dataset)) {
    auto config = vision::read_reader_config(flags.dataset, false);
    if (!config) return config.error();
    const fs::path root(config->dataset_dir);
    annotations = (root / config->anno_path).string();
    if (image_dir_.empty()) image_dir_ = (root / config->image_dir).string();
    if (!config->label_list.empty()) labels = (root / config->label_list).string();
    voc_ = config->voc, eleven_point_ = config->eleven_point;
  } else if (fs::is_directory(flags.dataset, none)) {
    auto found = annotations_in(flags.dataset);
    if (!found) return found.error();
    annotations = *found;
  }
  for (const char* name : {"images", "val2017", "../val2017", "."}) {
    const fs::path folder = fs::path(annotations).parent_path() / name;
    if (image_dir_.empty() && fs::is_directory(folder, none)) image_dir_ = folder.string();
  }
  auto read = voc_ ? vision::read_voc({annotations, image_dir_, labels}) : vision::read_coco(annotations);
  if (!read) return read.error();
  coco_ = std::move(*read);
  return {};
}

Result<void> Metric::read_segmentation(const MetricFlags& flags) {
  classes_ = flags.classes;
  if (is_yaml(flags.dataset)) {
    auto config = vision::read_seg_config(flags.dataset);
    if (!config) return config.error();
    images_ = std::move(config->images);
    if (!classes_) classes_ = config->classes;
    ignore_index_ = config->ignore_index, label_shift_ = config->label_shift;
  } else {
    auto images = vision::labelled_images(flags.dataset + "/images", flags.dataset + "/labels");
    if (!images) return images.error();
    images_ = std::move(*images);
  }
  if (flags.ignore_index >= 0) ignore_index_ = flags.ignore_index;
  if (classes_ < 2) return Error{Code::kBadArgument, "--dataset: how many classes count? Give --num_classes"};
  return {};
}

void Metric::keep(size_t most) {
  spread(images_, most), spread(coco_.images, most);
  std::set<int64_t> kept;
  for (const vision::CocoImage& image : coco_.images) kept.insert(image.id);
  std::erase_if(coco_.annotations, [&](const vision::CocoAnnotation& a) { return kept.count(a.image_id) == 0; });
}

std::string Metric::identity() const {
  std::ostringstream text;
  const vision::Preprocess& p = arch_.preprocess;
  text << name() << ' ' << p.height << ' ' << p.width << ' ' << p.scale << ' ' << static_cast<int>(p.resize) << ' '
       << static_cast<int>(p.channels) << ' ' << p.interpolation << ' ' << static_cast<int>(arch_.decoder) << ' '
       << classes_ << ' ' << ignore_index_ << ' ' << image_dir_;
  for (size_t c = 0; c < 3; ++c) text << ' ' << p.mean[c] << ' ' << p.std[c];
  for (const vision::CocoImage& image : coco_.images) text << '\n' << image.file_name;
  for (const vision::LabelledImage& image : images_) text << '\n' << image.image;
  return text.str();
}

Result<double> Metric::value(const Model& model, const SessionOptions& options) const {
  if (segments_) {
    auto feed = vision::Feed::of(model);
    if (!feed) return feed.error();
    auto session = Session::create(model, options);
    if (!session) return session.error();
    auto report = vision::evaluate_segmenter(*session, *feed,
                                             {.images = images_,
                                              .classes = classes_,
                                              .ignore_index = ignore_index_,
                                              .label_shift = label_shift_,
                                              .preprocess = arch_.preprocess,
                                              .resize_logits = true});
    if (!report) return report.error();
    return report->metrics.miou;
  }
  auto detector = vision::Detector::open(model, {.arch = arch_, .session = options});
  if (!detector) return detector.error();
  auto report = vision::run_detector(*detector, {.dataset = &coco_, .image_dir = image_dir_});
  if (!report) return report.error();
  return voc_ ? vision::evaluate_voc(coco_, report->detections, eleven_point_).map
              : vision::evaluate_coco(coco_, report->detections).ap();
}

}  // namespace octet
