// Two runs tensor by tensor, by name.
#include <algorithm>

#include "converter/analysis/fidelity.h"
#include "converter/analysis/recording.h"

namespace octet {
namespace analysis {
namespace {

// The numbers of {n, c, h, w} in the order of {n, h, w, c}.
std::vector<float> channels_last(const NamedValues& x) {
  const auto n = at(x.shape[0]), c = at(x.shape[1]), pixels = at(x.shape[2] * x.shape[3]);
  std::vector<float> out(x.values.size());
  for (size_t b = 0; b < n; ++b)
    for (size_t p = 0; p < pixels; ++p)
      for (size_t k = 0; k < c; ++k) out[(b * pixels + p) * c + k] = x.values[(b * c + k) * pixels + p];
  return out;
}

bool planes_of(const Shape& planes, const Shape& rows) {
  return planes.rank() == 4 && rows.rank() == 4 && planes == Shape{rows[0], rows[3], rows[1], rows[2]};
}

Fidelity fidelity(std::span<const float> a, std::span<const float> b) {
  ErrorSum sum;
  sum.add(a, b);
  return sum.result();
}

// Where sizes fit both orders, the nearer one.
void hold_against(TensorComparison& c, std::span<const float> ours, const NamedValues& theirs) {
  const bool planes = planes_of(theirs.shape, c.shape);
  c.comparable = ours.size() == theirs.values.size() && (planes || theirs.shape == c.shape);
  if (!c.comparable) return;
  if (theirs.shape == c.shape || !planes) c.fidelity = fidelity(theirs.values, ours);
  if (!planes) return;
  const Fidelity turned = fidelity(channels_last(theirs), ours);
  if (theirs.shape != c.shape || turned.db > c.fidelity.db) c.fidelity = turned;
}

Result<Recording> record(const Model& model, Precision precision, int threads, const Samples& samples, size_t i) {
  const ModelData& m = model.data();
  std::vector<bool> all(m.tensors.size(), true);
  auto recorder = Recorder::open(model, {.threads = threads, .precision = precision}, all);
  if (!recorder) return recorder.error();
  return recorder->run(samples, i);
}

}  // namespace
}  // namespace analysis

Result<std::vector<std::pair<std::string, NamedValues>>> tensors_of(const Model& model, Precision precision,
                                                                    int threads, const Samples& samples, size_t i) {
  auto recording = analysis::record(model, precision, threads, samples, i);
  if (!recording) return recording.error();
  std::vector<std::pair<std::string, NamedValues>> all;
  for (size_t t = 0; t < recording->size(); ++t) {
    const auto values = (*recording)[t].f32();
    if (!values.empty())
      all.emplace_back(std::string(model.data().tensors[t].name),
                       NamedValues{(*recording)[t].shape, {values.begin(), values.end()}});
  }
  return all;
}

Result<std::vector<TensorComparison>> compare(const Model& model, Precision precision, int threads,
                                              const Samples& samples, size_t i, const Lookup& other) {
  auto recording = analysis::record(model, precision, threads, samples, i);
  if (!recording) return recording.error();
  const ModelData& m = model.data();
  std::vector<TensorComparison> found;
  const auto hold = [&](int t, std::string_view node) -> Result<void> {
    const auto ours = t < 0 ? std::span<const float>() : (*recording)[analysis::at(t)].f32();
    if (ours.empty()) return {};
    TensorComparison c{.name = std::string(m.tensors[analysis::at(t)].name), .node = std::string(node)};
    auto theirs = other(c.name);
    if (!theirs) return theirs.error();
    if (!*theirs) return {};
    c.shape = (*recording)[analysis::at(t)].shape;
    analysis::hold_against(c, ours, **theirs);
    found.push_back(std::move(c));
    return {};
  };
  for (int t : m.inputs)
    if (auto held = hold(t, ""); !held) return held.error();
  for (const NodeDef& node : m.nodes)
    for (int t : node.outputs)
      if (auto held = hold(t, node.name); !held) return held.error();
  return found;
}

}  // namespace octet
