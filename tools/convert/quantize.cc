// From command line texts to a quantised file and a summary on stdout.
#include "tools/convert/quantize.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <map>
#include <thread>

#include "cli/numbers.h"
#include "cli/preprocess_flags.h"
#include "cli/progress_bar.h"
#include "cli/session_flags.h"
#include "cli/terminal.h"
#include "octet/quantize.h"
#include "tools/convert/arrays.h"
#include "tools/convert/limits.h"
#include "tools/convert/pictures.h"
#include "vision/arch.h"
#include "vision/seg_config.h"

namespace octet {
namespace {

struct Arguments {
  std::string model, output, data, config, arch = "YOLOv5";
  std::vector<std::string> outputs;
  size_t images = 0, worst = 5;
  int img_shape = 0;
  double percentile = 99.999;
  vision::PreprocessFlags flags;
  LimitFlags limits;
  QuantizeOptions quantize;
};

// What keeps most accuracy where it is not the general default, by the family of --arch.
struct FamilyDefaults {
  const char* arch;
  const char* algo;
  double percentile;
  const char* per_channel;
};
constexpr FamilyDefaults kFamilies[] = {{"DETR", "percentile", 99.99, "all"}};

void use_family_defaults(const CLI::App& command, Arguments& args) {
  for (const FamilyDefaults& f : kFamilies) {
    if (CLI::detail::to_lower(args.arch) != CLI::detail::to_lower(f.arch)) continue;
    if (command.count("--algo") == 0) args.quantize.algo = f.algo;
    if (command.count("--percentile") == 0) args.percentile = f.percentile;
    if (command.count("--per_channel") == 0) args.quantize.per_channel = f.per_channel;
  }
}

Result<vision::Preprocess> preprocess_of(const Arguments& args) {
  auto arch = vision::arch_of(args.arch);
  if (!arch) return arch.error();
  auto base = args.config.empty() ? Result<vision::Preprocess>(arch->preprocess) : vision::read_preprocess(args.config);
  if (!base) return base;
  return vision::apply(args.flags, *base);
}

// Calibration samples in the size that the model takes.
Result<Samples> samples_of(const Arguments& args, const Model& model) {
  auto arrays = array_samples(args.data, model, args.images);
  if (!arrays) return arrays.error();
  if (*arrays) return std::move(**arrays);
  auto preprocess = preprocess_of(args);
  if (!preprocess) return preprocess.error();
  auto paths = list_pictures(args.data, args.images);
  if (!paths) return paths.error();
  auto feed = vision::Feed::of(model);
  if (!feed) return feed.error();
  auto size = feed->size(*preprocess, args.img_shape);
  if (!size) return size.error();
  preprocess->height = size->height, preprocess->width = size->width;
  const bool any_size = args.arch == "seg" || preprocess->resize == vision::Resize::kSides;
  if ((size->height == 0 || size->width == 0) && !any_size && args.config.empty())
    return Error{Code::kBadArgument,
                 "'" + model.name() + "' takes pictures of any size: say which with --img_shape or --target_size"};
  return picture_samples(std::move(*paths), *feed, *preprocess);
}

// What stayed float, by the reasons.
void print_float_layers(const std::vector<FloatLayer>& layers) {
  std::map<std::string, std::string> lists;
  for (const FloatLayer& layer : layers) {
    std::string& list = lists[layer.reason];
    list += (list.empty() ? "" : ", ") + layer.name;
  }
  for (const auto& [reason, list] : lists)
    std::printf("float        %s: %s\n", reason.c_str(), printable(list).c_str());
}

// The model that was made, as a session reads it: what it holds and how far its outputs are from float.
Result<void> report(const Arguments& args, const Model& float_model, const QuantizedModel& made,
                    const Samples& samples) {
  const auto megabytes = [](size_t bytes) { return static_cast<double>(bytes) / 1e6; };
  std::printf("layers       %zu int8, %zu float\n", made.int8_layers.size(), made.float_layers.size());
  print_float_layers(made.float_layers);
  std::printf("weights      %.2f MB float, %.2f MB int8\n", megabytes(made.float_weights), megabytes(made.weights));
  print_warnings("octet-convert", made.warnings);
  auto int8_model = Model::from_bytes(made.bytes, args.output);
  if (!int8_model) return int8_model.error();
  auto outputs = output_noise(float_model, *int8_model, samples, 4, args.quantize.threads);
  if (!outputs) return outputs.error();
  for (const Noise& n : *outputs) std::printf("output       %5.1f dB  %s\n", n.db, printable(n.name).c_str());
  if (args.worst == 0) return {};
  Result<std::vector<Noise>> layers = Error{};
  {
    ProgressBar bar;
    layers = layer_noise(*int8_model, made.int8_layers, samples, args.worst, args.quantize.threads,
                         [&](size_t done, size_t total) { bar.show(done, total); });
  }
  if (!layers) return layers.error();
  for (const Noise& n : *layers) std::printf("layer alone  %5.1f dB  %s\n", n.db, printable(n.name).c_str());
  return {};
}

Result<void> quantize_model(Arguments& args) {
  args.quantize.keep = args.percentile / 100;
  const auto start = std::chrono::steady_clock::now();
  ConvertOptions convert{.outputs = args.outputs, .input_shapes = {}, .log = print_line};
  args.limits.apply(convert);
  auto source = load_source(args.model, convert);
  if (!source) return source.error();
  auto samples = samples_of(args, source->model);
  if (!samples) return samples.error();
  Result<QuantizedModel> made = Error{};
  {
    ProgressBar bar;
    args.quantize.progress = [&](size_t done, size_t total) { bar.show(done, total); };
    made = quantize(*source, *samples, args.quantize);
  }
  if (!made) return made.error();
  if (auto written = write_model(args.output, made->bytes, args.model); !written) return written;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf("calibrated   %zu samples, %s, %.1f s\n", samples->count, args.quantize.algo.c_str(), seconds.count());
  return report(args, source->model, *made, *samples);
}

// "Range of activations: mse (smallest squared error), minmax (all that was seen)".
std::string help(const std::string& what, const std::vector<Choice>& choices) {
  std::string text = what;
  for (const Choice& c : choices)
    text.append(&c == choices.data() ? ": " : ", ").append(c.name).append(" (").append(c.description).append(")");
  return text;
}

std::vector<std::string> names(const std::vector<Choice>& choices) {
  std::vector<std::string> all;
  for (const Choice& c : choices) all.emplace_back(c.name);
  return all;
}

void add_preprocessing(CLI::App& command, Arguments& args) {
  command.add_option("--arch", args.arch, "Preprocessing preset: seg, " + vision::arch_names())
      ->check(vision::arch_name())
      ->capture_default_str();
  command.add_option("--img_shape", args.img_shape, "Height and width, where the model leaves them open")
      ->transform(between(1, 1 << 14));
  command.add_option("--config", args.config,
                     "Preprocessing from YAML instead: PaddleDetection's reader, infer_cfg.yml or inference.yml, "
                     "PaddleSeg's data set or "
                     "deploy.yaml");
  vision::add_preprocess_options(command, args.flags);
}

void add_methods(CLI::App& command, Arguments& args) {
  QuantizeOptions& options = args.quantize;
  command.add_option("--algo", options.algo, help("Range of activations", range_choices()))
      ->check(CLI::IsMember(names(range_choices())))
      ->capture_default_str();
  command.add_option("--percentile", args.percentile, "percentile: values to keep inside the range, in %")
      ->transform(between(50.0, 100.0))
      ->capture_default_str();
  command
      .add_option("--per_channel", options.per_channel,
                  help("Where activations have a scale for each channel", per_channel_choices()))
      ->check(CLI::IsMember(names(per_channel_choices())))
      ->capture_default_str();
  command.add_option("--weights", options.weights, help("Rounding of weights", weight_choices()))
      ->check(CLI::IsMember(names(weight_choices())))
      ->capture_default_str();
  CLI::Option* bias = command.add_option("--bias", options.bias, help("Biases", bias_choices()))
                          ->check(CLI::IsMember(names(bias_choices())))
                          ->capture_default_str();
  command
      .add_flag_callback(
          "--no_bias_correction", [&options] { options.bias = "none"; }, "The same as --bias none")
      ->excludes(bias);
}

}  // namespace

void add_quantize_command(CLI::App& app, int& exit_code) {
  auto args = std::make_shared<Arguments>();
  args->quantize.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  CLI::App* command = app.add_subcommand("quantize", "Write an int8 model, calibrated on pictures or arrays");
  command
      ->add_option("model", args->model,
                   "Source model: an .onnx file, a .pdmodel or .json file or a Paddle model's folder")
      ->required();
  command->add_option("-o,--output", args->output, "File to write")->required();
  command
      ->add_option("--data", args->data,
                   "Folder of calibration pictures, like those the model will see; or of .npy files, each what the "
                   "model takes (in a "
                   "folder for each input, where it has several)")
      ->required();
  command->add_option("--images", args->images, "Use that many of them; 0: all")
      ->transform(between<size_t>(0, 1 << 30))
      ->capture_default_str();
  add_methods(*command, *args);
  command->add_option("--exclude", args->quantize.exclude, "Nodes that stay float")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_flag("--float_first", args->quantize.float_first, "Leave first layers float");
  command->add_flag("--float_last", args->quantize.float_last, "Leave last layers float");
  command->add_option("--outputs", args->outputs, "Cut the graph at these tensors")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--threads", args->quantize.threads, "Threads for calibration")
      ->capture_default_str()
      ->transform(between(1, 1024));
  command->add_option("--worst", args->worst, "Layers to list that cost most accuracy; 0: none")
      ->transform(between<size_t>(0, 1 << 30))
      ->capture_default_str();
  add_limits(*command, args->limits);
  add_preprocessing(*command, *args);
  command->callback([args, command, &exit_code] {
    use_family_defaults(*command, *args);
    auto done = quantize_model(*args);
    exit_code = done ? 0 : fail("octet-convert", done.error());
  });
}

}  // namespace octet
