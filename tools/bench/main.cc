// octet-bench: how fast a model runs here, and where the time goes.
#include <algorithm>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <sstream>

#include "cli/numbers.h"
#include "cli/open_model.h"
#include "cli/session_flags.h"
#include "cli/terminal.h"
#include "files/files.h"
#include "kernels/peak.h"
#include "tools/bench/report.h"

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

using Shapes = std::vector<NamedShape>;

// An input that is given several times takes one size after the other; those given once keep theirs.
Result<std::vector<Shapes>> shapes_in_turn(const std::vector<std::string>& texts) {
  std::vector<Shapes> by_input;
  size_t turns = 1;
  for (const std::string& text : texts) {
    auto shape = parse_shape(text);
    if (!shape) return shape.error();
    auto same =
        std::find_if(by_input.begin(), by_input.end(), [&](const Shapes& s) { return s[0].input == shape->input; });
    if (same == by_input.end()) same = by_input.insert(same, Shapes{});
    same->push_back(std::move(*shape));
    turns = std::max(turns, same->size());
  }
  const auto bare = std::find_if(by_input.begin(), by_input.end(), [](const Shapes& s) { return s[0].input.empty(); });
  if (bare != by_input.end() && by_input.size() > 1)
    return Error{Code::kBadArgument, "--shape: one says of which input it is and " + (*bare)[0].shape.text() +
                                         " does not: write each as name=1,3,640,640"};
  std::vector<Shapes> all(turns);
  for (const Shapes& s : by_input) {
    if (s.size() != 1 && s.size() != turns)
      return Error{Code::kBadArgument, "--shape: input '" + s[0].input + "' has " + std::to_string(s.size()) +
                                           " sizes, another has " + std::to_string(turns)};
    for (size_t i = 0; i < turns; ++i) all[i].push_back(s[s.size() == 1 ? 0 : i]);
  }
  return all;
}

Result<Findings> measured(const Arguments& a, const Model& model, Precision precision, Session& session,
                          double created_ms, const Shapes& shapes) {
  Findings f;
  f.path = a.model;
  f.model = model;
  f.threads = a.session.threads;
  f.warmup = a.warmup;
  f.profiled = a.profile;
  f.precision = precision;
  const auto begin = std::chrono::steady_clock::now();
  if (auto done = resize(session, model, shapes); !done) return done.error();
  f.prepare_ms = created_ms + ms_since(begin);
  const auto inputs = static_cast<int>(model.inputs().size());
  fill_random(session, inputs, 1);
  auto times = measure(session, a.warmup, a.runs);
  if (!times) return times.error();
  f.times = std::move(*times);
  f.steps = session.profile();
  f.file_bytes = file_bytes(a.model);
  f.arena_bytes = session.arena_bytes();
  for (int i = 0; i < inputs; ++i) f.inputs.emplace_back(session.input(i).name, session.input(i).shape);
  return f;
}

// Median time from one of the prepared shapes to the next, in microseconds.
Result<double> switch_us(Session& session, const Model& model, const std::vector<Shapes>& turns) {
  constexpr int kRounds = 200;
  std::vector<double> us;
  for (int round = 0; round < kRounds; ++round)
    for (const Shapes& shapes : turns) {
      const auto begin = std::chrono::steady_clock::now();
      if (auto done = resize(session, model, shapes); !done) return done.error();
      us.push_back(1000 * ms_since(begin));
    }
  std::nth_element(us.begin(), us.begin() + static_cast<std::ptrdiff_t>(us.size() / 2), us.end());
  return us[us.size() / 2];
}

Result<void> main_job(const Arguments& a, const std::vector<Shapes>& turns) {
  auto begin = std::chrono::steady_clock::now();
  OpenOptions open;
  if (turns.size() == 1) open.shapes = turns.front();
  auto model = open_model(a.model, open);
  if (!model) return model.error();
  const double load_ms = ms_since(begin);
  auto options = session_options(a.session, *model);
  if (!options) return options.error();
  options->profile = a.profile;
  options->plans_kept = std::max(options->plans_kept, static_cast<int>(turns.size()));
  begin = std::chrono::steady_clock::now();
  auto session = Session::create(*model, *options);
  if (!session) return session.error();
  print_warnings("octet-bench", session->warnings());
  double created_ms = ms_since(begin);
  std::map<std::string, double> peaks = {{"int8", kernels::peak_gmac_per_s("int8", a.session.threads)}};
  auto documents = nlohmann::ordered_json::array();
  for (const Shapes& shapes : turns) {
    auto f = measured(a, *model, options->precision, *session, created_ms, shapes);
    if (!f) return f.error();
    f->load_ms = load_ms;
    if (a.profile)
      for (const StepProfile& s : f->steps)
        if (!s.unit.empty() && !peaks.contains(s.unit))
          peaks[s.unit] = kernels::peak_gmac_per_s(s.unit, a.session.threads);
    f->peaks = peaks;
    created_ms = 0;
    documents.push_back(document(*f));
  }
  std::string text;
  for (const auto& d : documents) text += text_of(d);
  nlohmann::ordered_json found = documents[0];
  if (turns.size() > 1) {
    const auto us = switch_us(*session, *model, turns);
    if (!us) return us.error();
    found = {{"shapes", documents}, {"switch_us", *us}};
    std::ostringstream line;
    line << "switching among the " << turns.size() << " shapes: " << std::fixed << std::setprecision(1) << *us
         << " us\n";
    text += line.str();
  }
  const std::string json = found.dump(1, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  std::cout << (a.json == "-" ? json : text);
  return a.json.empty() || a.json == "-" ? Result<void>() : write_text(a.json, json);
}

}  // namespace
}  // namespace octet::bench

int main(int argc, char** argv) {
  octet::bench::Arguments a;
  CLI::App app("Measures a model on this machine, on random input.", "octet-bench");
  app.add_option("model", a.model, octet::kModelHelp)->required();
  app.add_option(
         "--shape", a.shapes,
         "Sizes of an input: name=1,3,640,640, or 1,3,640,640 for the only one; given several times: each in turn, "
         "and the time to switch among them")
      ->check(octet::shape_of_input(false))
      ->allow_extra_args(false);
  app.add_option("--runs", a.runs, "Runs that count")->transform(octet::between(1, 1'000'000))->capture_default_str();
  app.add_option("--warmup", a.warmup, "Runs before them")
      ->transform(octet::between(0, 1'000'000))
      ->capture_default_str();
  app.add_flag("--profile", a.profile, "Also the time of each step and of each kind of op");
  app.add_option("--json", a.json, "Write the numbers to this file; - : print them instead of the text");
  octet::add_session_flags(app, a.session);
  if (int code = 0; !octet::parse_flags(app, argc, argv, &code)) return code;
  const auto turns = octet::bench::shapes_in_turn(a.shapes);
  if (!turns) return octet::fail("octet-bench", turns.error(), octet::kWrongUse);
  if (auto done = octet::bench::main_job(a, *turns); !done) return octet::fail("octet-bench", done.error());
  return octet::finished("octet-bench", 0);
}
