// Channels that calibration hardly saw: with scales for channels, too, such a channel has room for more in use.
#include <algorithm>
#include <cmath>

#include "octet/quantize.h"
#include "quant_rig.h"
#include "runtime/core/model.h"

namespace octet::convert {
namespace {

// conv -> depthwise -> conv; the first output channel of the first is 1e-9 times what the others are.
TEST(QuantTraces, AChannelThatWasHardlySeenHasAScaleOfItsTensorsOrder) {
  GraphBuilder b;
  const TensorId a = b.conv("a", b.input({1, 8, 8, 4}), 6);
  for (size_t k : {size_t{1}, size_t{2}})
    for (float& v : b.g.tensors[static_cast<size_t>(b.g.nodes[0].inputs[k])].values<float>().first(k == 1 ? 4 : 1))
      v = std::fabs(v) * 1e-9f;
  const SourceModel source = source_from(b.finish(b.conv("last", b.depthwise("dw", a), 2)));
  const auto made = quantize(source, random_samples(2), {});
  ASSERT_TRUE(made) << made.error().text;
  auto model = Model::from_bytes(made->bytes, "int8");
  ASSERT_TRUE(model) << model.error().text;
  for (const TensorDef& t : model->data().tensors) {
    if (t.name != "a") continue;
    ASSERT_EQ(t.quant.scale.size(), 6u);
    const float widest = *std::max_element(t.quant.scale.begin(), t.quant.scale.end());
    EXPECT_NEAR(t.quant.scale[0] / widest, 1e-4, 1e-6);
    return;
  }
  ADD_FAILURE() << "no tensor 'a'";
}

}  // namespace
}  // namespace octet::convert
