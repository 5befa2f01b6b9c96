// Synthetic programs: each op alone, and the ways in which real programs put them together.
#include "tests/fuzz/paddle_seeds.h"

#include <fstream>

#include "converter/import/paddle/ops/ops.h"
#include "tests/converter/paddle/program.h"

namespace octet::fuzz {
namespace {

using namespace convert;
using Dims = std::vector<int64_t>;

// One op on a picture, further operands constants; attributes of several ops, which others ignore.
TestProgram single(const PaddleOp& op) {
  TestProgram p;
  std::vector<Arguments> inputs;
  for (std::string_view parameter : op.needs) {
    if (parameter.empty()) continue;
    std::string name;
    if (inputs.empty())
      name = p.input("x", {1, 4, 6, 6});
    else if (parameter == "Filter")
      name = p.random({4, 4, 1, 1});
    else if (parameter == "Y" || parameter == "W")
      name = p.random({6, 6});
    else if (parameter == "Scale" || parameter == "Bias" || parameter == "Alpha")
      name = p.random({4});
    else
      name = p.longs({1, 2});
    inputs.push_back({std::string(parameter), {name}});
  }
  const bool linear = op.name.ends_with("_linear");
  if (op.quantises) inputs.push_back({linear ? "Scale" : "InScale", {p.floats({1}, {2})}});
  std::string output = "Out";
  if (op.name.find("conv2d") != std::string_view::npos) output = "Output";
  if (op.name.find("norm") != std::string_view::npos || linear || op.name == "stack") output = "Y";
  p.output(p.op(std::string(op.name), inputs,
                {attr("ksize", Dims{2, 2}), attr("strides", Dims{2, 2}), attr("out_h", 3), attr("out_w", 4),
                 attr("dtype", 5), attr("out_dtype", 5), attr("depth", 3)},
                output));
  return p;
}

std::string batch_norm(TestProgram& p, const std::string& x, int64_t channels) {
  return p.op("batch_norm",
              {{"X", {x}},
               {"Scale", {p.random({channels})}},
               {"Bias", {p.random({channels})}},
               {"Mean", {p.random({channels})}},
               {"Variance", {p.floats({channels}, std::vector<float>(static_cast<size_t>(channels), 1))}}},
              {attr("epsilon", 1e-5f), attr("out_threshold", 3.0f)}, "Y");
}

// A convolution as training's ops leave it, a residual, sizes from shape and slice, a classifier.
TestProgram network(bool linear) {
  TestProgram p;
  const std::string x = p.input("x", {-1, 3, 8, 8}), scale = p.floats({1}, {2});
  std::string q, w;
  if (linear) {
    q = p.op("quantize_linear", {{"X", {x}}, {"Scale", {scale}}}, {attr("quant_axis", -1)}, "Y");
    q = p.op("dequantize_linear", {{"X", {q}}, {"Scale", {scale}}}, {attr("quant_axis", -1)}, "Y");
    w = p.op("dequantize_linear",
             {{"X", {p.int8s({4, 3, 3, 3}, std::vector<int8_t>(108, 7))}}, {"Scale", {p.random({4})}}},
             {attr("quant_axis", 0)}, "Y");
  } else {
    q = p.op("fake_quantize_dequantize_moving_average_abs_max", {{"X", {x}}, {"InScale", {scale}}},
             {attr("bit_length", 8)});
    w = p.op("fake_channel_wise_quantize_dequantize_abs_max", {{"X", {p.random({4, 3, 3, 3})}}},
             {attr("quant_axis", 0)});
  }
  std::string y = batch_norm(p, p.conv(q, w, 1), 4);
  y = p.op("elementwise_add", {{"X", {y}}, {"Y", {p.conv(x, p.random({4, 3, 1, 1}))}}}, {attr("axis", -1)});
  y = p.op("hard_swish", {{"X", {y}}}, {attr("threshold", 6.0f), attr("scale", 6.0f), attr("offset", 3.0f)});
  y = p.op("pool2d", {{"X", {y}}}, {attr("ksize", Dims{2, 2}), flag("adaptive", true), attr("pooling_type", "avg")});
  const std::string shape = p.op("shape", {{"Input", {x}}});
  const std::string size =
      p.op("slice", {{"Input", {shape}}}, {attr("axes", Dims{0}), attr("starts", Dims{2}), attr("ends", Dims{4})});
  y = p.op("bilinear_interp_v2", {{"X", {y}}, {"OutSize", {size}}}, {flag("align_corners", false)});
  y = p.op("reshape2", {{"X", {y}}}, {attr("shape", Dims{0, -1})});
  p.output(p.op("matmul_v2", {{"X", {y}}, {"Y", {p.random({256, 2})}}}));
  return p;
}

TestProgram detector() {
  TestProgram p;
  const std::string x = p.input("x", {1, 14, 4, 4}), size = p.input("size", {1, 2}, 2);
  auto* yolo = p.proto.mutable_blocks(0);
  const std::string boxes = p.op("yolo_box", {{"X", {x}}, {"ImgSize", {size}}},
                                 {attr("anchors", Dims{10, 14, 23, 27}), attr("class_num", 2),
                                  attr("conf_thresh", 0.1f), attr("downsample_ratio", 8), flag("clip_bbox", true)},
                                 "Boxes");
  auto* scores = yolo->mutable_ops(yolo->ops_size() - 1)->add_outputs();
  scores->set_parameter("Scores");
  scores->add_arguments("scores");
  const std::string turned = p.op("transpose2", {{"X", {"scores"}}}, {attr("axis", Dims{0, 2, 1})});
  p.output(p.op("multiclass_nms3", {{"BBoxes", {boxes}}, {"Scores", {turned}}},
                {attr("background_label", -1), attr("score_threshold", 0.05f), attr("nms_top_k", 10),
                 attr("keep_top_k", 5), attr("nms_threshold", 0.5f)}));
  return p;
}

}  // namespace

void write_paddle_seeds(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  int count = 0;
  const auto write = [&](const TestProgram& p) {
    const std::string bytes = PaddleInput{p.program_bytes(), p.parameter_bytes()}.bytes();
    std::ofstream(folder / std::to_string(++count), std::ios::binary) << bytes;
  };
  for (const PaddleOp& op : paddle_ops()) write(single(op));
  for (bool linear : {false, true}) write(network(linear));
  write(detector());
}

}  // namespace octet::fuzz
