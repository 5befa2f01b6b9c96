// From command line texts to a quantised file and a summary on stdout.
#include "tools/convert/quantize.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
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
#include "vision/family.h"
#include "vision/reader_config.h"
#include "vision/seg_config.h"

namespace octet {

struct QuantizeFlags {
  std::string model, data, config, arch;
  std::vector<std::string> outputs, input_shapes;
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

bool says_how(const vision::PreprocessFlags& f) {
  return !f.scale.empty() || !f.mean.empty() || !f.std.empty() || !f.channel_order.empty() || !f.resize.empty();
}

// The family, and preprocessing: flags over the YAML, over what the file says, over the family's.
Result<vision::Remembered> meaning_of(const QuantizeFlags& args, const Model& model) {
  vision::Remembered out;
  vision::FamilyQuestion question{.arch = args.arch, .source = args.model, .img_shape = args.img_shape};
  std::optional<vision::Preprocess> base;
  if (!args.config.empty()) {
    auto read = vision::read_preprocess(args.config);
    if (!read) return read.error();
    base = *read;
    if (const auto reader = vision::read_reader_config(args.config, true)) {
      out.names = reader->names;
      if (question.arch.empty()) question.arch = reader->arch;
    }
  }
  auto family = vision::family_of(model, question);
  if (family) {
    out.arch = family->arch.name;
    if (!base) base = family->arch.preprocess;
    if (out.names.empty()) out.names = family->names;
  }
  if (!base && !says_how(args.flags))
    return Error{family.error().code,
                 family.error().text +
                     "; or, for any network, how pictures become its input: --config, or --scale, --mean, "
                     "--std, --channel_order and --resize"};
  auto preprocess = vision::apply(args.flags, base.value_or(vision::Preprocess{.height = 0, .width = 0}));
  if (!preprocess) return preprocess.error();
  out.preprocess = *preprocess;
  return out;
}

// Calibration samples in the size that the model takes.
Result<Samples> picture_samples_of(const QuantizeFlags& args, const Model& model, std::string_view arch,
                                   vision::Preprocess& preprocess) {
  auto paths = list_pictures(args.data, args.images);
  if (!paths) return paths.error();
  auto feed = vision::Feed::of(model);
  if (!feed) return feed.error();
  auto size = feed->size(preprocess, args.img_shape);
  if (!size) return size.error();
  preprocess.height = size->height, preprocess.width = size->width;
  const bool any_size = arch == "seg" || preprocess.resize == vision::Resize::kSides;
  if ((size->height == 0 || size->width == 0) && !any_size && args.config.empty())
    return Error{Code::kBadArgument,
                 "'" + model.name() + "' takes pictures of any size: say which with --img_shape or --target_size"};
  return picture_samples(std::move(*paths), *feed, preprocess, size->batch);
}

// Without pictures nothing has to be known of the family.
Result<Samples> samples_of(const QuantizeFlags& args, const Model& model, vision::Remembered& meaning,
                           std::optional<vision::Preprocess>& preprocess) {
  auto arrays = array_samples(args.data, model, args.images);
  if (!arrays) return arrays.error();
  auto known = meaning_of(args, model);
  if (known)
    meaning = std::move(*known);
  else if (!*arrays)
    return known.error();
  if (*arrays) {
    meaning.preprocess.reset();
    return std::move(**arrays);
  }
  preprocess = *meaning.preprocess;
  return picture_samples_of(args, model, meaning.arch, *preprocess);
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

void print_layers(const QuantizedModel& made) {
  const auto megabytes = [](size_t bytes) { return static_cast<double>(bytes) / 1e6; };
  if (!made.ranges.empty()) std::printf("ranges       %s\n", made.ranges.c_str());
  std::printf("layers       %zu int8, %zu float\n", made.int8_layers.size(), made.float_layers.size());
  print_float_layers(made.float_layers);
  std::printf("weights      %.2f MB float, %.2f MB int8\n", megabytes(made.float_weights), megabytes(made.weights));
  print_warnings("octet-convert", made.warnings);
}

// How far the outputs are from float, and with one layer alone in int8, the worst first.
struct Errors {
  std::vector<Noise> outputs, layers;
};
Result<Errors> errors_of(const Arguments& args, const Prepared& p, const QuantizedModel& made) {
  auto int8_model = Model::from_bytes(made.bytes, args.output);
  if (!int8_model) return int8_model.error();
  auto outputs = output_noise(p.source.model, *int8_model, p.samples, 4, p.options.threads);
  if (!outputs) return outputs.error();
  if (args.worst == 0) return Errors{std::move(*outputs), {}};
  ProgressBar bar;
  auto layers = layer_noise(*int8_model, made.int8_layers, p.samples, made.int8_layers.size(), p.options.threads,
                            [&](size_t done, size_t total) { bar.show(done, total); });
  if (!layers) return layers.error();
  return Errors{std::move(*outputs), std::move(*layers)};
}

void print_errors(const Errors& errors, size_t worst) {
  for (const Noise& n : errors.outputs)
    if (n.agreement)
      std::printf("output       %5.1f %% equal  %s\n", *n.agreement * 100, printable(n.name).c_str());
    else
      std::printf(
          "output       %5.1f dB  %s: int8 differs from float by %.2g %% of its root mean square; above 30 dB is "
          "good\n",
          n.db, printable(n.name).c_str(), 100 * std::pow(10, -n.db / 20));
  for (size_t i = 0; i < std::min(worst, errors.layers.size()); ++i)
    std::printf("layer alone  %5.1f dB  %s\n", errors.layers[i].db, printable(errors.layers[i].name).c_str());
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
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const auto errors = errors_of(args, *p, *made);
  if (!errors) return errors.error();
  auto said = vision::as_metadata(p->meaning);
  for (auto& pair : calibration_metadata(p->options, p->samples.count, p->digest, errors->layers))
    said.push_back(std::move(pair));
  const auto bytes = with_metadata(made->bytes, said);
  if (!bytes) return bytes.error();
  if (auto written = write_model(args.output, *bytes, args.flags->model); !written) return written.error();
  if (!p->meaning.arch.empty()) std::printf("family       %s\n", p->meaning.arch.c_str());
  std::printf("calibrated   %zu samples, %s, %.1f s\n", p->samples.count, p->options.algo.c_str(), seconds.count());
  print_layers(*made);
  print_errors(*errors, args.worst);
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

// Takes a choice by any of its names.
CLI::Validator one_of(std::vector<Choice> choices) {
  std::string names;
  for (const Choice& c : choices) names.append(names.empty() ? "" : ",").append(c.name);
  return CLI::Validator(
      [choices = std::move(choices), names](std::string& value) {
        const Choice* found = find_choice(choices, value);
        if (!found) return value + " not in {" + names + "}";
        value = found->name;
        return std::string();
      },
      "{" + names + "}");
}

void add_preprocessing(CLI::App& command, QuantizeFlags& args) {
  command
      .add_option("--arch", args.arch,
                  "Family, and so preprocessing: seg, " + vision::arch_names() +
                      "; default: what the file says, or its outputs' form allows")
      ->check(vision::arch_name());
  command.add_option("--img_shape", args.img_shape, "Height and width, where the model leaves them open")
      ->transform(between(1, 1 << 14));
  command.add_option("--config", args.config,
                     "Preprocessing from YAML instead: PaddleDetection's reader, infer_cfg.yml or inference.yml, "
                     "PaddleSeg's data set or "
                     "deploy.yaml");
  vision::add_preprocess_options(command, args.flags);
}

void add_methods(CLI::App& command, QuantizeFlags& args) {
  QuantizeOptions& options = args.quantize;
  command.add_option("--algo", options.algo, help("Range of activations", range_choices()))
      ->transform(one_of(range_choices()))
      ->capture_default_str();
  command.add_flag("--symmetric", options.symmetric, "Ranges as wide below 0 as above it, where anything is below");
  command.add_option("--percentile", args.percentile, "percentile: values to keep inside the range, in %")
      ->transform(between(50.0, 100.0))
      ->capture_default_str();
  command
      .add_option("--per_channel", options.per_channel,
                  help("Where activations have a scale for each channel", per_channel_choices()))
      ->transform(one_of(per_channel_choices()))
      ->capture_default_str();
  command.add_option("--weights", options.weights, help("Rounding of weights", weight_choices()))
      ->transform(one_of(weight_choices()))
      ->capture_default_str();
  CLI::Option* bias = command.add_option("--bias", options.bias, help("Biases", bias_choices()))
                          ->transform(one_of(bias_choices()))
                          ->capture_default_str();
  command
      .add_option(
          "--activations", options.activations,
          "SiLU, GELU, sigmoid and tanh of int8 layers: in 16-bit integers where that loses less than 0.2 dB and the "
          "output has one scale (auto; readers before 0.4.0 refuse such files), or all in float")
      ->check(CLI::IsMember({"auto", "float"}))
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
  for (const std::string& text : args.input_shapes) {
    auto shape = parse_shape(text);
    if (!shape) return shape.error();
    convert.input_shapes.emplace_back(shape->input, shape->shape);
  }
  auto source = load_source(args.model, convert);
  if (!source) return source.error();
  Prepared p{.source = std::move(*source), .options = args.quantize};
  p.options.keep = args.percentile / 100;
  auto samples = samples_of(args, p.source.model, p.meaning, p.preprocess);
  if (!samples) return samples.error();
  p.samples = p.digest.watch(std::move(*samples), p.source.model.inputs().size());
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
                  "folder for each input, where it has several); or of .npz files with an array for each input")
      ->required();
  command.add_option("--images", args->images, "Use that many of them; 0: all")
      ->transform(between<size_t>(0, 1 << 30))
      ->capture_default_str();
  add_preprocessing(command, *args);
  return args;
}

Result<Samples> samples_for(const QuantizeFlags& flags, const Model& model) {
  vision::Remembered meaning;
  std::optional<vision::Preprocess> preprocess;
  return samples_of(flags, model, meaning, preprocess);
}

std::shared_ptr<QuantizeFlags> add_quantize_flags(CLI::App& command) {
  auto args = add_data_flags(command);
  args->quantize.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  command
      .add_option("model", args->model,
                  "Source model: an .onnx file, a .pdmodel or .json file or a Paddle model's folder")
      ->required();
  add_methods(command, *args);
  command.add_option("--exclude", args->quantize.exclude, "Nodes that stay float")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_flag("--float_first", args->quantize.float_first, "Leave first layers float");
  command.add_flag("--float_last", args->quantize.float_last, "Leave last layers float");
  command.add_option("--input-shape", args->input_shapes, "Sizes of a dynamic input, as images=1,3,640,640")
      ->check(shape_of_input(true))
      ->allow_extra_args(false);
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
