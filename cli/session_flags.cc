#include "cli/session_flags.h"

#include <charconv>
#include <iostream>

namespace octet {

void add_session_flags(CLI::App& app, SessionFlags& flags) {
  app.add_option("--threads", flags.threads, "Threads of the session")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--precision", flags.precision, "Default: int8 where the model is quantised, else fp32")
      ->check(CLI::IsMember({"fp32", "int8"}));
  app.add_option("--int8_ops", flags.int8_ops, "Only these ops run in int8: a,b (Octet's, ONNX' or Paddle's names)")
      ->delimiter(',');
  app.add_option("--int8_exclude", flags.int8_exclude, "Op or node names that stay float: a,b")->delimiter(',');
  app.add_option("--plans_kept", flags.plans_kept, "Input shapes that stay prepared")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--kept_mib", flags.kept_mib, "Memory for shapes that are not in use, MiB; 0: no limit");
  app.add_flag("--no-onednn", flags.no_onednn, "Float convolution and matmul by Octet's own kernels");
}

SessionOptions session_options(const SessionFlags& flags, const Model& model) {
  SessionOptions options;
  options.threads = flags.threads;
  const bool int8 = flags.precision.empty() ? model.quantized() : flags.precision == "int8";
  options.precision = int8 ? Precision::kInt8 : Precision::kF32;
  options.int8_ops = flags.int8_ops;
  options.int8_exclude = flags.int8_exclude;
  options.use_onednn = !flags.no_onednn;
  options.plans_kept = flags.plans_kept;
  options.kept_bytes = flags.kept_mib << 20;
  return options;
}

void print_warnings(const char* program, const Session& session) {
  for (const std::string& line : session.warnings()) std::cerr << program << ": " << line << '\n';
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
      return Error{Code::kBadArgument, "--shape " + text + ": wanted are up to " + std::to_string(kMaxRank) +
                                           " sizes as in 1,3,640,640 or name=1,3,640,640"};
    named.shape.push_back(size);
    if (!more) return named;
    at = rest + 1;
  }
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

bool parse_flags(CLI::App& app, int argc, char** argv, int* exit_code) {
  constexpr int kWrongUse = 2;
  try {
    app.parse(argc, argv);
    return true;
  } catch (const CLI::ParseError& e) {
    *exit_code = app.exit(e, std::cout, std::cerr) == 0 ? 0 : kWrongUse;
    return false;
  }
}

int fail(const char* program, const Error& error) {
  std::cerr << program << ": " << error.text << '\n';
  return 1;
}

}  // namespace octet
