// octet-bench: how fast a model runs here, and where the time goes.
#include <chrono>
#include <iostream>

#include "tools/bench/peak.h"
#include "tools/bench/report.h"
#include "tools/common/files.h"
#include "tools/common/open_model.h"
#include "tools/common/session_flags.h"

namespace octet::bench {
namespace {

struct Arguments {
  std::string model, json;
  std::vector<std::string> shapes;
  int runs = 50, warmup = 5;
  bool profile = false;
  SessionFlags session;
};

double ms_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

Result<void> resize(Session& session, const Model& model, std::span<const NamedShape> shapes) {
  for (const NamedShape& s : shapes) {
    const auto input = find_input(model, s.input);
    if (!input) return input.error();
    if (auto done = session.resize_input(*input, s.shape); !done) return done.error();
  }
  const auto inputs = model.inputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool given = std::any_of(shapes.begin(), shapes.end(),
                                   [&](auto& s) { return s.input.empty() || s.input == inputs[i].name; });
    if (inputs[i].shape.elements() < 0 && !given)
      return Error{Code::kBadArgument, "input '" + std::string(inputs[i].name) + "' has the dynamic shape " +
                                           inputs[i].shape.text() + "; give its sizes with --shape " +
                                           std::string(inputs[i].name) + "=..."};
  }
  return session.prepare();
}

Result<Findings> find(const Arguments& a) {
  std::vector<NamedShape> shapes;
  for (const std::string& text : a.shapes) {
    auto shape = parse_shape(text);
    if (!shape) return shape.error();
    shapes.push_back(std::move(*shape));
  }
  auto begin = std::chrono::steady_clock::now();
  auto model = open_model(a.model, shapes);
  if (!model) return model.error();
  Findings f;
  f.path = a.model;
  f.model = *model;
  f.threads = a.session.threads;
  f.warmup = a.warmup;
  f.load_ms = ms_since(begin);

  SessionOptions options = session_options(a.session, *model);
  options.profile = f.profiled = a.profile;
  f.precision = options.precision;
  begin = std::chrono::steady_clock::now();
  auto session = Session::create(*model, options);
  if (!session) return session.error();
  if (auto done = resize(*session, *model, shapes); !done) return done.error();
  f.prepare_ms = ms_since(begin);

  const auto inputs = static_cast<int>(model->inputs().size());
  fill_random(*session, inputs, 1);
  f.int8_peak_gmac_per_s = int8_peak_gmac_per_s(a.session.threads);
  auto times = measure(*session, a.warmup, a.runs);
  if (!times) return times.error();
  f.times = std::move(*times);
  f.steps = session->profile();
  f.file_bytes = file_bytes(a.model);
  f.arena_bytes = session->arena_bytes();
  for (int i = 0; i < inputs; ++i) f.inputs.emplace_back(session->input(i).name, session->input(i).shape);
  return f;
}

Result<void> main_job(const Arguments& a) {
  const auto findings = find(a);
  if (!findings) return findings.error();
  const auto found = document(*findings);
  constexpr auto replace = nlohmann::ordered_json::error_handler_t::replace;  // names need not be UTF-8
  if (a.json == "-") {
    std::cout << found.dump(1, ' ', false, replace) << '\n';
    return {};
  }
  std::cout << text_of(found);
  if (a.json.empty()) return {};
  return write_text(a.json, found.dump(1, ' ', false, replace) + "\n");
}

}  // namespace
}  // namespace octet::bench

int main(int argc, char** argv) {
  octet::bench::Arguments a;
  CLI::App app("Measures a model on this machine, on random input.", "octet-bench");
  app.add_option("model", a.model, "An .octet file, or an .onnx file, which is converted in memory")->required();
  app.add_option("--shape", a.shapes, "Sizes of an input: name=1,3,640,640, or 1,3,640,640 for the only one");
  app.add_option("--runs", a.runs, "Runs that count")->check(CLI::Range(1, 1'000'000))->capture_default_str();
  app.add_option("--warmup", a.warmup, "Runs before them")->check(CLI::Range(0, 1'000'000))->capture_default_str();
  app.add_flag("--profile", a.profile, "Also the time of each step and of each kind of op");
  app.add_option("--json", a.json, "Write the numbers to this file; - : print them instead of the text");
  octet::add_session_flags(app, a.session);
  if (int code = 0; !octet::parse_flags(app, argc, argv, &code)) return code;
  if (auto done = octet::bench::main_job(a); !done) return octet::fail("octet-bench", done.error());
  return 0;
}
