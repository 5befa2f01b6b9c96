// Paddle's ops have no names: that of what they make is theirs, and goes to the node that computes.
#include "converter/quant/plan.h"
#include "tests/converter/paddle/rig.h"

namespace octet::convert {
namespace {

bool int8(const Graph& g, const Plan& plan, const std::string& name) {
  for (size_t n = 0; n < g.nodes.size(); ++n)
    if (g.nodes[n].name == name) return plan.int8[n];
  ADD_FAILURE() << "no node " << name << "\n" << dump(g);
  return false;
}

TEST(PaddleNames, TheLayerOfThatNameIsExcluded) {
  for (const std::string kind : {"conv2d", "depthwise_conv2d", "conv2d_transpose", "matmul_v2", "mul"}) {
    TestProgram p;
    std::string x = p.input("x", {1, 8, 8, 8}), layer, behind;
    if (kind == "matmul_v2" || kind == "mul") {
      x = p.op("reshape2", {{"X", {x}}}, {attr("shape", {8, 64})});
      layer = p.op(kind, {{"X", {x}}, {"Y", {p.random({64, 8})}}});
      layer = p.op("elementwise_add", {{"X", {layer}}, {"Y", {p.random({8})}}});
      behind = p.op(kind, {{"X", {p.op("relu", {{"X", {layer}}})}}, {"Y", {p.random({8, 4})}}});
    } else {
      const std::string filter = p.random({8, kind == "depthwise_conv2d" ? 1 : 8, 2, 2});
      layer = p.op(kind, {{"Input", {x}}, {"Filter", {filter}}},
                   {attr("strides", {2, 2}), attr("groups", kind == "depthwise_conv2d" ? 8 : 1)}, "Output");
      behind = p.conv(p.op("relu", {{"X", {layer}}}), p.random({4, 8, 1, 1}));
    }
    p.output(behind);
    auto g = import(p);
    ASSERT_TRUE(g) << kind << ": " << g.error().text;
    auto done = run_passes(*g);
    ASSERT_TRUE(done) << done.error().text;
    auto all = make_plan(*g, {}), without = make_plan(*g, {.exclude = {layer}});
    ASSERT_TRUE(all && without) << kind << ": " << without.error().text << "\n" << dump(*g);
    int layers = 0;
    for (size_t n = 0; n < g->nodes.size(); ++n) {
      if (!as<schema::Conv2dT>(g->nodes[n]) && !as<schema::MatMulT>(g->nodes[n])) continue;
      EXPECT_TRUE(all->int8[n]) << kind;
      EXPECT_EQ(without->int8[n], layers == 1) << kind << ": " << g->nodes[n].name;
      ++layers;
    }
    EXPECT_EQ(layers, 2) << kind;
    EXPECT_TRUE(int8(*g, *without, behind)) << kind;
  }
}

}  // namespace
}  // namespace octet::convert
