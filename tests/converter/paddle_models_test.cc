// Real programs: those with their weights, and those without, filled with seeded values.
#include <cmath>
#include <fstream>
#include <random>

#include "octet/convert.h"
#include "tests/converter/paddle_rig.h"

namespace octet::convert {
namespace {

paddle::ProgramDesc parse(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  paddle::ProgramDesc program;
  EXPECT_TRUE(program.ParseFromIstream(&in)) << path;
  return program;
}

// What an op does with a parameter decides what values are sensible.
std::string role_of(const paddle::ProgramDesc& program, const std::string& name) {
  for (const auto& op : program.blocks(0).ops())
    for (const auto& in : op.inputs())
      for (const auto& argument : in.arguments())
        if (argument == name) return op.type() == "batch_norm" || in.parameter() != "Y" ? in.parameter() : op.type();
  return "";
}

std::string seeded_parameters(const paddle::ProgramDesc& program) {
  std::map<std::string, std::string> records;
  std::mt19937 random(5);
  for (const auto& var : program.blocks(0).vars()) {
    const auto& desc = var.type().lod_tensor().tensor();
    if (!var.persistable() || var.type().type() != 7) continue;
    int64_t count = 1;
    std::vector<int64_t> dims(desc.dims().begin(), desc.dims().end());
    for (int64_t d : dims) count *= d;
    const std::string role = role_of(program, var.name());
    float low = -0.2f, high = 0.2f;
    if (role == "Variance" || role == "Scale") low = 0.5f, high = 1.5f;
    if (role == "InScale" || role == "elementwise_div") low = 2, high = 4;
    if (role == "Filter") high = std::sqrt(6.0f / static_cast<float>(count / dims[0])), low = -high;
    std::uniform_real_distribution<float> values(low, high);
    std::string raw;
    for (int64_t i = 0; i < count; ++i) {
      const float v = values(random);
      if (desc.data_type() == 5) raw.append(reinterpret_cast<const char*>(&v), 4);
      if (desc.data_type() != 5) raw.append(desc.data_type() == 3 ? 8 : 4, '\0');
    }
    records[var.name()] = tensor_record(desc.data_type(), dims, raw);
  }
  std::string all;
  for (const auto& record : records) all += record.second;
  return all;
}

struct Outcome {
  std::vector<std::vector<float>> outputs;
  int int8_convs = 0;
};

Outcome run_bytes(const std::vector<std::byte>& bytes, const std::vector<Shape>& shapes) {
  Outcome outcome;
  auto model = Model::from_bytes(bytes, "test");
  if (!model) return ADD_FAILURE() << model.error().text, outcome;
  auto session = Session::create(
      *model, {.threads = 2, .precision = model->quantized() ? Precision::kInt8 : Precision::kF32, .profile = true});
  if (!session) return ADD_FAILURE() << session.error().text, outcome;
  for (size_t i = 0; i < shapes.size(); ++i) EXPECT_TRUE(session->resize_input(static_cast<int>(i), shapes[i]));
  if (auto ready = session->prepare(); !ready) return ADD_FAILURE() << ready.error().text, outcome;
  for (size_t i = 0; i < shapes.size(); ++i) {
    const auto values = input_values(session->input(static_cast<int>(i)).f32().size());
    std::copy(values.begin(), values.end(), session->input(static_cast<int>(i)).f32().begin());
  }
  if (auto done = session->run(); !done) return ADD_FAILURE() << done.error().text, outcome;
  for (const StepProfile& s : session->profile())
    outcome.int8_convs += s.precision == Precision::kInt8 && s.op.find("conv2d") != std::string::npos;
  for (size_t i = 0; i < model->outputs().size(); ++i) {
    const octet::Tensor t = session->output(static_cast<int>(i));
    auto& out = outcome.outputs.emplace_back();
    if (t.dtype == DType::kF32) out.assign(t.f32().begin(), t.f32().end());
    if (t.dtype == DType::kS64) out.assign(t.s64().begin(), t.s64().end());
    EXPECT_FALSE(out.empty());
    for (float v : out) EXPECT_TRUE(std::isfinite(v));
  }
  return outcome;
}

TEST(PaddleModels, QuantisedOnesRunEveryTrainedConvolutionInInt8) {
  struct Case {
    const char* folder;
    Shape shape;
    int layers;
  };
  for (const Case& c : {Case{"ppocrv3_det_qat", {1, 3, 64, 96}, 72}, Case{"ppocr_cls_qat", {1, 3, 48, 192}, 53},
                        Case{"pp_liteseg_t_camvid_quant", {1, 3, 64, 96}, 47}}) {
    const auto path = shared_file(std::string("models/paddle/") + c.folder);
    if (!path) GTEST_SKIP() << "the shared models are missing";
    std::string log;
    auto bytes =
        convert_model(*path, {.input_shapes = {{"x", c.shape}}, .log = [&](const std::string& line) { log = line; }});
    ASSERT_TRUE(bytes) << bytes.error().text;
    EXPECT_EQ(run_bytes(*bytes, {c.shape}).int8_convs, c.layers) << c.folder << ": " << log;
  }
}

TEST(PaddleModels, ProgramsWithoutWeightsRunCutBeforeTheirLastOps) {
  struct Case {
    const char* name;
    std::vector<std::string> outputs;
    std::vector<std::pair<std::string, Shape>> inputs;
  };
  const Case cases[] = {
      {"pp_liteseg_t_stdc1_argmax", {}, {{"x", {1, 3, 64, 128}}}},
      {"pp_liteseg_b_stdc2_cityscapes", {}, {{"x", {1, 3, 64, 96}}}},
      {"ppocrv3_rec_qat", {}, {{"x", {1, 3, 48, 320}}}},
      {"picodet_v2_s_nms", {"tmp_21", "concat_4.tmp_0"}, {{"image", {1, 3, 320, 320}}, {"scale_factor", {1, 2}}}},
      {"ppyoloe_plus_nms", {"tmp_21", "concat_14.tmp_0"}, {{"image", {1, 3, 640, 640}}, {"scale_factor", {1, 2}}}}};
  for (const Case& c : cases) {
    const auto path = shared_file(std::string("models/graphs/") + c.name + ".pdmodel");
    if (!path) GTEST_SKIP() << "the shared models are missing";
    const paddle::ProgramDesc program = parse(*path);
    const TempModel model(program.SerializeAsString(), seeded_parameters(program));
    auto bytes = convert_model(model.folder(), {.outputs = c.outputs, .input_shapes = c.inputs});
    ASSERT_TRUE(bytes) << bytes.error().text;
    std::vector<Shape> shapes;
    for (const auto& in : c.inputs) shapes.push_back(in.second);
    run_bytes(*bytes, shapes);
  }
}

}  // namespace
}  // namespace octet::convert
