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
#include "tools/convert/accuracy.h"
#include "tools/convert/arrays.h"
#include "tools/convert/limits.h"
#include "tools/convert/pictures.h"
#include "vision/arch.h"
#include "vision/seg_config.h"

namespace octet {

struct QuantizeFlags {
  std::string model, data, config, arch = "YOLOv5";
  std::vector<std::string> outputs;
  size_t images = 0;
  int img_shape = 0;
  double percentile = 99.999;
  vision::PreprocessFlags flags;
  LimitFlags limits;
  QuantizeOptions quantize;
  const CLI::App* command = nullptr;  // which of them were given
};

namespace {

constexpr int kMissed = 3;  // exit code: a file was written, but --max_drop or --target_metric does not hold

struct Arguments {
  std::shared_ptr<QuantizeFlags> flags;
  AccuracyFlags accuracy;
  std::string output;
  size_t worst = 5;
};

// What keeps most accuracy where it is not the general default, by the family of --arch.
struct FamilyDefaults {
  const char* arch;
  const char* algo;
  double percentile;
  const char* per_channel;
};
constexpr FamilyDefaults kFamilies[] = {{"DETR", "percentile", 99.99, "all"}};

void use_family_defaults(const QuantizeFlags& args, QuantizeOptions& options) {
  for (const FamilyDefaults& f : kFamilies) {
    if (CLI::detail::to_lower(args.arch) != CLI::detail::to_lower(f.arch)) continue;
    if (args.command->count("--algo") == 0) options.algo = f.algo;
    if (args.command->count("--percentile") == 0) options.keep = f.percentile / 100;
    if (args.command->count("--per_channel") == 0) options.per_channel = f.per_channel;
  }
}

Result<vision::Preprocess> preprocess_of(const QuantizeFlags& args) {
  auto arch = vision::arch_of(args.arch);
  if (!arch) return arch.error();
  auto base = args.config.empty() ? Result<vision::Preprocess>(arch->preprocess) : vision::read_preprocess(args.config);
  if (!base) return base;
  return vision::apply(args.flags, *base);
}

// Calibration samples in the size that the model takes.
Result<Samples> samples_of(const QuantizeFlags& args, const Model& model,
                           std::optional<vision::Preprocess>& preprocess) {
  auto arrays = array_samples(args.data, model, args.images);
  if (!arrays) return arrays.error();
  if (*arrays) return std::move(**arrays);
  auto known = preprocess_of(args);
  if (!known) return known.error();
  preprocess = *known;
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
  const int threads = args.flags->quantize.threads;
  auto outputs = output_noise(float_model, *int8_model, samples, 4, threads);
  if (!outputs) return outputs.error();
  for (const Noise& n : *outputs)
    if (n.agreement)
      std::printf("output       %5.1f %% equal  %s\n", *n.agreement * 100, printable(n.name).c_str());
    else
      std::printf("output       %5.1f dB  %s\n", n.db, printable(n.name).c_str());
  if (args.worst == 0) return {};
  Result<std::vector<Noise>> layers = Error{};
  {
    ProgressBar bar;
    layers = layer_noise(*int8_model, made.int8_layers, samples, args.worst, threads,
                         [&](size_t done, size_t total) { bar.show(done, total); });
  }
  if (!layers) return layers.error();
  for (const Noise& n : *layers) std::printf("layer alone  %5.1f dB  %s\n", n.db, printable(n.name).c_str());
  return {};
}

// The exit code.
Result<int> quantize_model(const Arguments& args) {
  const auto start = std::chrono::steady_clock::now();
  auto p = prepare(*args.flags);
  if (!p) return p.error();
  auto made = quantize_shown(*p);
  if (!made) return made.error();
  std::optional<Accurate> accurate;
  if (args.accuracy.asked()) {
    auto found = make_accurate(args.accuracy, *p, std::move(*made));
    if (!found) return found.error();
    accurate = std::move(*found), made = std::move(accurate->made), p->options = accurate->options;
  }
  if (auto written = write_model(args.output, made->bytes, args.flags->model); !written) return written.error();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf("calibrated   %zu samples, %s, %.1f s\n", p->samples.count, p->options.algo.c_str(), seconds.count());
  if (auto reported = report(args, p->source.model, *made, p->samples); !reported) return reported.error();
  if (!accurate || accurate->met) return 0;
  char text[160];
  std::snprintf(text, sizeof text, "%s %.4f was not reached: %.4f is the best that was found, and was written",
                accurate->metric.c_str(), accurate->wanted, accurate->reached);
  return fail("octet-convert", {Code::kUnsupported, text}, kMissed);
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

void add_preprocessing(CLI::App& command, QuantizeFlags& args) {
  command.add_option("--arch", args.arch, "Preprocessing preset: seg, " + vision::arch_names())
      ->check(vision::arch_name())
      ->capture_default_str();
  command.add_option("--img_shape", args.img_shape, "Height and width, where the model leaves them open")
      ->transform(between(1, 1 << 14));
  command.add_option(
      "--config", args.config,
      "Preprocessing from YAML instead: PaddleDetection's reader or infer_cfg.yml, PaddleSeg's data set or "
      "deploy.yaml");
  vision::add_preprocess_options(command, args.flags);
}

void add_methods(CLI::App& command, QuantizeFlags& args) {
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

Result<Prepared> prepare(const QuantizeFlags& args) {
  ConvertOptions convert{.outputs = args.outputs, .input_shapes = {}, .log = print_line};
  args.limits.apply(convert);
  auto source = load_source(args.model, convert);
  if (!source) return source.error();
  Prepared p{.source = std::move(*source), .options = args.quantize, .arch = args.arch};
  auto samples = samples_of(args, p.source.model, p.preprocess);
  if (!samples) return samples.error();
  p.samples = std::move(*samples);
  p.options.keep = args.percentile / 100;
  use_family_defaults(args, p.options);
  return p;
}

Result<QuantizedModel> quantize_shown(const Prepared& p) {
  ProgressBar bar;
  QuantizeOptions options = p.options;
  options.progress = [&](size_t done, size_t total) { bar.show(done, total); };
  return quantize(p.source, p.samples, options);
}

std::shared_ptr<QuantizeFlags> add_data_flags(CLI::App& command) {
  auto args = std::make_shared<QuantizeFlags>();
  args->command = &command;
  command
      .add_option("--data", args->data,
                  "Folder of calibration pictures, like those the model will see; or of .npy files, each what the "
                  "model takes (in a "
                  "folder for each input, where it has several)")
      ->required();
  command.add_option("--images", args->images, "Use that many of them; 0: all")
      ->transform(between<size_t>(0, 1 << 30))
      ->capture_default_str();
  add_preprocessing(command, *args);
  return args;
}

Result<Samples> samples_for(const QuantizeFlags& flags, const Model& model) {
  std::optional<vision::Preprocess> preprocess;
  return samples_of(flags, model, preprocess);
}

std::shared_ptr<QuantizeFlags> add_quantize_flags(CLI::App& command) {
  auto args = add_data_flags(command);
  args->quantize.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  command.add_option("model", args->model, "Source model: an .onnx file, a .pdmodel file or a Paddle model's folder")
      ->required();
  add_methods(command, *args);
  command.add_option("--exclude", args->quantize.exclude, "Nodes that stay float")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_flag("--float_first", args->quantize.float_first, "Leave first layers float");
  command.add_flag("--float_last", args->quantize.float_last, "Leave last layers float");
  command.add_option("--outputs", args->outputs, "Cut the graph at these tensors")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--threads", args->quantize.threads, "Threads for calibration")
      ->capture_default_str()
      ->transform(between(1, 1024));
  add_limits(command, args->limits);
  return args;
}

void add_quantize_command(CLI::App& app, int& exit_code) {
  auto args = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("quantize", "Write an int8 model, calibrated on pictures or arrays");
  args->flags = add_quantize_flags(*command);
  add_accuracy_flags(*command, args->accuracy);
  command->add_option("-o,--output", args->output, "File to write")->required();
  command->add_option("--worst", args->worst, "Layers to list that cost most accuracy; 0: none")
      ->transform(between<size_t>(0, 1 << 30))
      ->capture_default_str();
  command->callback([args, &exit_code] {
    auto done = quantize_model(*args);
    exit_code = done ? *done : fail("octet-convert", done.error());
  });
}

}  // namespace octet
