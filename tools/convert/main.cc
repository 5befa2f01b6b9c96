// octet-convert: source models to .octet files, and back to ONNX.
#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/session_flags.h"
#include "cli/terminal.h"
#include "octet/convert.h"
#include "tools/convert/analyze.h"
#include "tools/convert/compare.h"
#include "tools/convert/export.h"
#include "tools/convert/limits.h"
#include "tools/convert/quantize.h"
#include "vision/remember.h"

namespace {

struct Arguments {
  std::string input, output, parameters;
  bool simulate = false;
  std::vector<std::string> input_shapes, outputs;
  octet::LimitFlags limits;
};

int fail(const octet::Error& error) { return octet::fail("octet-convert", error); }

int convert(const Arguments& args) {
  octet::ConvertOptions options{.outputs = args.outputs,
                                .input_shapes = {},
                                .simulate = args.simulate,
                                .log = octet::print_line,
                                .parameters = args.parameters};
  args.limits.apply(options);
  for (const std::string& text : args.input_shapes) {
    auto shape = octet::parse_shape(text);
    if (!shape) return fail(shape.error());
    options.input_shapes.emplace_back(shape->input, shape->shape);
  }
  const auto beside = octet::vision::remembered_beside(args.input);
  if (!beside) return fail(beside.error());
  options.metadata = octet::vision::as_metadata(*beside);
  auto bytes = octet::convert_model(args.input, options);
  if (!bytes) return fail(bytes.error());
  auto written = octet::write_model(args.output, *bytes, args.input);
  return written ? 0 : fail(written.error());
}

void add_convert_command(CLI::App& app, int& exit_code) {
  auto args = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("convert", "Write a model as it is: fused, NHWC, in int8 where it was trained so");
  command
      ->add_option("model", args->input,
                   "Source model: an .onnx file, a .pdmodel or .json file or a Paddle model's folder")
      ->required();
  command->add_option("-o,--output", args->output, "File to write")->required();
  command->add_option("--input-shape", args->input_shapes, "Sizes of a dynamic input, as images=1,3,640,640")
      ->check(octet::shape_of_input(true))
      ->allow_extra_args(false);
  command->add_option("--outputs", args->outputs, "Cut the graph at these tensors")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--params", args->parameters, "Paddle: file of parameters, if its name is an unusual one");
  command->add_flag("--simulate", args->simulate, "Models trained for int8: a float model that rounds as they do");
  octet::add_limits(*command, args->limits);
  command->callback([args, &exit_code] { exit_code = convert(*args); });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Converts models for Octet", "octet-convert");
  app.require_subcommand(1);
  int exit_code = 0;
  add_convert_command(app, exit_code);
  octet::add_quantize_command(app, exit_code);
  octet::add_analyze_command(app, exit_code);
  octet::add_compare_command(app, exit_code);
  octet::add_export_command(app, exit_code);
  app.add_subcommand("ops", "Print the ops that can be imported and run")->callback([] {
    std::cout << octet::ops_table();
  });
  if (int code = 0; !octet::parse_flags(app, argc, argv, &code)) return code;
  return octet::finished("octet-convert", exit_code);
}
