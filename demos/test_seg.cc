// Evaluates a segmenter on a data set, or runs it on one picture; flags and result lines are those of PaddleSeg's script of
// this name.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>

#include "cli/open_model.h"
#include "cli/progress_bar.h"
#include "cli/terminal.h"
#include "demos/seg_flags.h"
#include "vision/draw.h"
#include "vision/evaluate.h"
#include "vision/image.h"
#include "vision/remember.h"
#include "vision/segment.h"

namespace octet::demos {
namespace {

using namespace octet::vision;
namespace fs = std::filesystem;

constexpr size_t kWarmRuns = 10, kTimedRuns = 100;

constexpr const char* kProgram = "test_seg";

int fail(const Error& error) { return octet::fail(kProgram, error); }

struct Segmenter {
  Session session;
  Feed feed;
  SegConfig config;
  std::vector<std::string> names;  // of classes, where the model has them
};

Result<Segmenter> open_segmenter(const SegFlags& f) {
  if (f.device != "CPU")
    return Error{Code::kUnsupported, "--device " + f.device + ": Octet runs on CPUs; use --device CPU"};
  if (f.use_trt)
    return Error{Code::kUnsupported, "--use_trt: TensorRT needs a GPU; leave it out, and use --device CPU"};
  auto config = config_of(f);
  if (!config) return config.error();
  const auto inside = [&](const std::string& name) { return (fs::path(f.model_path) / name).string(); };
  auto model = open_model(f.model_filename.empty() ? f.model_path : inside(f.model_filename),
                          {.parameters = f.params_filename.empty() ? "" : inside(f.params_filename), .cache = f.cache});
  if (!model) return model.error();
  auto known = remembered_by(*model);
  if (!known) return known.error();
  if (known->preprocess && f.config.empty()) {  // a file knows better than a data set's usual settings
    auto own = apply(f.preprocess, *known->preprocess);
    if (!own) return own.error();
    config->preprocess = *own;
    config->preprocess.on_float = true;
  }
  auto options = session_options(f.session, *model);
  if (!options) return options.error();
  auto feed = Feed::of(*model);
  if (!feed) return feed.error();
  // A size that a data set is usually resized to gives way to the model's own; one that was asked for does not.
  Preprocess& p = config->preprocess;
  const bool asked = !f.config.empty() || !f.preprocess.target_size.empty();
  Preprocess open = p;
  if (!asked) open.height = open.width = 0;
  auto size = feed->size(open);
  if (!size) return size.error();
  if (size->height) p.height = size->height;
  if (size->width) p.width = size->width;
  auto session = Session::create(*model, std::move(*options));
  if (!session) return session.error();
  return Segmenter{std::move(*session), std::move(*feed), std::move(*config), std::move(known->names)};
}

// Feeds the picture and runs: once to warm up and once under the clock, or as often as a benchmark asks.
Result<Latency> run_on(Segmenter& s, const cv::Mat& image, bool benchmark, Geometry& geometry) {
  const Geometry g = fit(image.rows, image.cols, s.config.preprocess);
  const auto batch = s.feed.size(Preprocess{.height = 0, .width = 0});
  if (!batch) return batch.error();
  const InputSize size{.batch = batch->batch, .height = g.input_height, .width = g.input_width};
  if (auto ready = s.feed.prepare(s.session, size); !ready) return ready.error();
  for (int slot = 1; slot < size.batch; ++slot) s.feed.load(s.session, slot, image, s.config.preprocess);
  geometry = s.feed.load(s.session, 0, image, s.config.preprocess);
  const size_t warm = benchmark ? kWarmRuns : 1, runs = benchmark ? kTimedRuns : 1;
  std::vector<double> ms;
  ProgressBar bar;
  for (size_t i = 0; i < warm + runs; ++i) {
    auto time = timed_run(s.session);
    if (!time) return time.error();
    if (i >= warm) ms.push_back(*time);
    bar.show(i + 1, warm + runs);
  }
  return summarise(std::move(ms));
}

std::vector<std::string> class_names(const SegFlags& f, const Segmenter& s, size_t classes) {
  if (s.names.size() == classes) return s.names;
  auto names = names_of(f.dataset);
  return names.size() == classes || names.size() + 1 == classes ? names : std::vector<std::string>{};
}

int run_image(const SegFlags& f, Segmenter& s) {
  auto image = read_image_for(f.image_file, s.feed.channels());
  if (!image) return fail(image.error());
  Geometry geometry;
  const auto latency = run_on(s, *image, f.benchmark, geometry);
  if (!latency) return fail(latency.error());
  // The data set's number of classes is not the model's business here: what it gives is shown.
  const int classes = classes_of(s.session.output(0), s.config.classes);
  auto labels = segment(s.session.output(0), classes, geometry, true);
  if (!labels) return fail(labels.error());
  std::map<int, size_t> pixels;
  for (auto it = labels->begin<int>(); it != labels->end<int>(); ++it) ++pixels[*it];
  const auto names = class_names(f, s, classes ? static_cast<size_t>(classes) : names_of(f.dataset).size());
  for (const auto& [k, count] : pixels)
    std::printf("%s: %.1f%%\n", printable(name_of(names, k)).c_str(),
                100.0 * static_cast<double>(count) / static_cast<double>(labels->total()));
  const bool coloured = isatty(STDOUT_FILENO) != 0;  // as PaddleSlim prints it
  std::printf("[Benchmark]Average inference time: %s%.2fms%s\n", coloured ? "\033[91m" : "", latency->mean_ms,
              coloured ? "\033[0m" : "");
  if (f.benchmark) std::printf("[Benchmark]%s\n", spread_text(*latency).c_str());
  if (f.save_file.empty()) return 0;
  if (auto written = write_palette(f.save_file, *labels); !written) return fail(written.error());
  const fs::path file(f.save_file);
  const std::string overlay = (file.parent_path() / (file.stem().string() + "_overlay.png")).string();
  const int background = !names.empty() && names[0] == "background" ? 0 : -1;
  auto written = write_image(overlay, with_legend(draw_labels(drawable(*image), *labels, background), *labels, names));
  if (!written) return fail(written.error());
  std::printf("Saved result to %s\nSaved overlay to %s\n", f.save_file.c_str(), overlay.c_str());
  return 0;
}

int run_dataset(const SegFlags& f, Segmenter& s) {
  const SegConfig& c = s.config;
  if (c.images.empty())
    return fail(
        {Code::kBadArgument,
         "nothing to evaluate: give --image_file, --config with a val_dataset, or --image_dir and --label_dir"});
  if (c.classes < 2)
    return fail({Code::kBadArgument, "how many classes count? Give --num_classes, or num_classes in --config"});
  if (f.benchmark) {
    auto image = read_image_for(c.images[0].image, s.feed.channels());
    if (!image) return fail(image.error());
    Geometry geometry;
    const auto latency = run_on(s, *image, true, geometry);
    if (!latency) return fail(latency.error());
    std::printf("[Benchmark]First picture: %s\n", spread_text(*latency).c_str());
  }
  std::printf("Start evaluating (total_samples: %zu, total_iters: %zu).\n", c.images.size(), c.images.size());
  Result<SegmenterReport> report = Error{};
  {
    ProgressBar bar;
    report = evaluate_segmenter(s.session, s.feed,
                                {.images = c.images,
                                 .classes = c.classes,
                                 .ignore_index = c.ignore_index,
                                 .label_shift = c.label_shift,
                                 .preprocess = c.preprocess,
                                 .resize_logits = true,
                                 .progress = [&](size_t done, size_t total) { bar.show(done, total); },
                                 .exchange = f.exchange});
  }
  if (!report) return fail(report.error());
  const auto names = class_names(f, s, static_cast<size_t>(c.classes));
  const SegmentationMetrics& m = report->metrics;
  for (size_t k = 0; k < m.class_iou.size(); ++k)
    std::printf(" %-24s IoU %.4f\n", printable(name_of(names, static_cast<int>(k))).c_str(), m.class_iou[k]);
  std::printf("[Benchmark]Batch size: 1, %s\n", latency_text(report->latency).c_str());
  std::printf("[Benchmark] #Images: %zu mIoU: %.4f Acc: %.4f Kappa: %.4f Dice: %.4f\n", report->images, m.miou,
              m.accuracy, m.kappa, m.dice);
  return 0;
}

}  // namespace
}  // namespace octet::demos

int main(int argc, char** argv) {
  using namespace octet::demos;
  CLI::App app("Evaluates a segmenter on a data set, or runs it on one picture.", kProgram);
  SegFlags flags;
  define_flags(app, flags);
  if (int code = 0; !octet::parse_flags(app, argc, argv, &code)) return code;
  auto segmenter = open_segmenter(flags);
  if (!segmenter) return fail(segmenter.error());
  octet::print_warnings(kProgram, segmenter->session.warnings());
  return octet::finished(kProgram,
                         flags.image_file.empty() ? run_dataset(flags, *segmenter) : run_image(flags, *segmenter));
}
