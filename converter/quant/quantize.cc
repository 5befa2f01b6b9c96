// octet/quantize.h: a source model, all stages, and what the caller is told of the result.
#include "octet/quantize.h"

#include "converter/graph/as_model.h"
#include "converter/load.h"
#include "converter/passes/passes.h"
#include "converter/quant/stages.h"
#include "converter/quant/wide_weights.h"

namespace octet {
namespace convert {
namespace {

template <class Row>
Choice choice(const Row& row) {
  return {row.name, row.description, row.aliases};
}
template <class Row>
Choice choice(const Row* row) {
  return choice(*row);
}

template <class Rows>
std::vector<Choice> choices(Rows rows) {
  std::vector<Choice> all;
  for (const auto& row : rows) all.push_back(choice(row));
  return all;
}

// Convolutions and matmuls by what became of them.
void list_layers(const QuantizeState& s, QuantizedModel& made) {
  for (size_t n = 0; n < s.graph.nodes.size(); ++n) {
    const Node& node = s.graph.nodes[n];
    if (node.op.type != schema::Op::Conv2d && node.op.type != schema::Op::MatMul) continue;
    if (s.plan.int8[n])
      made.int8_layers.push_back(node.name);
    else
      made.float_layers.push_back({node.name, s.plan.reason[n]});
  }
}

}  // namespace

Result<SourceModel> source_of(Graph graph) {
  if (graph.quantised) split_wide_weights(graph);
  make_names_unique(graph);
  auto shared = std::make_shared<const Graph>(std::move(graph));
  auto model = as_model(shared);
  if (!model) return model.error();
  return SourceModel{std::move(shared), std::move(*model)};
}

}  // namespace convert

std::vector<Choice> range_choices() {
  std::vector<Choice> all = convert::choices(convert::range_methods());
  all.insert(all.begin(), {convert::kAuto, "what measures best at the layers that read it"});
  return all;
}
std::vector<Choice> per_channel_choices() { return convert::choices(convert::granularities()); }
std::vector<Choice> weight_choices() {
  std::vector<Choice> all = convert::choices(convert::weight_methods());
  all.insert(all.begin(), {convert::kAuto, "what measures best in each layer"});
  return all;
}
std::vector<Choice> bias_choices() { return convert::choices(convert::bias_methods()); }

Result<SourceModel> load_source(const std::string& path, const ConvertOptions& options) {
  auto graph = convert::load(path, options, false);
  if (!graph) return graph.error();
  return convert::source_of(std::move(*graph));
}

Result<QuantizedModel> quantize(const SourceModel& source, const Samples& samples, const QuantizeOptions& options) {
  if (auto fine = convert::check(options, samples); !fine) return fine.error();
  convert::QuantizeState state{.source = &source, .samples = &samples, .options = options, .graph = *source.graph};
  for (const convert::Stage& stage : convert::stages())
    if (auto done = convert::apply(state, stage.name); !done) return done.error();
  QuantizedModel made;
  convert::list_layers(state, made);
  made.bytes = std::move(state.bytes);
  made.warnings = std::move(state.warnings);
  made.ranges = std::move(state.chosen);
  made.float_weights = source.graph->constant_bytes(), made.weights = state.graph.constant_bytes();
  return made;
}

}  // namespace octet
