// Real programs: those with their weights, and those without, filled with seeded values.
#include <cmath>
#include <fstream>
#include <random>

#include "converter/import/paddle/pir/program.h"
#include "octet/convert.h"
#include "tests/converter/paddle/rig.h"

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
    // Detection heads: anchors, their strides, and what the bins of a distance stand for.
    if (dims.size() == 2 && dims[0] > 1000) low = dims[1] == 2 ? 0 : 8, high = dims[1] == 2 ? 20 : 32;
    const bool ramp = dims == std::vector<int64_t>{8} || dims == std::vector<int64_t>{1, 17, 1, 1};
    std::uniform_real_distribution<float> values(low, high);
    std::string raw;
    for (int64_t i = 0; i < count; ++i) {
      const float v = ramp ? static_cast<float>(i) : values(random);
      if (desc.data_type() == 5) raw.append(reinterpret_cast<const char*>(&v), 4);
      if (desc.data_type() != 5) raw.append(desc.data_type() == 3 ? 8 : desc.data_type() == 0 ? 1 : 4, '\0');
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
    auto values = input_values(session->input(static_cast<int>(i)).f32().size());
    if (values.size() == 2) values = {1, 1};  // how a picture was scaled
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

TEST(PaddleModels, ProgramsWithoutWeightsRun) {
  struct Case {
    const char* name;
    std::vector<std::pair<std::string, Shape>> inputs;
  };
  const Case cases[] = {{"pp_liteseg_t_stdc1_argmax", {{"x", {1, 3, 64, 128}}}},
                        {"pp_liteseg_b_stdc2_cityscapes", {{"x", {1, 3, 64, 96}}}},
                        {"ppocrv3_rec_qat", {{"x", {1, 3, 48, 320}}}}};
  for (const Case& c : cases) {
    const auto path = shared_file(std::string("models/graphs/") + c.name + ".pdmodel");
    if (!path) GTEST_SKIP() << "the shared models are missing";
    const paddle::ProgramDesc program = parse(*path);
    const TempModel model(program.SerializeAsString(), seeded_parameters(program));
    auto bytes = convert_model(model.folder(), {.input_shapes = c.inputs});
    ASSERT_TRUE(bytes) << bytes.error().text;
    std::vector<Shape> shapes;
    for (const auto& in : c.inputs) shapes.push_back(in.second);
    run_bytes(*bytes, shapes);
  }
}

TEST(PaddleModels, APaddle3ProgramGivesWhatPaddleGives) {
  const auto path = shared_file("models/pir/PP-LCNet_x0_25_textline_ori");
  if (!path) GTEST_SKIP() << "the shared models are missing";
  auto bytes = convert_model(*path, {.input_shapes = {{"x", {1, 3, 80, 160}}}});
  ASSERT_TRUE(bytes) << bytes.error().text;
  auto model = Model::from_bytes(*bytes, "test");
  ASSERT_TRUE(model) << model.error().text;
  auto session = Session::create(*model, {.precision = Precision::kF32});
  ASSERT_TRUE(session) << session.error().text;
  uint64_t i = 0;
  for (float& v : session->input(0).f32())
    v = static_cast<float>(static_cast<double>((i++ * 1103515245 + 12345) % 65536) / 32768 - 1);
  ASSERT_TRUE(session->run());
  EXPECT_NEAR(session->output(0).f32()[0], 0.2441437f, 1e-5f);
  EXPECT_NEAR(session->output(0).f32()[1], 0.7558563f, 1e-5f);
}

TEST(PaddleModels, Paddle3ProgramsWithoutWeightsRun) {
  struct Case {
    const char* name;
    std::vector<std::pair<std::string, Shape>> inputs;
    bool run = true;  // in the time that a test has
  };
  const Case cases[] = {{"PP-DocLayout-S", {{"image", {1, 3, 480, 480}}, {"scale_factor", {1, 2}}}},
                        {"ppocr_rec_v3", {{"x", {1, 3, 48, 96}}}},
                        {"PP-DocLayout_plus-L_custom28",
                         {{"im_shape", {1, 2}}, {"image", {1, 3, 800, 800}}, {"scale_factor", {1, 2}}},
                         false}};
  for (const Case& c : cases) {
    const auto path = shared_file(std::string("models/pir/") + c.name + "/inference.json");
    if (!path) GTEST_SKIP() << "the shared models are missing";
    auto program = read_pir_program(*path, {});
    ASSERT_TRUE(program) << program.error().text;
    const TempModel model(program->SerializeAsString(), seeded_parameters(*program));
    const TempFile file("", "inference.json");
    std::filesystem::copy_file(*path, file.folder / "inference.json",
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::rename(model.file.folder / "model.pdiparams", file.folder / "inference.pdiparams");
    auto bytes = convert_model(file.folder.string(), {.input_shapes = c.inputs});
    ASSERT_TRUE(bytes) << bytes.error().text;
    if (!c.run) continue;
    std::vector<Shape> shapes;
    for (const auto& in : c.inputs) shapes.push_back(in.second);
    run_bytes(*bytes, shapes);
  }
}

struct Suppression {
  float score = 0, overlap = 0;
  size_t top_k = 0, keep = 0;
};

Suppression suppression_of(const paddle::ProgramDesc& program) {
  Suppression s;
  for (const auto& op : program.blocks(0).ops())
    for (const auto& a : op.attrs()) {
      if (op.type() != "multiclass_nms3") continue;
      if (a.name() == "score_threshold") s.score = a.f();
      if (a.name() == "nms_threshold") s.overlap = a.f();
      if (a.name() == "nms_top_k") s.top_k = static_cast<size_t>(a.i());
      if (a.name() == "keep_top_k") s.keep = static_cast<size_t>(a.i());
    }
  return s;
}

float overlap(const float* a, const float* b) {
  const float w = std::min(a[2], b[2]) - std::max(a[0], b[0]), h = std::min(a[3], b[3]) - std::max(a[1], b[1]);
  if (w <= 0 || h <= 0) return 0;
  const auto area = [](const float* r) { return (r[2] - r[0]) * (r[3] - r[1]); };
  return w * h / (area(a) + area(b) - w * h);
}

// Rows [class, score, box] by class, from boxes [n, 4] and scores [classes, n].
std::vector<float> suppressed(const std::vector<float>& boxes, const std::vector<float>& scores, const Suppression& s) {
  const size_t n = boxes.size() / 4;
  struct Row {
    size_t cls, box;
    float score;
  };
  std::vector<Row> rows;
  for (size_t c = 0; c < scores.size() / n; ++c) {
    std::vector<size_t> order;
    for (size_t i = 0; i < n; ++i)
      if (scores[c * n + i] > s.score) order.push_back(i);
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return scores[c * n + a] > scores[c * n + b]; });
    order.resize(std::min(order.size(), s.top_k));
    const size_t first = rows.size();
    for (size_t i : order)
      if (std::none_of(rows.begin() + static_cast<std::ptrdiff_t>(first), rows.end(),
                       [&](const Row& r) { return overlap(&boxes[4 * i], &boxes[4 * r.box]) > s.overlap; }))
        rows.push_back({c, i, scores[c * n + i]});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.score > b.score; });
  rows.resize(std::min(rows.size(), s.keep));
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.cls < b.cls; });
  std::vector<float> out;
  for (const Row& r : rows) {
    out.push_back(static_cast<float>(r.cls)), out.push_back(r.score);
    out.insert(out.end(), &boxes[4 * r.box], &boxes[4 * r.box] + 4);
  }
  return out;
}

TEST(PaddleModels, SuppressionInTheGraphGivesWhatTheCutOutputsGiveByHand) {
  struct Case {
    const char* name;
    std::vector<std::string> cut;
    std::vector<std::pair<std::string, Shape>> inputs;
  };
  const Case cases[] = {
      {"picodet_v2_s_nms", {"tmp_21", "concat_4.tmp_0"}, {{"image", {1, 3, 320, 320}}, {"scale_factor", {1, 2}}}},
      {"ppyoloe_plus_nms", {"tmp_21", "concat_14.tmp_0"}, {{"image", {1, 3, 640, 640}}, {"scale_factor", {1, 2}}}}};
  for (const Case& c : cases) {
    const auto path = shared_file(std::string("models/graphs/") + c.name + ".pdmodel");
    if (!path) GTEST_SKIP() << "the shared models are missing";
    const paddle::ProgramDesc program = parse(*path);
    const TempModel model(program.SerializeAsString(), seeded_parameters(program));
    std::vector<Shape> shapes;
    for (const auto& in : c.inputs) shapes.push_back(in.second);
    auto cut = convert_model(model.folder(), {.outputs = c.cut, .input_shapes = c.inputs});
    auto whole = convert_model(model.folder(), {.input_shapes = c.inputs});
    ASSERT_TRUE(cut) << cut.error().text;
    ASSERT_TRUE(whole) << whole.error().text;
    const Outcome parts = run_bytes(*cut, shapes), rows = run_bytes(*whole, shapes);
    ASSERT_EQ(parts.outputs.size(), 2u);
    ASSERT_EQ(rows.outputs.size(), 2u);
    const auto want = suppressed(parts.outputs[0], parts.outputs[1], suppression_of(program));
    EXPECT_GT(want.size(), 6u * 10) << c.name;
    EXPECT_EQ(rows.outputs[0], want) << c.name;
    EXPECT_EQ(rows.outputs[1], std::vector<float>{static_cast<float>(want.size() / 6)});
  }
}

TEST(PaddleModels, SegmentersTakeSeveralSizesInOneSession) {
  for (const char* name : {"pp_liteseg_t_stdc1_argmax", "pp_liteseg_b_stdc2_cityscapes"}) {
    const auto path = shared_file(std::string("models/graphs/") + name + ".pdmodel");
    if (!path) GTEST_SKIP() << "the shared models are missing";
    const paddle::ProgramDesc program = parse(*path);
    const TempModel file(program.SerializeAsString(), seeded_parameters(program));
    auto bytes = convert_model(file.folder());
    ASSERT_TRUE(bytes) << bytes.error().text;
    auto model = Model::from_bytes(*bytes, "test");
    ASSERT_TRUE(model);
    auto session = Session::create(*model, {.threads = 2, .precision = Precision::kF32, .plans_kept = 3});
    ASSERT_TRUE(session) << session.error().text;
    std::vector<std::byte> first;
    for (const Shape& size :
         {Shape{1, 3, 512, 1024}, Shape{1, 3, 256, 352}, Shape{2, 3, 128, 96}, Shape{1, 3, 512, 1024}}) {
      ASSERT_TRUE(session->resize_input(0, size));
      ASSERT_TRUE(session->prepare());
      const auto in = session->input(0).f32();
      const auto values = input_values(in.size());
      std::copy(values.begin(), values.end(), in.begin());
      ASSERT_TRUE(session->run());
      const octet::Tensor out = session->output(0);
      EXPECT_EQ(out.shape[0], size[0]);
      EXPECT_EQ(out.shape[-1], size[3]);
      const auto* data = static_cast<const std::byte*>(out.data);
      std::vector<std::byte> now(data, data + static_cast<size_t>(out.shape.elements()) * size_of(out.dtype));
      if (first.empty()) first = now;
      if (size[2] == 512) {
        EXPECT_EQ(now, first) << name;
      }
    }
  }
}

}  // namespace
}  // namespace octet::convert
