// Damaged programs and parameters: an error each time or a model, never a crash, and no more memory than the file is worth.
#include <random>

#include "octet/convert.h"

#include "tests/converter/paddle/rig.h"

namespace octet::convert {
namespace {

TestProgram small_program() {
  TestProgram p;
  const std::string x = p.input("x", {-1, 3, 8, 8});
  const std::string fq = p.op("fake_quantize_dequantize_moving_average_abs_max",
                              {{"X", {x}}, {"InScale", {p.floats({1}, {2.0f})}}}, {attr("bit_length", 8)});
  const std::string w =
      p.op("fake_channel_wise_quantize_dequantize_abs_max", {{"X", {p.random({4, 3, 3, 3})}}}, {attr("quant_axis", 0)});
  std::string y = p.conv(fq, w, 1);
  y = p.op("batch_norm",
           {{"X", {y}},
            {"Scale", {p.random({4})}},
            {"Bias", {p.random({4})}},
            {"Mean", {p.random({4})}},
            {"Variance", {p.floats({4}, {1, 2, 3, 4})}}},
           {attr("epsilon", 1e-5f)}, "Y");
  y = p.op("hard_swish", {{"X", {y}}}, {attr("threshold", 6.0f), attr("scale", 6.0f), attr("offset", 3.0f)});
  y = p.op("pool2d", {{"X", {y}}}, {attr("ksize", {2, 2}), flag("adaptive", true), attr("pooling_type", "avg")});
  y = p.op("bilinear_interp_v2", {{"X", {y}}},
           {attr("scale", std::vector<int64_t>{2, 2}), flag("align_corners", false)});
  y = p.op("reshape2", {{"X", {y}}}, {attr("shape", {0, -1})});
  p.output(p.op("matmul_v2", {{"X", {y}}, {"Y", {p.random({64, 2})}}}));
  return p;
}

std::string attempt(const std::string& program, const std::string& parameters) {
  const TempModel model(program, parameters);
  auto bytes = convert_model(model.folder());
  return bytes ? "" : bytes.error().text;
}

TEST(PaddleHostile, TheSmallProgramItselfIsFine) {
  const TestProgram p = small_program();
  EXPECT_EQ(attempt(p.program_bytes(), p.parameter_bytes()), "");
}

TEST(PaddleHostile, CutPrograms) {
  const TestProgram p = small_program();
  const std::string whole = p.program_bytes(), parameters = p.parameter_bytes();
  for (size_t i = 0; i < 50; ++i) {
    const std::string text = attempt(whole.substr(0, whole.size() * i / 50), parameters);
    EXPECT_NE(text, "") << i;
    EXPECT_NE(text.find("/model.pd"), std::string::npos) << text;
  }
}

TEST(PaddleHostile, CutParameters) {
  const TestProgram p = small_program();
  const std::string program = p.program_bytes(), whole = p.parameter_bytes();
  for (size_t i = 0; i < 50; ++i) {
    const std::string text = attempt(program, whole.substr(0, whole.size() * i / 50));
    EXPECT_NE(text.find("variable '"), std::string::npos) << text;
    EXPECT_NE(text.find("is cut off"), std::string::npos) << text;
  }
  EXPECT_NE(attempt(program, whole + "more").find("4 bytes more"), std::string::npos);
}

TEST(PaddleHostile, MutatedPrograms) {
  const TestProgram p = small_program();
  const std::string whole = p.program_bytes(), parameters = p.parameter_bytes();
  std::mt19937 random(1);
  for (int i = 0; i < 100; ++i) {
    std::string bytes = whole;
    for (int k = 0; k <= i % 4; ++k) bytes[random() % bytes.size()] = static_cast<char>(random());
    (void)attempt(bytes, parameters);
  }
}

TEST(PaddleHostile, MutatedParameters) {
  const TestProgram p = small_program();
  const std::string program = p.program_bytes(), whole = p.parameter_bytes();
  std::mt19937 random(2);
  for (int i = 0; i < 100; ++i) {
    std::string bytes = whole;
    for (int k = 0; k <= i % 4; ++k) bytes[random() % bytes.size()] = static_cast<char>(random());
    (void)attempt(program, bytes);
  }
}

TEST(PaddleHostile, DescribedSizesBeyondTheFileAreNotAllocated) {
  TestProgram p;
  const std::string x = p.input("x", {1, 4});
  p.output(p.op("elementwise_add", {{"X", {x}}, {"Y", {p.floats({1, 4}, {1, 2, 3, 4}, "huge")}}}));
  for (auto& var : *p.proto.mutable_blocks(0)->mutable_vars())
    if (var.name() == "huge") {
      auto* dims = var.mutable_type()->mutable_lod_tensor()->mutable_tensor()->mutable_dims();
      dims->Set(0, int64_t{1} << 30), dims->Set(1, int64_t{1} << 30);
    }
  p.records["huge"] = tensor_record(5, {int64_t{1} << 30, int64_t{1} << 30}, "few");
  EXPECT_NE(attempt(p.program_bytes(), p.parameter_bytes()).find("variable 'huge' is cut off"), std::string::npos);
}

}  // namespace
}  // namespace octet::convert
