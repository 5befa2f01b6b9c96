// `octet-convert export-onnx`: its options.
#include "tools/convert/export.h"

#include <CLI/CLI.hpp>

#include "cli/numbers.h"
#include "cli/open_model.h"
#include "files/files.h"
#include "octet/export.h"

namespace octet {
namespace {

struct Arguments {
  std::string input, output;
  ExportOptions options;
};

int run(const Arguments& args) {
  auto model = open_model(args.input);
  if (!model) return fail("octet-convert", model.error());
  auto bytes = export_onnx(*model, args.options);
  if (!bytes) return fail("octet-convert", bytes.error());
  auto written = write_file(args.output, *bytes);
  return written ? 0 : fail("octet-convert", written.error());
}

}  // namespace

void add_export_command(CLI::App& app, int& exit_code) {
  auto args = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("export-onnx", "Write a model as ONNX: fused, quantised where it is");
  command->add_option("model", args->input, kModelHelp)->required();
  command->add_option("-o,--output", args->output, "File to write")->required();
  command->add_option("--opset", args->options.opset, "Version of ONNX' ops")
      ->transform(between(kLeastOpset, kMostOpset))
      ->capture_default_str();
  command->add_flag("--float", args->options.as_float, "The float network, int8 weights dequantised");
  command->callback([args, &exit_code] { exit_code = run(*args); });
}

}  // namespace octet
