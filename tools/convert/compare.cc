// Two models, or a model and what another runtime's tensors held, tensor by tensor.
#include "tools/convert/compare.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/npy.h"
#include "cli/numbers.h"
#include "cli/open_model.h"
#include "cli/terminal.h"
#include "files/files.h"
#include "octet/analyze.h"
#include "tools/convert/quantize.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::shared_ptr<QuantizeFlags> data;
  std::string a, b, json;
  bool float_a = false, float_b = false, all = false;
  std::optional<double> least_db;
  size_t picture = 0;
  int threads = 1;
};

// What another runtime wrote: a file NAME.npy for each tensor, named as octet-run names files.
Lookup in_folder(const std::string& folder) {
  return [folder](const std::string& name) -> Result<std::optional<NamedValues>> {
    const std::string path = folder + "/" + npy::file_stem(name) + ".npy";
    std::error_code none;
    if (!fs::exists(path, none)) return std::optional<NamedValues>();
    auto read = npy::read(path);
    if (!read) return read.error();
    if (read->dtype != DType::kF32) return std::optional<NamedValues>();
    const auto* values = reinterpret_cast<const float*>(read->data.data());
    return std::optional(NamedValues{read->shape, {values, values + read->data.size() / sizeof(float)}});
  };
}

Precision precision_of(const Model& model, bool as_float) {
  return model.quantized() && !as_float ? Precision::kInt8 : Precision::kF32;
}

void print(const TensorComparison& c, const char* mark) {
  if (c.comparable)
    std::printf("%s%7.1f dB  cosine %.6f  %s %s%s%s\n", mark, c.fidelity.db, c.fidelity.cosine,
                printable(c.name).c_str(), c.shape.text().c_str(), c.node.empty() ? "" : "  by ",
                printable(c.node).c_str());
  else
    std::printf("%s    sizes differ              %s %s\n", mark, printable(c.name).c_str(), c.shape.text().c_str());
}

Result<void> write_json(const std::string& path, const std::vector<TensorComparison>& found) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const TensorComparison& c : found) {
    nlohmann::ordered_json row{{"tensor", c.name}, {"node", c.node}, {"comparable", c.comparable}};
    if (c.comparable) {
      const double db = c.fidelity.db;
      row["db"] = std::isfinite(db) ? nlohmann::ordered_json(db) : nlohmann::ordered_json();
      row["identical"] = std::isinf(db) && db > 0;
      row["cosine"] = c.fidelity.cosine, row["mse"] = c.fidelity.mse;
    }
    list.push_back(std::move(row));
  }
  return write_text(path, list.dump(1, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

// The first tensor that departs is what one wants to know; 0: none does.
Result<int> run(const Arguments& args) {
  auto a = open_model(args.a);
  if (!a) return a.error();
  auto samples = samples_for(*args.data, *a);
  if (!samples) return samples.error();
  if (args.picture >= samples->count)
    return Error{Code::kBadArgument,
                 "--picture " + std::to_string(args.picture) + ": there are " + std::to_string(samples->count)};
  Precision of_a = precision_of(*a, args.float_a), of_b = Precision::kF32;
  std::map<std::string, NamedValues> tensors;
  Lookup other = in_folder(args.b);
  std::error_code none;
  const bool dump = fs::is_directory(args.b, none) && !fs::exists(fs::path(args.b) / "model.pdmodel", none) &&
                    !fs::exists(fs::path(args.b) / "inference.pdmodel", none);
  if (!dump) {
    auto b = open_model(args.b);
    if (!b) return b.error();
    of_b = precision_of(*b, args.float_b);
    auto values = tensors_of(*b, of_b, args.threads, *samples, args.picture);
    if (!values) return values.error();
    tensors.insert(std::make_move_iterator(values->begin()), std::make_move_iterator(values->end()));
    other = [&](const std::string& name) -> Result<std::optional<NamedValues>> {
      const auto found = tensors.find(name);
      return found == tensors.end() ? std::optional<NamedValues>() : std::optional(found->second);
    };
  }
  auto found = compare(*a, of_a, args.threads, *samples, args.picture, other);
  if (!found) return found.error();
  if (found->empty()) return Error{Code::kBadArgument, args.b + ": has no tensor of a name that " + args.a + " has"};
  if (!args.json.empty())
    if (auto written = write_json(args.json, *found); !written) return written.error();
  const bool any_int8 = of_a == Precision::kInt8 || of_b == Precision::kInt8;
  const double least = args.least_db.value_or(any_int8 ? 10 : 60);
  const TensorComparison *first = nullptr, *before = nullptr;
  size_t unlike = 0;
  for (const TensorComparison& c : *found) {
    const bool departs = c.comparable && c.fidelity.db < least;
    unlike += !c.comparable;
    if (departs && !first) first = &c;
    if (!departs && !first && c.comparable) before = &c;
    if (args.all) print(c, departs ? "* " : "  ");
  }
  std::printf("compared     %zu tensors%s\n", found->size() - unlike,
              unlike ? (", " + std::to_string(unlike) + " of other sizes").c_str() : "");
  if (!first) {
    std::printf("no tensor    is below %.1f dB\n", least);
    return 0;
  }
  if (before) print(*before, "before       ");
  print(*first, "departs      ");
  return 1;
}

}  // namespace

void add_compare_command(CLI::App& app, int& exit_code) {
  auto args = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "compare", "Run two models on one picture and name the first tensor that departs; exit code 1 if one does");
  command->add_option("a", args->a, kModelHelp)->required();
  command->add_option("b", args->b, "The other one; or a folder of NAME.npy files, tensors that another runtime wrote")
      ->required();
  args->data = add_data_flags(*command);
  command->add_option("--picture", args->picture, "Which of --data, from 0")
      ->transform(between<size_t>(0, 1 << 30))
      ->capture_default_str();
  command
      ->add_option("--least_db", args->least_db,
                   "A tensor below that departs; default: 60, and 10 where one of them runs in int8")
      ->transform(between(-100.0, 1000.0));
  command->add_flag("--float_a", args->float_a, "Run A in float though it is quantised");
  command->add_flag("--float_b", args->float_b, "The same of B");
  command->add_flag("--all", args->all, "Print every tensor");
  command->add_option("--json", args->json, "Write every tensor to that file");
  command->add_option("--threads", args->threads, "Threads of a run")
      ->transform(between(1, 1024))
      ->capture_default_str();
  command->callback([args, &exit_code] {
    auto done = run(*args);
    exit_code = done ? *done : fail("octet-convert", done.error(), kWrongUse);
  });
}

}  // namespace octet
