// Analysis: layers that were made hard on purpose come first, what they lose has the right cause, and models are compared where a
// difference means something.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "octet/analyze.h"
#include "quant_rig.h"

namespace octet::convert {
namespace {

// Pictures with structure: waves of several lengths.
Samples waves(size_t count) {
  return {count, [](Session& session, size_t i) -> Result<void> {
            if (auto ready = session.prepare(); !ready) return ready;
            const auto x = session.input(0).f32();
            for (size_t e = 0; e < x.size(); ++e) {
              const auto at = static_cast<float>(e);
              x[e] = 0.5f + 0.25f * std::sin(at * 0.013f + static_cast<float>(i)) + 0.25f * std::sin(at * 0.00037f);
            }
            return {};
          }};
}

// Scales channel 1, 1 + every, .. of what a layer reads, and takes that out of its weights: the network computes what it did, but one
// scale for all channels no longer suits them.
void make_hard(Graph& g, const std::string& name, size_t every) {
  for (size_t n = 0; n < g.nodes.size(); ++n) {
    if (g.nodes[n].name != name) continue;
    const TensorId x = g.nodes[n].inputs[0];
    const Shape shape = tensor(g, x).shape;
    std::vector<float> scale(static_cast<size_t>(shape[-1]), 1.0f);
    for (size_t c = 1; c < scale.size(); c += every) scale[c] = 128;
    const TensorId by = g.add(make_constant<float>(name + ".by", Shape{shape[-1]}, std::span<const float>(scale)));
    const TensorId scaled = g.add({.name = name + ".scaled", .shape = shape});
    const auto weights = g.tensors[at(g.nodes[n].inputs[1])].values<float>();
    for (size_t i = 0; i < weights.size(); ++i) weights[i] /= scale[i % scale.size()];
    g.nodes[n].inputs[0] = scaled;
    Node rescale{.name = name + ".rescale", .op = make_op(schema::BinaryT{.kind = schema::BinaryKind::mul})};
    rescale.inputs = {x, by}, rescale.outputs = {scaled};
    g.nodes.insert(g.nodes.begin() + static_cast<std::ptrdiff_t>(n), std::move(rescale));
    return;
  }
  FAIL() << "no layer " << name;
}

const std::set<std::string> kHard = {"/p3/p3.1/blocks/blocks.0/a/conv/Conv", "/p4/p4.0/conv/Conv",
                                     "/up4/blocks/blocks.0/b/conv/Conv"};

TEST(Analyze, LayersThatWereMadeHardComeFirst) {
  auto graph = load(OCTET_SOURCE_DIR "/models/detector.onnx", {}, false);
  ASSERT_TRUE(graph) << graph.error().text;
  QuantizeOptions options{.algo = "minmax", .per_channel = "depthwise"};
  for (const std::string& name : kHard) {
    make_hard(*graph, name, 2);
    options.exclude.push_back(name + ".rescale");  // whose own rounding is not what is asked for
  }
  const SourceModel source = source_from(std::move(*graph));
  auto made = quantize(source, waves(1), options);
  ASSERT_TRUE(made) << made.error().text;
  auto int8 = Model::from_bytes(made->bytes, "int8");
  ASSERT_TRUE(int8) << int8.error().text;
  auto found = analyze(source.model, *int8, waves(1), {.pictures = 1, .parts = false});
  ASSERT_TRUE(found) << found.error().text;
  ASSERT_GT(found->layers.size(), 50u);
  std::set<std::string> first;
  for (size_t i = 0; i < kHard.size(); ++i) first.insert(found->layers[i].name);
  EXPECT_EQ(first, kHard);
  EXPECT_LT(found->layers[kHard.size() - 1].both.db() + 6, found->layers[kHard.size()].both.db());
}

// A layer whose weights, and one whose activations, one scale does not suit.
Graph two_causes() {
  GraphBuilder b;
  const TensorId x = b.input({1, 12, 12, 8});
  const TensorId bad_weights = b.conv("weights", b.conv("first", x, 8), 8);
  const Graph g = b.finish(b.conv("last", b.conv("activations", bad_weights, 8), 8, schema::ActKind::none));
  Graph out = g;
  make_hard(out, "activations", 8);
  for (Node& n : out.nodes)
    if (n.name == "weights") {  // one that is large and meets next to nothing hides the others
      const auto w = out.tensors[at(n.inputs[1])].values<float>();
      for (size_t i = 0; i < w.size(); i += 8) w[i] = 400;
    } else if (n.name == "first") {
      const auto w = out.tensors[at(n.inputs[1])].values<float>();
      for (size_t i = 0; i < 8; ++i) w[i] *= 1e-4f;
      out.tensors[at(n.inputs[2])].values<float>()[0] = 0;
    }
  return out;
}

struct Found {
  Analysis analysis;
  const LayerAnalysis& layer(const std::string& name) const {
    for (const LayerAnalysis& l : analysis.layers)
      if (l.name == name) return l;
    ADD_FAILURE() << name;
    return analysis.layers[0];
  }
};

Found found_in(Graph g, const AnalyzeOptions& options, size_t samples = 3) {
  const SourceModel source = source_from(std::move(g));
  auto made = quantize(source, random_samples(samples), {.algo = "minmax", .per_channel = "tensor", .bias = "none"});
  EXPECT_TRUE(made) << made.error().text;
  auto int8 = Model::from_bytes(made->bytes, "int8");
  EXPECT_TRUE(int8) << int8.error().text;
  auto found = analyze(source.model, *int8, random_samples(samples), options);
  EXPECT_TRUE(found) << found.error().text;
  return {std::move(*found)};
}

TEST(Analyze, TellsWeightsFromActivations) {
  const Found found = found_in(two_causes(), {.pictures = 3});
  const LayerAnalysis &w = found.layer("weights"), &a = found.layer("activations");
  ASSERT_TRUE(w.weights && a.weights);
  EXPECT_LT(w.weights->layer.db + 10, w.activations.layer.db);
  EXPECT_LT(a.activations.layer.db + 10, a.weights->layer.db);
  for (const LayerAnalysis* l : {&w, &a}) {
    EXPECT_NEAR(l->both.layer.db, std::min(l->weights->layer.db, l->activations.layer.db), 1.5) << l->name;
    EXPECT_LT(l->in_place.db, l->both.layer.db + 3) << l->name;
    EXPECT_GT(l->both.layer.cosine, 0);
    EXPECT_LT(l->both.layer.cosine, 1);
    EXPECT_FALSE(l->sample.empty());
  }
  EXPECT_EQ(found.layer("last").both.points.size(), 1u);
  EXPECT_EQ(found.layer("last").both.points[0].db, found.layer("last").both.layer.db) << "it makes the output";
}

TEST(Analyze, ShowsTheNumbersAndWhatIsCutOff) {
  const SourceModel source = source_from(two_causes());
  auto made = quantize(source, random_samples(3), {.algo = "percentile", .keep = 0.9, .per_channel = "tensor"});
  ASSERT_TRUE(made) << made.error().text;
  auto int8 = Model::from_bytes(made->bytes, "int8");
  ASSERT_TRUE(int8);
  const Found found{*analyze(source.model, *int8, random_samples(3), {.pictures = 3})};
  const TensorValues& read = found.layer("weights").read;
  ASSERT_EQ(read.channels.size(), 8u);
  EXPECT_NEAR(read.clipped, 0.1, 0.06);
  int64_t counted = read.spread.zeros;
  for (int64_t n : read.spread.bins) counted += n;
  EXPECT_EQ(counted, 3 * 12 * 12 * 8);
  for (const ChannelRange& c : read.channels) EXPECT_EQ(c.high, read.channels[0].high) << "one scale for all";
  const auto& weights = found.layer("weights").weight_values;
  ASSERT_TRUE(weights);
  ASSERT_EQ(weights->channels.size(), 8u);
  for (const ChannelRange& c : weights->channels) EXPECT_NEAR(c.high, 400, 1e-3);
  EXPECT_EQ(weights->clipped, 0);
  EXPECT_EQ(found.layer("weights").macs, 12 * 12 * 8 * 8);
}

// However many recordings fit into memory at a time.
TEST(Analyze, MemoryDecidesNothing) {
  const Found all = found_in(two_causes(), {.pictures = 3}), one = found_in(two_causes(), {.pictures = 3, .memory = 1});
  ASSERT_EQ(all.analysis.layers.size(), one.analysis.layers.size());
  for (const LayerAnalysis& l : all.analysis.layers) {
    EXPECT_EQ(l.both.db(), one.layer(l.name).both.db()) << l.name;
    EXPECT_EQ(l.activations.db(), one.layer(l.name).activations.db()) << l.name;
  }
}

// Labels are compared in front of the argmax and by agreement; neither "nothing differs" nor distances of labels.
TEST(Analyze, ChoicesAreComparedInFrontOfThem) {
  GraphBuilder b;
  const TensorId logits = b.conv("logits", b.conv("first", b.input({1, 12, 12, 8}), 8), 5, schema::ActKind::none);
  const TensorId labels = b.node("labels", schema::ArgMaxT{.axis = -1}, {logits}, {1, 12, 12});
  b.g.tensors[at(labels)].dtype = DType::kS64;
  const Found found = found_in(b.finish(labels), {.pictures = 3});
  EXPECT_EQ(found.analysis.points, std::vector<std::string>{"logits"});
  EXPECT_TRUE(std::isfinite(found.analysis.whole[0].db));
  ASSERT_EQ(found.analysis.agreement.size(), 1u);
  EXPECT_GT(found.analysis.agreement[0].part, 0.9);
  EXPECT_LE(found.analysis.agreement[0].part, 1);
  for (const char* name : {"first", "logits"}) EXPECT_TRUE(std::isfinite(found.layer(name).both.db())) << name;
}

TEST(Compare, NamesTheFirstTensorThatDeparts) {
  Graph g = two_causes();
  const SourceModel source = source_from(g);
  for (Node& n : g.nodes)
    if (n.name == "activations") g.tensors[at(n.inputs[2])].values<float>()[3] += 5;
  const SourceModel other = source_from(std::move(g));
  auto theirs = tensors_of(other.model, Precision::kF32, 1, random_samples(1), 0);
  ASSERT_TRUE(theirs) << theirs.error().text;
  const Lookup lookup = [&](const std::string& name) -> Result<std::optional<NamedValues>> {
    for (auto& [theirs_name, values] : *theirs)
      if (theirs_name == name) return std::optional(values);
    return std::optional<NamedValues>();
  };
  auto found = compare(source.model, Precision::kF32, 1, random_samples(1), 0, lookup);
  ASSERT_TRUE(found) << found.error().text;
  std::vector<std::string> differ;
  for (const TensorComparison& c : *found) {
    EXPECT_TRUE(c.comparable) << c.name;
    if (c.fidelity.db < 60) differ.push_back(c.node);
  }
  EXPECT_EQ(differ, (std::vector<std::string>{"activations", "last"}));
  EXPECT_EQ(found->front().node, "") << "the input comes first";
}

TEST(Compare, TakesTensorsWithChannelsInFront) {
  GraphBuilder b;
  const SourceModel source = source_from(b.finish(b.conv("conv", b.input({1, 3, 4, 8}), 5)));
  auto ours = tensors_of(source.model, Precision::kF32, 1, random_samples(1), 0);
  ASSERT_TRUE(ours);
  const Lookup planes = [&](const std::string& name) -> Result<std::optional<NamedValues>> {
    for (auto& [our_name, x] : *ours) {
      if (our_name != name) continue;
      NamedValues turned{{1, x.shape[3], x.shape[1], x.shape[2]}, std::vector<float>(x.values.size())};
      const size_t channels = at(x.shape[3]), pixels = x.values.size() / channels;
      for (size_t p = 0; p < pixels; ++p)
        for (size_t c = 0; c < channels; ++c) turned.values[c * pixels + p] = x.values[p * channels + c];
      return std::optional(turned);
    }
    return std::optional<NamedValues>();
  };
  auto found = compare(source.model, Precision::kF32, 1, random_samples(1), 0, planes);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 2u);
  for (const TensorComparison& c : *found) EXPECT_TRUE(c.comparable && std::isinf(c.fidelity.db)) << c.name;
}

// With all layers kept, weights included, nothing of int8 is left; with none, it is the int8 model.
TEST(KeepFloat, GivesLayersTheirFloatWeightsAgain) {
  const SourceModel source = source_from(two_causes());
  auto made = quantize(source, random_samples(2), {.algo = "minmax"});
  ASSERT_TRUE(made) << made.error().text;
  auto int8 = Model::from_bytes(made->bytes, "int8");
  ASSERT_TRUE(int8);
  std::vector<std::string> all = {"first", "weights", "activations.rescale", "activations", "last"};
  const auto result = [](const Model& model, const SessionOptions& options) {
    auto session = Session::create(model, options);
    EXPECT_TRUE(session) << session.error().text;
    EXPECT_TRUE(random_samples(1).fill(*session, 0) && session->run());
    const auto out = session->output(0).f32();
    return std::vector<float>(out.begin(), out.end());
  };
  auto none = keep_float(source.model, *int8, {}), kept = keep_float(source.model, *int8, all);
  ASSERT_TRUE(none && kept);
  EXPECT_EQ(result(*none, {}), result(*int8, {}));
  EXPECT_EQ(result(*kept, {.int8_exclude = all}), result(source.model, {.precision = Precision::kF32}));
  EXPECT_NE(result(*int8, {.int8_exclude = all}), result(source.model, {.precision = Precision::kF32}))
      << "rounded weights remain";
}

// A metric that falls by what each layer in int8 takes.
struct Task {
  std::map<std::string, double> loss;
  size_t asked = 0;
  Measure measure() {
    return [this](const std::vector<std::vector<std::string>>& sets) -> Result<std::vector<double>> {
      std::vector<double> values;
      for (const auto& set : sets) {
        double value = 0.5;
        for (const auto& [name, l] : loss) value -= std::count(set.begin(), set.end(), name) ? 0 : l;
        values.push_back(value), ++asked;
      }
      return values;
    };
  }
};

std::vector<std::string> kept(const SearchResult& r) {
  std::vector<std::string> names;
  for (const KeptLayer& k : r.kept) names.push_back(k.name);
  std::sort(names.begin(), names.end());
  return names;
}

TEST(SearchPrecision, KeepsTheFewestAndCheapest) {
  Task task;
  std::vector<SearchLayer> layers;
  for (int i = 0; i < 60; ++i) {
    const std::string name = "l" + std::to_string(i);
    layers.push_back({name, 1e-5, 100});
    task.loss[name] = 1e-5;
  }
  task.loss["l7"] = 0.02, layers[7].noise = 1e-2;
  task.loss["l30"] = 0.01, layers[30].noise = 5e-3;
  task.loss["l31"] = 0.01, layers[31].noise = 5e-3, layers[31].cost = 10000;  // as bad as l30, and dear
  const auto search = [&](double target) {
    task.asked = 0;
    auto found = search_precision(layers, task.measure(), {.target = target, .in_float = 0.5, .evaluations = 40});
    EXPECT_TRUE(found);
    EXPECT_LE(task.asked, 45u) << target;
    return *found;
  };
  EXPECT_EQ(kept(search(0.4)), std::vector<std::string>{}) << "nothing is needed";
  EXPECT_EQ(kept(search(0.475)), (std::vector<std::string>{"l7"}));
  EXPECT_EQ(kept(search(0.488)), (std::vector<std::string>{"l30", "l7"})) << "not the dear one";
  EXPECT_EQ(kept(search(0.498)), (std::vector<std::string>{"l30", "l31", "l7"}));
  EXPECT_TRUE(search(0.498).met);
  const SearchResult never = search(0.51);
  EXPECT_FALSE(never.met);
  EXPECT_NEAR(never.metric, 0.5, 1e-9) << "the best there is";
}

}  // namespace
}  // namespace octet::convert
