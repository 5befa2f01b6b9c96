// From command line texts to a quantised file and a summary on stdout.
#include "tools/convert/quantize.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <thread>

#include "cli/preprocess_flags.h"
#include "cli/progress_bar.h"
#include "converter/graph/emit.h"
#include "converter/load.h"
#include "converter/quant/quantize.h"
#include "converter/quant/report.h"
#include "tools/convert/pictures.h"
#include "vision/arch.h"
#include "vision/seg_config.h"

namespace octet::convert {
namespace {

struct Arguments {
  std::string model, output, data, config, arch = "YOLOv5", granularity = "depthwise", weights = "max";
  std::vector<std::string> outputs;
  size_t images = 0, worst = 5;
  int img_shape = 0;
  double percentile = 99.999;
  vision::PreprocessFlags flags;
  QuantizeOptions quantize;
};

constexpr std::pair<const char*, Granularity> kGranularities[] = {{"tensor", Granularity::kTensor},
                                                                  {"depthwise", Granularity::kDepthwise},
                                                                  {"free", Granularity::kFree},
                                                                  {"all", Granularity::kAll}};

Result<Granularity> granularity(const std::string& name) {
  for (const auto& [known, value] : kGranularities)
    if (name == known) return value;
  return Error{Code::kBadArgument, "--per_channel '" + name + "': expected tensor, depthwise, free or all"};
}

// What keeps most accuracy where it is not the general default, by the family of --arch.
struct FamilyDefaults {
  const char* arch;
  const char* algo;
  double percentile;
  const char* granularity;
};
constexpr FamilyDefaults kFamilies[] = {{"DETR", "percentile", 99.99, "all"}};

void use_family_defaults(const CLI::App& command, Arguments& args) {
  for (const FamilyDefaults& f : kFamilies) {
    if (CLI::detail::to_lower(args.arch) != CLI::detail::to_lower(f.arch)) continue;
    if (command.count("--algo") == 0) args.quantize.algo = f.algo;
    if (command.count("--percentile") == 0) args.percentile = f.percentile;
    if (command.count("--per_channel") == 0) args.granularity = f.granularity;
  }
}

Result<WeightMethod> weight_method(const std::string& name) {
  if (name == "max") return WeightMethod::kMax;
  if (name == "mse") return WeightMethod::kMse;
  return Error{Code::kBadArgument, "--weights '" + name + "': expected max or mse"};
}

Result<vision::Preprocess> preprocess_of(const Arguments& args) {
  auto arch = vision::arch_of(args.arch);
  if (!arch) return arch.error();
  auto base = args.config.empty() ? Result<vision::Preprocess>(arch->preprocess) : vision::read_preprocess(args.config);
  if (!base) return base;
  return vision::apply(args.flags, *base);
}

// Calibration samples in the size that the model takes.
Result<Samples> samples_of(const Arguments& args, const Graph& g) {
  auto preprocess = preprocess_of(args);
  if (!preprocess) return preprocess.error();
  auto paths = list_pictures(args.data, args.images);
  if (!paths) return paths.error();
  auto bytes = emit(g);
  if (!bytes) return bytes.error();
  auto model = Model::from_bytes(*bytes, g.source);
  if (!model) return model.error();
  auto feed = vision::Feed::of(*model);
  if (!feed) return feed.error();
  auto size = feed->size(*preprocess, args.img_shape);
  if (!size) return size.error();
  preprocess->height = size->height, preprocess->width = size->width;
  const bool any_size = args.arch == "seg" || preprocess->resize == vision::Resize::kSides;
  if ((size->height == 0 || size->width == 0) && !any_size && args.config.empty())
    return Error{Code::kBadArgument,
                 "'" + g.source + "' takes pictures of any size: say which with --img_shape or --target_size"};
  return picture_samples(std::move(*paths), *feed, *preprocess);
}

// The model that was made, as a session reads it: what it holds and how far its outputs are from float.
Result<void> report(const Arguments& args, const QuantizedModel& made, const Samples& samples) {
  const auto megabytes = [](size_t bytes) { return static_cast<double>(bytes) / 1e6; };
  std::printf("layers       %zu int8, %zu float\n", made.int8_layers.size(), made.float_layers.size());
  std::printf("size         %.2f MB float, %.2f MB int8\n", megabytes(made.float_bytes.size()),
              megabytes(made.bytes.size()));
  auto float_model = Model::from_bytes(made.float_bytes, args.model);
  if (!float_model) return float_model.error();
  auto int8_model = Model::from_bytes(made.bytes, args.output);
  if (!int8_model) return int8_model.error();
  auto outputs = output_noise(*float_model, *int8_model, samples, 4, args.quantize.threads);
  if (!outputs) return outputs.error();
  for (const Noise& n : *outputs) std::printf("output       %5.1f dB  %s\n", n.db, n.name.c_str());
  if (args.worst == 0) return {};
  Result<std::vector<Noise>> layers = Error{};
  {
    ProgressBar bar;
    layers = layer_noise(*int8_model, made.int8_layers, samples, args.worst, args.quantize.threads,
                         [&](size_t done, size_t total) { bar.show(done, total); });
  }
  if (!layers) return layers.error();
  for (const Noise& n : *layers) std::printf("layer alone  %5.1f dB  %s\n", n.db, n.name.c_str());
  return {};
}

Result<void> quantize_model(Arguments& args) {
  auto per_channel = granularity(args.granularity);
  if (!per_channel) return per_channel.error();
  auto weights = weight_method(args.weights);
  if (!weights) return weights.error();
  args.quantize.plan.granularity = *per_channel;
  args.quantize.weights = *weights;
  args.quantize.keep = args.percentile / 100;
  const auto start = std::chrono::steady_clock::now();
  auto graph = load(args.model, {.outputs = args.outputs, .input_shapes = {}}, false);
  if (!graph) return graph.error();
  auto samples = samples_of(args, *graph);
  if (!samples) return samples.error();
  Result<QuantizedModel> made = Error{};
  {
    ProgressBar bar;
    args.quantize.progress = [&](size_t done, size_t total) { bar.show(done, total); };
    made = quantize(std::move(*graph), *samples, args.quantize);
  }
  if (!made) return made.error();
  if (auto written = write_file(args.output, made->bytes); !written) return written;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf("calibrated   %zu pictures, %s, %.1f s\n", samples->count, args.quantize.algo.c_str(), seconds.count());
  return report(args, *made, *samples);
}

void add_preprocessing(CLI::App& command, Arguments& args) {
  command.add_option("--arch", args.arch, "Preprocessing preset: seg, " + vision::arch_names())->capture_default_str();
  command.add_option("--img_shape", args.img_shape, "Height and width, where the model leaves them open");
  command.add_option(
      "--config", args.config,
      "Preprocessing from YAML instead: PaddleDetection's reader or infer_cfg.yml, PaddleSeg's data set or "
      "deploy.yaml");
  vision::add_preprocess_options(command, args.flags);
}

}  // namespace

void add_quantize_command(CLI::App& app, int& exit_code) {
  auto args = std::make_shared<Arguments>();
  args->quantize.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  CLI::App* command = app.add_subcommand("quantize", "Write an int8 model, calibrated on pictures");
  command->add_option("model", args->model, "Source model: an .onnx file, a .pdmodel file or a Paddle model's folder")
      ->required();
  command->add_option("-o,--output", args->output, "File to write")->required();
  command->add_option("--data", args->data, "Folder of calibration pictures, like those the model will see")
      ->required();
  command->add_option("--images", args->images, "Use that many of them; 0: all")->capture_default_str();
  command->add_option("--algo", args->quantize.algo, "Range of activations: minmax, percentile, kl or mse")
      ->capture_default_str();
  command->add_option("--percentile", args->percentile, "percentile: values to keep inside the range, in %")
      ->capture_default_str();
  command
      ->add_option("--per_channel", args->granularity,
                   "Where activations have a scale for each channel: tensor, depthwise, free or all")
      ->capture_default_str();
  command->add_option("--weights", args->weights, "Scale of weights: max or mse")->capture_default_str();
  command->add_flag("!--no_bias_correction", args->quantize.correct_bias,
                    "Leave the mean error of rounded weights in the outputs");
  command->add_option("--exclude", args->quantize.plan.exclude, "Nodes that stay float")->delimiter(',');
  command->add_flag("--float_first", args->quantize.plan.float_first, "Leave first layers float");
  command->add_flag("--float_last", args->quantize.plan.float_last, "Leave last layers float");
  command->add_option("--outputs", args->outputs, "Cut the graph at these tensors")->delimiter(',');
  command->add_option("--threads", args->quantize.threads, "Threads for calibration")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  command->add_option("--worst", args->worst, "Layers to list that cost most accuracy; 0: none")->capture_default_str();
  add_preprocessing(*command, *args);
  command->callback([args, command, &exit_code] {
    use_family_defaults(*command, *args);
    auto done = quantize_model(*args);
    if (!done) std::cerr << "octet-convert: " << done.error().text << "\n";
    exit_code = done ? 0 : 1;
  });
}

}  // namespace octet::convert
