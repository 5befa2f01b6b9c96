// The program as its users meet it: result lines, exit codes, messages.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/vision/program.h"
#include "tests/vision/scratch.h"

namespace octet::test {
namespace {

namespace fs = std::filesystem;

const std::string kModel = std::string(OCTET_SOURCE_DIR) + "/models/detector.onnx";
const std::string kData = std::string(OCTET_SOURCE_DIR) + "/models/data/eval";

TEST(PaddleInferenceEval, MistakesAreNamed) {
  struct Case {
    const char* arguments;
    const char* expected;
  };
  for (const auto& [arguments, expected] : {Case{"", "--model_path"},
                                            {"--model_path none.octet --device GPU", "--device GPU"},
                                            {"--model_path none.octet", "none.octet: No such file"},
                                            {"--model_path x --use_trt True", "--use_trt"},
                                            {"--model_path x --arch RCNN", "RCNN"},
                                            {"--model_path x --cpu_threads 0", "--cpu_threads"},
                                            {"--model_path x --device XPU", "use --device CPU"},
                                            {"--model_path x --mean 1,2", "--mean"},
                                            {"--model_path x --metric KITTI", "--metric"},
                                            {"--model_path x --reader_config gone.yml", "gone.yml"},
                                            {"--model_path x --benchmark maybe", "--benchmark"}}) {
    const Outcome o = run(arguments);
    EXPECT_GT(o.code, 0) << arguments;
    EXPECT_TRUE(contains(o.text, expected)) << arguments << "\n" << o.text;
  }
}

TEST(PaddleInferenceEval, BooleansAreReadAsPeopleWriteThem) {
  for (const char* value : {"True", "False", "true", "false", "1", "0"}) {
    const Outcome o = run(std::string("--model_path none.octet --use_dynamic_shape ") + value);
    EXPECT_TRUE(contains(o.text, "none.octet: No such file")) << value << "\n" << o.text;
  }
  EXPECT_FALSE(contains(run("--model_path none.octet --use_trt False").text, "use_trt"));
  for (const std::string value : {"", " true", "=False", " 0", "=1"}) {
    std::string all;
    for (const char* flag : {"--benchmark", "--cache", "--classwise", "--include_nms", "--use_mkldnn",
                             "--use_dynamic_shape", "--trt_calib_mode"})
      all += flag + value + " ";
    const Outcome o = run(all + "--model_path none.octet");
    EXPECT_TRUE(contains(o.text, "none.octet: No such file")) << all << "\n" << o.text;
  }
}

class WithModel : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(kModel)) GTEST_SKIP() << kModel << " is missing";
  }
};

TEST_F(WithModel, EvaluatesADataSet) {
  const Scratch scratch;
  const Outcome o =
      run("--model_path " + kModel + " --dataset_dir " + kData +
          " --val_image_dir images --val_anno_path instances.json --precision fp32 --cpu_threads 2 --save_json " +
          scratch.path("out.json"));
  EXPECT_EQ(o.code, 0) << o.text;
  const size_t summary = o.text.find(" Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = ");
  const size_t time = o.text.find("[Benchmark]Inference time(ms): min=");
  const size_t map = o.text.find("[Benchmark] COCO mAP: 0.");
  ASSERT_NE(map, std::string::npos) << o.text;
  EXPECT_LT(summary, time);
  EXPECT_LT(time, map);
  EXPECT_GT(std::stod(o.text.substr(map + 22)), .15) << "wrong preprocessing or decoding gives next to nothing";
  EXPECT_TRUE(fs::exists(scratch.path("out.json")));
}

TEST_F(WithModel, AnnotatesAPicture) {
  const Scratch scratch;
  const std::string picture = fs::directory_iterator(kData + "/images")->path().string();
  const Outcome o =
      run("--model_path " + kModel + " --image_file " + picture + " --output_file " + scratch.path("out.png"));
  EXPECT_EQ(o.code, 0) << o.text;
  EXPECT_TRUE(contains(o.text, "[Benchmark]Inference time(ms): min=")) << o.text;
  EXPECT_TRUE(contains(o.text, "The prediction results are saved in " + scratch.path("out.png"))) << o.text;
  EXPECT_TRUE(fs::exists(scratch.path("out.png")));
}

std::string reader(int side) {
  const std::string size = "[" + std::to_string(side) + ", " + std::to_string(side) + "]";
  return "EvalDataset: !COCODataSet {image_dir: images, anno_path: instances.json, dataset_dir: " + kData +
         "}\nEvalReader:\n  sample_transforms:\n    - Decode: {}\n    - Resize: {target_size: " + size +
         ", keep_ratio: True, interp: 1}\n    - Pad: {size: " + size +
         ", fill_value: [114., 114., 114.]}\n    - NormalizeImage: {norm_type: none}\n    - Permute: {}\n";
}

TEST_F(WithModel, BooleansMeanWhatTheySay) {
  const Scratch scratch;
  const std::string rest = " --image_file " + kData + "/images/eval_000.jpg --output_file " + scratch.path("out.png");
  for (const char* yes : {"--include_nms", "--include_nms true", "--include_nms=True", "--include_nms 1"}) {
    const Outcome o = run("--model_path " + kModel + " " + yes + rest);
    EXPECT_TRUE(contains(o.text, "--include_nms True: this model's outputs are boxes before NMS")) << yes << "\n"
                                                                                                   << o.text;
  }
  for (const char* no : {"--include_nms false", "--include_nms=False", "--include_nms 0"}) {
    const Outcome o = run("--model_path " + kModel + " " + no + rest);
    EXPECT_EQ(o.code, 0) << no << "\n" << o.text;
  }
}

// What ends in boxes needs no flag that says so.
TEST(PaddleInferenceEval, EndToEndModelsNeedNoFlag) {
  const char* given = std::getenv("OCTET_TEST_DATA");
  const std::string shared = given ? given : std::string(OCTET_SOURCE_DIR) + "/../shared";
  const std::string model = shared + "/cases/decode_not_recognised/e2e_head.onnx";
  if (!fs::exists(model)) GTEST_SKIP() << model << " is missing";
  const Scratch scratch;
  const std::string picture = kData + "/images/eval_000.jpg";
  const Outcome o =
      run("--model_path " + model + " --image_file " + picture + " --output_file " + scratch.path("o.png"));
  EXPECT_EQ(o.code, 0) << o.text;
  EXPECT_TRUE(contains(o.text, "class 3: 0.900")) << o.text;
}

TEST_F(WithModel, ReadsAPaddleReader) {
  const Scratch scratch;
  const std::string config = scratch.write("reader.yml", reader(320));
  const Outcome o = run("--model_path " + kModel + " --classwise True --reader_config " + config);
  const size_t map = o.text.find("[Benchmark] COCO mAP: 0.");
  ASSERT_NE(map, std::string::npos) << o.text;
  EXPECT_GT(std::stod(o.text.substr(map + 22)), .15);
  EXPECT_TRUE(contains(o.text, " crescent ")) << o.text;
  EXPECT_TRUE(contains(o.text, "[Benchmark]End to end, a batch of 1: median=")) << o.text;
  scratch.write("reader.yml", reader(416));
  EXPECT_TRUE(contains(run("--model_path " + kModel + " --reader_config " + config).text, "416 does not fit"));
}

TEST_F(WithModel, EvaluatesVoc) {
  const Scratch scratch;
  fs::copy_file(kData + "/images/eval_000.jpg", scratch.path("a.jpg"));
  scratch.write("a.xml",
                "<annotation><filename>a.jpg</filename><object><name>star</name><bndbox><xmin>0</xmin><ymin>0</ymin>"
                "<xmax>2</xmax><ymax>2</ymax></bndbox></object></annotation>");
  scratch.write("names.txt", "disc\nring\nsquare\ntriangle\nstar\ncross\ncrescent\narrow\npill\ngear\n");
  const std::string common =
      "--model_path " + kModel + " --dataset_dir " + scratch.path("") + " --val_image_dir . --val_anno_path . ";
  const Outcome o = run(common + "--label_list names.txt --map_type integral");
  EXPECT_TRUE(contains(o.text, "mAP(0.50, integral) = 0.00%")) << o.text;
  EXPECT_TRUE(contains(o.text, "[Benchmark] VOC mAP: 0.0\n")) << o.text;
  EXPECT_TRUE(contains(run(common).text, "tells 10 classes apart; the data set has 1"));
  const Outcome nms = run(common + "--label_list names.txt --include_nms True");
  EXPECT_EQ(nms.code, 1);
  EXPECT_TRUE(contains(nms.text, "--include_nms True")) << nms.text;
}

TEST_F(WithModel, WhatIsMissingIsNamed) {
  const Scratch scratch;
  scratch.write("list.json", R"({"images": [{"id": 1, "file_name": "gone.jpg"}], "categories": [)"
                             R"({"id": 1, "name": "x"}], "annotations": []})");
  const std::string data = "--model_path " + kModel + " --val_image_dir . --dataset_dir " + scratch.path("") + " ";
  for (const auto& [arguments, expected] : {std::pair("--val_anno_path list.json", "gone.jpg': no such file"),
                                            {"--val_anno_path none.json", "none.json': no such file"},
                                            {"--val_anno_path list.json --precision int8", "is not quantised"},
                                            {"--val_anno_path list.json --img_shape 333", "--img_shape 333"}}) {
    const Outcome o = run(data + arguments);
    EXPECT_EQ(o.code, 1) << arguments;
    EXPECT_TRUE(contains(o.text, expected)) << o.text;
  }
}

}  // namespace
}  // namespace octet::test
