#include "cli/session_flags.h"

#include <charconv>
#include <iostream>

#include "cli/numbers.h"
#include "cli/terminal.h"

namespace octet {

void add_session_flags(CLI::App& app, SessionFlags& flags, const char* threads) {
  app.add_option(threads, flags.threads, "Threads of one inference")
      ->transform(between(1, 1024))
      ->capture_default_str();
  app.add_option("--precision", flags.precision, "fp32, int8, or paddle: int8 where the model is quantised, else fp32")
      ->check(CLI::IsMember({"fp32", "int8", "paddle"}))
      ->capture_default_str();
  app.add_option("--int8_ops", flags.int8_ops, "Only these ops run in int8: a,b (Octet's, ONNX' or Paddle's names)")
      ->delimiter(',')
      ->allow_extra_args(false);  // the word that follows is the model
  app.add_option("--int8_exclude", flags.int8_exclude, "Op or node names that stay float: a,b")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--plans_kept", flags.plans_kept, "Input shapes that stay prepared")
      ->transform(between(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--kept_mib", flags.kept_mib, "Memory for shapes that are not in use, MiB; 0: no limit")
      ->transform(between<size_t>(0, SIZE_MAX >> 20))
      ->capture_default_str();
  app.add_option("--memory_limit", flags.memory_limit,
                 "Memory of a session, MiB; 0: half of the machine's or control group's")
      ->transform(between<size_t>(0, 1 << 30));
  app.add_flag("--use_mkldnn,--use_onednn,!--no-onednn", flags.onednn,
               "Float convolution and matmul by oneDNN where it is built in (the default), or by Octet's own kernels; "
               "int8 needs no oneDNN");
}

Result<SessionOptions> session_options(const SessionFlags& flags, const Model& model) {
  if (flags.precision == "int8" && !model.quantized())
    return Error{Code::kBadArgument, "--precision int8: '" + model.name() +
                                         "' is not quantised. Quantise it first, with pictures like those it will see: "
                                         "octet-convert quantize MODEL.onnx "
                                         "--data PICTURES -o MODEL_int8.octet; or run it with --precision fp32"};
  SessionOptions options;
  options.threads = flags.threads;
  options.precision = flags.precision != "fp32" && model.quantized() ? Precision::kInt8 : Precision::kF32;
  options.int8_ops = flags.int8_ops;
  options.int8_exclude = flags.int8_exclude;
  options.use_onednn = flags.onednn;
  options.plans_kept = flags.plans_kept;
  options.kept_bytes = flags.kept_mib << 20;
  options.memory_limit = flags.memory_limit << 20;
  return options;
}

void print_warnings(const char* program, std::span<const std::string> warnings) {
  for (const std::string& line : warnings) std::cerr << program << ": warning: " << printable(line) << '\n';
}

Result<NamedShape> parse_shape(const std::string& text) {
  NamedShape named;
  const size_t equals = text.rfind('=');
  if (equals != text.npos) named.input = text.substr(0, equals);
  const char* at = text.data() + (equals == text.npos ? 0 : equals + 1);
  const char* const end = text.data() + text.size();
  while (true) {
    int64_t size = 0;
    const auto [rest, failed] = std::from_chars(at, end, size);
    const bool more = rest != end && *rest == ',';
    if (failed != std::errc{} || size < 1 || named.shape.rank() == kMaxRank || (rest != end && !more))
      return Error{Code::kBadArgument, text + ": wanted are up to " + std::to_string(kMaxRank) +
                                           " sizes as in 1,3,640,640 or name=1,3,640,640"};
    named.shape.push_back(size);
    if (!more) return named;
    at = rest + 1;
  }
}

CLI::Validator shape_of_input(bool named) {
  return CLI::Validator(
      [named](const std::string& word) -> std::string {
        const auto shape = parse_shape(word);
        if (!shape) return shape.error().text;
        return named && shape->input.empty() ? word + ": say of which input, as in name=1,3,640,640" : "";
      },
      "");
}

Result<int> find_input(const Model& model, std::string_view name) {
  const auto inputs = model.inputs();
  if (name.empty() && inputs.size() == 1) return 0;
  std::string names;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!name.empty() && inputs[i].name == name) return static_cast<int>(i);
    names += (i ? ", '" : "'") + std::string(inputs[i].name) + "'";
  }
  if (name.empty())
    return Error{Code::kBadArgument,
                 model.name() + " has " + std::to_string(inputs.size()) + " inputs; say which: " + names};
  return Error{Code::kBadArgument, model.name() + " has no input '" + std::string(name) + "'; it has " + names};
}

}  // namespace octet
