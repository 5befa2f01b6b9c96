// The bytes around the flatbuffer, the packing of int8 weights, and files on disk.
#include "converter/graph/emit.h"


#include "schema/format.h"
#include "tests/converter/rig.h"

namespace octet::convert {
namespace {

Graph conv_graph(int64_t out, int64_t in, int groups) {
  Graph g;
  std::vector<int8_t> w(static_cast<size_t>(out * 9 * in));
  for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<int8_t>(i % 251);
  for (int8_t& v : w) v = std::max<int8_t>(v, -127);
  const TensorId x = g.add({.name = "x", .shape = {1, 8, 8, in * groups}});
  const TensorId weights = g.add(make_constant<int8_t>("w", {out, 3, 3, in}, w));
  g.tensors[static_cast<size_t>(weights)].weight_scale.assign(static_cast<size_t>(out), 0.01f);
  const TensorId y = g.add({.name = "y", .shape = {1, 6, 6, out}});
  g.inputs = {x};
  g.outputs = {y};
  g.nodes.push_back(
      {.name = "conv", .op = make_op(schema::Conv2dT{.groups = groups}), .inputs = {x, weights, -1}, .outputs = {y}});
  return g;
}

TEST(Emit, HeaderAndAlignment) {
  auto bytes = emit(conv_graph(20, 5, 1));
  ASSERT_TRUE(bytes) << bytes.error().text;
  schema::FileHeader h;
  std::memcpy(&h, bytes->data(), sizeof h);
  EXPECT_EQ(std::string(h.magic, 8), "OCTETMDL");
  EXPECT_EQ(h.graph_offset % 8, 0u);
  EXPECT_EQ(h.weights_offset % 64, 0u);
  EXPECT_EQ(h.weights_offset + h.weights_bytes, bytes->size());
  EXPECT_EQ(h.graph_hash, schema::hash(std::span(*bytes).subspan(h.graph_offset, h.graph_bytes)));
  EXPECT_EQ(h.weights_hash, schema::hash(std::span(*bytes).subspan(h.weights_offset)));
  EXPECT_EQ(*bytes, *emit(conv_graph(20, 5, 1))) << "the same graph, the same bytes";
}

TEST(Emit, ANumberSaysByWhichArithmeticTheFileWasMade) {
  Graph g = conv_graph(20, 5, 1);
  g.metadata = {{"author", "us"}, {"numerics", "0"}};  // what an exported model brings back is an older file's
  auto bytes = emit(g);
  ASSERT_TRUE(bytes) << bytes.error().text;
  schema::FileHeader h;
  std::memcpy(&h, bytes->data(), sizeof h);
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto* kv : *schema::GetModel(bytes->data() + h.graph_offset)->metadata())
    found.emplace_back(kv->key()->str(), kv->value()->str());
  EXPECT_EQ(found, (std::vector<std::pair<std::string, std::string>>{{"author", "us"}, {"numerics", "1"}}));
  EXPECT_GT(h.version_minor, 0u) << "readers of 1.0 do not look for the number";
}

TEST(Emit, Int8WeightsArePackedButDepthwise) {
  for (auto [out, in, groups, packed] : {std::tuple{20, 5, 1, true}, {8, 4, 2, true}, {6, 1, 6, false}}) {
    const Graph g = conv_graph(out, in, groups);
    auto bytes = emit(g);
    ASSERT_TRUE(bytes) << bytes.error().text;
    schema::FileHeader h;
    std::memcpy(&h, bytes->data(), sizeof h);
    const auto* t = schema::GetModel(bytes->data() + h.graph_offset)->tensors()->Get(1);
    EXPECT_EQ(t->packing(), packed ? schema::Packing::conv_s8 : schema::Packing::dense);
    std::vector<int8_t> dense(g.tensors[1].data.size());
    const auto* stored = reinterpret_cast<const int8_t*>(bytes->data() + h.weights_offset + t->offset());
    if (packed)
      schema::unpack_conv_s8({.groups = groups, .out = out / groups, .taps = 9, .in = in}, stored, dense.data());
    else
      std::copy_n(stored, dense.size(), dense.data());
    EXPECT_EQ(dense, std::vector<int8_t>(g.tensors[1].values<int8_t>().begin(), g.tensors[1].values<int8_t>().end()));
  }
}

TEST(Emit, ConstantsOfTheWrongSizeAreRefused) {
  Graph g = conv_graph(4, 4, 1);
  g.tensors[1].data.pop_back();
  EXPECT_FALSE(emit(g));
}

}  // namespace
}  // namespace octet::convert
