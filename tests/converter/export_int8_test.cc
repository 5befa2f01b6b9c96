// What an int8 export says: read again by our own importer it computes what the session computes, zero points and biases included.
#include <octet/export.h>

#include <cmath>

#include "tests/converter/rig.h"
#include "tests/runtime/build_model.h"

namespace octet::convert {
namespace {

TEST(ExportInt8, ReadAgainItComputesWhatTheSessionComputes) {
  auto model = Model::from_bytes(small_model().finish(), "small.octet");
  ASSERT_TRUE(model) << model.error().text;
  auto session = Session::create(*model, {});
  ASSERT_TRUE(session) << session.error().text;
  uint32_t seed = 7;  // the rig's values
  for (float& v : session->input(0).f32()) {
    seed = seed * 1664525 + 1013904223;
    v = static_cast<float>(seed >> 8) / (1 << 22) - 2;
  }
  ASSERT_TRUE(session->run());
  const auto expected = session->output(0).f32();
  for (int opset : {13, 17, 21}) {
    const auto bytes = export_onnx(*model, {.opset = opset});
    ASSERT_TRUE(bytes) << bytes.error().text;
    const TempFile file({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
    auto again = import_onnx(file.path(), {});
    ASSERT_TRUE(again) << again.error().text;
    auto done = run_passes(*again);
    ASSERT_TRUE(done) << done.error().text;
    const std::vector<float> got = run(*again);
    ASSERT_EQ(got.size(), expected.size());
    double worst = 0;
    for (size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::fabs(double{got[i]} - double{expected[i]}));
    EXPECT_LT(worst, 0.02) << "opset " << opset << "\n" << dump(*again);  // a step of an operand, rounded another way
  }
}

// Other runtimes add a bias to the accumulator as it is: 0.1 behind an input in steps of 0.02 and weights in steps of 0.01, in
// both layers that read the input.
TEST(ExportInt8, ABiasIsInStepsOfTheAccumulator) {
  auto model = Model::from_bytes(small_model().finish(), "small.octet");
  ASSERT_TRUE(model) << model.error().text;
  const auto bytes = export_onnx(*model, {});
  ASSERT_TRUE(bytes) << bytes.error().text;
  onnx::ModelProto proto;
  ASSERT_TRUE(proto.ParseFromString({reinterpret_cast<const char*>(bytes->data()), bytes->size()}));
  constexpr int kInt32 = 6;
  std::vector<int32_t> firsts;
  for (const auto& t : proto.graph().initializer()) {
    if (t.data_type() != kInt32 || t.raw_data().size() < sizeof(int32_t)) continue;
    firsts.push_back(0);
    std::memcpy(&firsts.back(), t.raw_data().data(), sizeof(int32_t));
  }
  EXPECT_EQ(std::count(firsts.begin(), firsts.end(), 500), 2) << firsts.size() << " constants of s32";
}

}  // namespace
}  // namespace octet::convert
