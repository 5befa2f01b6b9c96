// Settings of PaddleDetection and PaddleSeg, and what they do to pictures.
#include <gtest/gtest.h>

#include <opencv2/imgproc.hpp>

#include "tests/vision/scratch.h"
#include "vision/reader_config.h"
#include "vision/seg_config.h"

namespace octet::vision {
namespace {

Result<ReaderConfig> reader(const std::string& text, bool single = false) {
  const test::Scratch scratch;
  scratch.write("reader.yml", text);
  return read_reader_config(scratch.path("reader.yml"), single);
}

Result<SegConfig> seg(const std::string& transforms) {
  const test::Scratch scratch;
  scratch.write("deploy.yaml", "Deploy:\n  transforms:\n" + transforms);
  return read_seg_config(scratch.path("deploy.yaml"));
}

TEST(ReaderConfig, DataSetAndTransforms) {
  const auto c = reader(R"(
metric: COCO
num_classes: 80
EvalDataset:
  !COCODataSet
    image_dir: val2017
    anno_path: annotations/instances_val2017.json
    dataset_dir: dataset/coco/
EvalReader:
  sample_transforms:
    - Decode: {}
    - Resize: {target_size: &eval_size [320, 416], keep_ratio: False, interp: 2}
    - NormalizeImage: {is_scale: true, mean: [0.485,0.456,0.406], std: [0.229, 0.224,0.225]}
    - Permute: {}
  batch_size: 4
)");
  ASSERT_TRUE(c) << c.error().text;
  EXPECT_EQ(c->dataset_dir, "dataset/coco/");
  EXPECT_EQ(c->image_dir, "val2017");
  EXPECT_EQ(c->anno_path, "annotations/instances_val2017.json");
  EXPECT_FALSE(c->voc);
  EXPECT_EQ(c->batch_size, 4);
  const Preprocess& p = c->preprocess;
  EXPECT_EQ(p.resize, Resize::kStretch);
  EXPECT_EQ(p.height, 320);
  EXPECT_EQ(p.width, 416);
  EXPECT_EQ(p.interpolation, 2);
  EXPECT_EQ(p.scale, 1.0f / 255);
  EXPECT_EQ(p.mean[0], .485f);
  EXPECT_FALSE(p.on_float);
}

TEST(ReaderConfig, Voc) {
  const auto c = reader(R"(
metric: VOC
map_type: integral
EvalDataset: !VOCDataSet {dataset_dir: voc, anno_path: test.txt, label_list: labels.txt}
EvalReader:
  sample_transforms:
    - Resize: {target_size: 300, keep_ratio: False, interp: 1}
    - NormalizeImage: {is_scale: false, mean: [127.5, 127.5, 127.5], std: [127.502231, 127.502231, 127.502231]}
)");
  ASSERT_TRUE(c) << c.error().text;
  EXPECT_TRUE(c->voc);
  EXPECT_FALSE(c->eleven_point);
  EXPECT_EQ(c->label_list, "labels.txt");
  EXPECT_EQ(c->preprocess.scale, 1);
  EXPECT_EQ(c->preprocess.std[2], 127.502231f);
}

TEST(ReaderConfig, KeptRatioPaddedToASizeOrAStride) {
  const char* head =
      "TestReader:\n  sample_transforms:\n    - Resize: {target_size: [64, 64], keep_ratio: True, interp: 1}\n";
  auto c = reader(std::string(head) +
                  "    - Pad: {size: [64, 64], fill_value: [114., 114., 114.]}\n"
                  "    - NormalizeImage: {norm_type: none, mean: [9, 9, 9]}\n");
  ASSERT_TRUE(c) << c.error().text;
  const cv::Mat picture(100, 33, CV_8UC3, cv::Scalar(255, 255, 255));
  Geometry g = fit(100, 33, c->preprocess);
  EXPECT_EQ(g.placed_height, 64);
  EXPECT_EQ(g.placed_width, 21);  // 33 * .64 = 21.12
  EXPECT_EQ(g.pad_x, 0);
  std::vector<float> out(3 * 64 * 64);
  preprocess(picture, c->preprocess, out);
  EXPECT_FLOAT_EQ(out[20], 1);
  EXPECT_FLOAT_EQ(out[21], 114 / 255.0f);
  c = reader(std::string(head) +
                 "    - NormalizeImage: {is_scale: false, mean: [5, 5, 5], std: [1, 1, 1]}\n"
                 "  batch_transforms:\n    - PadBatch: {pad_to_stride: 32}\n",
             true);
  ASSERT_TRUE(c) << c.error().text;
  g = fit(100, 33, c->preprocess);
  EXPECT_EQ(g.input_height, 64);
  EXPECT_EQ(g.input_width, 32);
  std::vector<float> strided(3 * 64 * 32);
  preprocess(picture, c->preprocess, strided);
  EXPECT_FLOAT_EQ(strided[20], 250);
  EXPECT_FLOAT_EQ(strided[21], 0) << "after normalising, the border is 0";
}

TEST(ReaderConfig, LetterBox) {
  const auto c = reader("EvalReader: {sample_transforms: [{LetterBoxResize: {target_size: [64, 64]}}]}");
  ASSERT_TRUE(c) << c.error().text;
  EXPECT_EQ(fit(100, 50, c->preprocess).pad_x, 16);
}

TEST(ReaderConfig, InferCfg) {
  const auto c = reader(R"(
mode: paddle
arch: YOLO
Preprocess:
- {interp: 2, keep_ratio: false, target_size: [640, 640], type: Resize}
- {is_scale: true, mean: [0.0, 0.0, 0.0], norm_type: none, std: [1.0, 1.0, 1.0], type: NormalizeImage}
- {type: Permute}
label_list: [person, bicycle]
)");
  ASSERT_TRUE(c) << c.error().text;
  EXPECT_EQ(c->names, (std::vector<std::string>{"person", "bicycle"}));
  EXPECT_EQ(c->preprocess.height, 640);
}

// inference.yml, beside programs of Paddle 3: with aliases, and settings of other engines.
TEST(ReaderConfig, InferenceYml) {
  const auto c = reader(R"(
mode: paddle
Global: {model_name: PP-DocLayout-S}
arch: GFL
Preprocess:
- {interp: 2, keep_ratio: false, target_size: [480, 320], type: Resize}
- {is_scale: true, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], type: NormalizeImage}
- {type: Permute}
label_list: [text]
Hpi:
  backend_configs:
    paddle_infer: {trt_dynamic_shapes: &id001 {image: [[1, 3, 480, 320]]}}
    tensorrt: {dynamic_shapes: *id001}
)");
  ASSERT_TRUE(c) << c.error().text;
  EXPECT_EQ(c->names, std::vector<std::string>{"text"});
  EXPECT_EQ(c->preprocess.height, 480);
  EXPECT_EQ(c->preprocess.width, 320);
}

TEST(ReaderConfig, MistakesAreNamed) {
  struct Case {
    const char* text;
    const char* expected;
  };
  for (const auto& [text, expected] :
       {Case{"EvalReader: {sample_transforms: [{RandomFlip: {}}]}", "RandomFlip"},
        {"EvalReader: {sample_transforms: [{LetterBox: {target_size: 64, interp: 9}}]}", "interp"},
        {"EvalReader: {sample_transforms: [{PadStride: {stride: 2147483647}}]}", "16384"},
        {"EvalReader: {sample_transforms: [{Pad: {size_divisor: 20000}}]}", "16384"},
        {"EvalReader: {sample_transforms: [{Resize: {target_size: [0, 5]}}]}", "Resize"},
        {"EvalReader: {sample_transforms: [{Resize: {target_size: x}}]}", "line 1"},
        {"EvalReader: {sample_transforms: [{NormalizeImage: {std: [1, 0, 1]}}]}", "std"},
        {"EvalReader: {sample_transforms: 7}", "list"},
        {"EvalReader: [", "reader.yml"},
        {"[]", "not a map"},
        {"a: 1", "sample_transforms"}}) {
    const auto c = reader(text);
    ASSERT_FALSE(c) << text;
    EXPECT_NE(c.error().text.find(expected), std::string::npos) << text << "\n" << c.error().text;
    EXPECT_NE(c.error().text.find("reader.yml"), std::string::npos) << c.error().text;
  }
  EXPECT_NE(read_reader_config("/none.yml", false).error().text.find("/none.yml"), std::string::npos);
}

TEST(SegConfig, SizesOfEachTransform) {
  struct Case {
    const char* transforms;
    int height, width;  // of the input for a picture of 100 x 200
  };
  for (const auto& [transforms, height, width] :
       {Case{"  - {type: Normalize}\n", 100, 200},
        {"  - {type: Resize, target_size: [64, 32]}\n", 32, 64},
        {"  - {type: Resize, target_size: [60, 90], keep_ratio: True}\n", 45, 90},
        {"  - {type: Resize, target_size: [60, 90], keep_ratio: True, size_divisor: 32}\n", 64, 96},
        {"  - {type: ResizeByLong, long_size: 50}\n", 25, 50},
        {"  - {type: ResizeByShort, short_size: 50}\n", 50, 100},
        {"  - {type: ResizeByShort, short_size: 50, max_size: 80}\n", 40, 80},
        {"  - {type: LimitLong, max_long: 100}\n", 50, 100},
        {"  - {type: LimitLong, min_long: 400}\n", 200, 400},
        {"  - {type: LimitLong, max_long: 300, min_long: 150}\n", 100, 200},
        {"  - {type: Padding, target_size: [256, 128]}\n", 128, 256},
        {"  - {type: PaddingByAspectRatio, aspect_ratio: 1.0}\n  - {type: Resize, target_size: [50, 50]}\n", 50, 50}}) {
    const auto c = seg(transforms);
    ASSERT_TRUE(c) << transforms << c.error().text;
    const Geometry g = fit(100, 200, c->preprocess);
    EXPECT_EQ(g.input_height, height) << transforms;
    EXPECT_EQ(g.input_width, width) << transforms;
  }
}

TEST(SegConfig, AspectRatioIsPaddedBeforeResizing) {
  const auto c =
      seg("  - {type: PaddingByAspectRatio, aspect_ratio: 1.0}\n  - {type: Resize, target_size: [4, 4]}\n"
          "  - {type: Normalize, mean: [0, 0, 0], std: [1, 1, 1]}\n");
  ASSERT_TRUE(c) << c.error().text;
  std::vector<float> out(3 * 16);
  preprocess(cv::Mat(8, 4, CV_8UC3, cv::Scalar(255, 255, 255)), c->preprocess, out);
  EXPECT_FLOAT_EQ(out[0], 1);
  EXPECT_FLOAT_EQ(out[3], 127.5f / 255);
}

TEST(SegConfig, AspectRatioDoesNotMakeAPictureHuge) {
  const Preprocess p{.height = 0, .width = 0, .resize = Resize::kStretch, .aspect_ratio = 100};
  EXPECT_EQ(fit(1000, 1, p).padded_width, 100'000);
  EXPECT_EQ(fit(1 << 20, 1, p).padded_width, 1) << "2^20 x 104857600 pixels";
}

TEST(SegConfig, BaseFilesThatNameThemselvesOftenEnd) {
  const test::Scratch scratch;
  std::string names;
  for (int i = 0; i < 50; ++i) names += "seg.yml,";
  scratch.write("seg.yml", "_base_: [" + names + "]");
  const auto c = read_seg_config(scratch.path("seg.yml"));  // 50^8 files
  ASSERT_FALSE(c);
  EXPECT_NE(c.error().text.find("_base_"), std::string::npos) << c.error().text;
}

TEST(SegConfig, ResizesWithoutRounding) {
  cv::Mat ramp(1, 2, CV_8UC3, cv::Scalar(0, 0, 0));
  ramp.at<cv::Vec3b>(0, 1) = {255, 255, 255};
  const auto c =
      seg("  - {type: Resize, target_size: [8, 1]}\n  - {type: Normalize, mean: [0, 0, 0], std: [1, 1, 1]}\n");
  ASSERT_TRUE(c) << c.error().text;
  std::vector<float> out(3 * 8);
  preprocess(ramp, c->preprocess, out);
  EXPECT_FLOAT_EQ(out[2], .125f) << "on bytes it would be 32 / 255";
}

TEST(SegConfig, BaseFilesAndLists) {
  const test::Scratch scratch;
  scratch.write("base.yml",
                "batch_size: 4\nval_dataset:\n  type: Dataset\n  num_classes: 5\n  ignore_index: 9\n  transforms:\n"
                "    - {type: Normalize}\n");
  scratch.write("list.txt", "a.jpg,a.png\nb.jpg,b.png\n");
  scratch.write("child.yml", "_base_: base.yml\nval_dataset:\n  dataset_root: " + scratch.path("") +
                                 "\n  val_path: list.txt\n  separator: ','\n  num_classes: 3\n");
  const auto c = read_seg_config(scratch.path("child.yml"));
  ASSERT_TRUE(c) << c.error().text;
  EXPECT_EQ(c->classes, 3) << "the child wins";
  EXPECT_EQ(c->ignore_index, 9) << "the base fills in";
  ASSERT_EQ(c->images.size(), 2u);
  EXPECT_EQ(c->images[1].labels, scratch.path("b.png"));
  EXPECT_EQ(c->preprocess.mean[1], .5f);
  scratch.write("alone.yml",
                "_base_: base.yml\nval_dataset:\n  _inherited_: False\n  type: Dataset\n  val_path: list.txt\n"
                "  separator: ','\n  dataset_root: " +
                    scratch.path("") + "\n");
  const auto alone = read_seg_config(scratch.path("alone.yml"));
  ASSERT_TRUE(alone) << alone.error().text;
  EXPECT_EQ(alone->classes, 0);
}

TEST(SegConfig, Cityscapes) {
  const test::Scratch scratch;
  const std::string root = scratch.path("");
  std::filesystem::create_directories(root + "/leftImg8bit/val/x");
  std::filesystem::create_directories(root + "/gtFine/val/x");
  scratch.write("leftImg8bit/val/x/b_leftImg8bit.png", "");
  scratch.write("leftImg8bit/val/x/a_leftImg8bit.png", "");
  scratch.write("gtFine/val/x/a_gtFine_labelTrainIds.png", "");
  scratch.write("c.yml",
                "val_dataset: {type: Cityscapes, dataset_root: " + root + ", transforms: [{type: Normalize}]}");
  const auto uneven = read_seg_config(scratch.path("c.yml"));
  ASSERT_FALSE(uneven);
  EXPECT_NE(uneven.error().text.find("2 images"), std::string::npos) << uneven.error().text;
  scratch.write("gtFine/val/x/b_gtFine_labelTrainIds.png", "");
  const auto c = read_seg_config(scratch.path("c.yml"));
  ASSERT_TRUE(c) << c.error().text;
  EXPECT_EQ(c->classes, 19);
  EXPECT_TRUE(c->images[0].image.ends_with("a_leftImg8bit.png"));
  EXPECT_TRUE(c->images[0].labels.ends_with("a_gtFine_labelTrainIds.png"));
}

TEST(SegConfig, MistakesAreNamed) {
  const test::Scratch scratch;
  struct Case {
    const char* text;
    const char* expected;
  };
  for (const auto& [text, expected] :
       {Case{"_base_: seg.yml", "nest too deeply"},
        {"Deploy: {transforms: [{type: ResizeByShort, short_size: 2147483647}]}", "16384"},
        {"Deploy: {transforms: [{type: Resize, size_divisor: 2147483647}]}", "16384"},
        {"Deploy: {transforms: [{type: LimitLong, max_long: -1}]}", "16384"},
        {"_base_: gone.yml", "gone.yml"},
        {"_base_: [/]", "/: is a folder"},
        {"val_dataset: {type: Moon}", "Moon"},
        {"val_dataset: {type: Dataset}", "val_path"},
        {"val_dataset: {type: Dataset, val_path: gone.txt}", "gone.txt"},
        {"Deploy: {transforms: [{type: RandomFlip}]}", "RandomFlip"},
        {"Deploy: {transforms: [{type: ResizeByLong}]}", "seg.yml"},
        {"x: 1", "neither Deploy nor val_dataset"}}) {
    scratch.write("seg.yml", text);
    const auto c = read_seg_config(scratch.path("seg.yml"));
    ASSERT_FALSE(c) << text;
    EXPECT_NE(c.error().text.find(expected), std::string::npos) << text << "\n" << c.error().text;
  }
}

TEST(ReadPreprocess, BothKindsOfFile) {
  const test::Scratch scratch;
  scratch.write("a.yml", "EvalReader: {sample_transforms: [{Resize: {target_size: 64, keep_ratio: false}}]}");
  scratch.write("b.yml", "Deploy: {transforms: [{type: Resize, target_size: [32, 64]}]}");
  ASSERT_TRUE(read_preprocess(scratch.path("a.yml")));
  EXPECT_FALSE(read_preprocess(scratch.path("a.yml"))->on_float);
  EXPECT_EQ(read_preprocess(scratch.path("b.yml"))->height, 64);
  EXPECT_FALSE(read_preprocess(scratch.path("c.yml")));
}

}  // namespace
}  // namespace octet::vision
