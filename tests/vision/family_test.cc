// Which family counts: what outputs allow, what files say, and who has the last word.
#include "vision/family.h"

#include <gtest/gtest.h>
#include <octet/convert.h>

#include <fstream>

#include "cli/open_model.h"
#include "tests/vision/scratch.h"
#include "vision/decode/fitting.h"

namespace octet::vision {
namespace {

constexpr DType kF = DType::kF32, kI = DType::kS64;

struct Output {
  const char* name;
  DType dtype;
  Shape shape;
};

TEST(Forms, EachFormHasItsFamilies) {
  struct Case {
    std::vector<Output> outputs;
    size_t classes;
    const char* families;
  };
  const std::vector<Case> cases = {
      {{{"o", kF, {1, 6300, 85}}}, 0, "YOLOv5"},  // three boxes a cell: v7 reads alike
      {{{"o", kF, {1, 2125, 85}}}, 0, "YOLOv6"},  // strides to 64
      {{{"o", kF, {1, 2100, 85}}}, 0, "YOLOv6, YOLOX"},
      {{{"o", kF, {1, 2100, 84}}}, 0, "PPYOLOE, PPYOLOE+"},
      {{{"o", kF, {1, 2100, 112}}}, 0, "NanoDet"},
      {{{"o", kF, {1, 2100, 40}}}, 0, "YOLOv6, YOLOX, NanoDet, PPYOLOE, PPYOLOE+"},
      {{{"o", kF, {1, 2100, 40}}}, 8, "NanoDet"},
      {{{"o", kF, {1, 2100, 40}}}, 35, "YOLOv6, YOLOX"},
      {{{"o", kF, {1, 84, 2100}}}, 0, "YOLOv8"},
      {{{"o", kF, {1, 300, 6}}}, 0, "YOLOv8"},
      {{{"o", kF, {1, 2100, 6}}}, 1, "YOLOv6, YOLOX"},
      {{{"o", kF, {1, 9, 99}}}, 0, ""},
      {{{"b", kF, {1, 2034, 4}}, {"s", kF, {1, 2034, 91}}}, 0, "SSD, SSD-corners"},
      {{{"b", kF, {1, 2125, 4}}, {"s", kF, {1, 80, 2125}}}, 0, "PicoDet, PPYOLOE, PPYOLOE+"},
      {{{"l", kI, {1, 300}}, {"b", kF, {1, 300, 4}}, {"s", kF, {1, 300}}}, 0, "DETR"},
      {{{"s", kF, {1, 1600, 80}},
        {"s", kF, {1, 400, 80}},
        {"s", kF, {1, 100, 80}},
        {"s", kF, {1, 25, 80}},
        {"d", kF, {1, 1600, 32}},
        {"d", kF, {1, 400, 32}},
        {"d", kF, {1, 100, 32}},
        {"d", kF, {1, 25, 32}}},
       0,
       "PicoDet"},
      {{{"o", kF, {-1, 6}}, {"n", DType::kS32, {1}}}, 0, "PicoDet, PPYOLOE, PPYOLOE+, PPYOLO, BlazeFace"},
      {{{"o", kF, {1, 116, 2100}}, {"p", kF, {1, 32, 80, 80}}}, 0, "YOLOv8"},
      {{{"o", kF, {1, 6300, 117}}, {"p", kF, {1, 32, 80, 80}}}, 0, "YOLOv5"},
      {{{"o", kF, {1, 56, 2100}}}, 0, "YOLOv8, YOLOv8-pose, YOLOv8-obb"},
      {{{"o", kF, {1, 56, 2100}}}, 1, "YOLOv8-pose"},
      {{{"o", kF, {1, 20, 2100}}}, 15, "YOLOv8-obb"},
      {{{"o", kF, {1, 1000}}}, 0, "YOLOv8-cls"},
      {{{"o", kF, {1, 85, 20, 20}}}, 0, "FastestDet"},
      {{{"o", kF, {1, 300, 84}}}, 0, "DETR"},
      {{{"dets", kF, {1, 300, 4}}, {"labels", kF, {1, 300, 91}}}, 0, "RF-DETR"},
      {{{"logits", kF, {1, 300, 80}}, {"pred_boxes", kF, {1, 300, 4}}}, 0, "DETR"},
      {{{"c8", kF, {1, 1600, 80}}, {"d8", kF, {1, 1600, 32}}, {"c16", kF, {1, 400, 80}}, {"d16", kF, {1, 400, 32}}},
       0,
       "NanoDet"},
      {{{"s", kF, {3200, 1}}, {"s", kF, {800, 1}}, {"b", kF, {3200, 4}}, {"b", kF, {800, 4}}}, 0, "SCRFD"},
      {{{"b", kF, {1, 4200, 4}}, {"s", kF, {1, 4200, 2}}, {"p", kF, {1, 4200, 10}}}, 0, "RetinaFace"},
      {{{"s", kF, {1, 4420, 2}}, {"b", kF, {1, 4420, 4}}}, 0, "UltraFace"},
      {{{"o", kF, {1, 6300, 16}}}, 0, "YOLOv5, YOLO5Face"},
      {{{"o", kF, {1, 6300, 16}}}, 1, "YOLO5Face"},
      {{{"o", kF, {1, 11, 320, 320}}}, 0, "seg"},
      {{{"o", kI, {1, 320, 320}}}, 0, "seg"},
      {{{"o", kF, {1, 320, 320}}}, 0, "seg"},  // labels as floats
  };
  for (const Case& c : cases) {
    std::vector<Tensor> outputs;
    for (const Output& o : c.outputs) outputs.push_back({.name = o.name, .dtype = o.dtype, .shape = o.shape});
    const auto fits = fitting(outputs, 320, 320, c.classes);
    EXPECT_EQ(names_of(fits), c.families) << outputs[0].shape.text() << " of " << c.classes;
  }
}

TEST(Names, AsPythonPrintsThem) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(parse_names("{0: 'person', 1: \"it's\", 2: 'a\\'b\\\\', 3: 'caf\\xe9'}"),
            (Names{"person", "it's", "a'b\\", "caf\u00e9"}));
  EXPECT_EQ(parse_names("['disc', 'ring']"), (Names{"disc", "ring"}));
  EXPECT_EQ(parse_names("{2: 'c', 0: 'a'}"), (Names{"a", "class 1", "c"}));
  for (const char* other : {"", "person", "{0: person}", "['a'", "['a' 'b']", "{-1: 'a'}", "{99999999: 'a'}", "['\\x"})
    EXPECT_TRUE(parse_names(other).empty()) << other;
  const Names odd{"it's", "back\\slash", "new\nline", "\"", "\u00e9"};
  EXPECT_EQ(parse_names(names_text(odd)), odd);
}

class OfAModel : public testing::Test {
 protected:
  void SetUp() override {
    auto bytes = convert_model(OCTET_SOURCE_DIR "/models/detector.onnx", {});
    ASSERT_TRUE(bytes) << bytes.error().text;
    bytes_ = std::move(*bytes);
  }
  Model saying(const std::vector<std::pair<std::string, std::string>>& pairs) {
    auto bytes = with_metadata(bytes_, pairs);
    EXPECT_TRUE(bytes) << bytes.error().text;
    auto model = Model::from_bytes(*bytes, "m");
    EXPECT_TRUE(model) << model.error().text;
    return *model;
  }
  std::vector<std::byte> bytes_;
};

TEST_F(OfAModel, FlagThenFileThenOutputs) {
  const auto by_form = family_of(saying({}), {});
  ASSERT_TRUE(by_form) << by_form.error().text;
  EXPECT_EQ(by_form->arch.name, "YOLOv5");
  EXPECT_EQ(by_form->known_by, "its outputs");

  Preprocess own;
  own.height = own.width = 0;
  own.channels = Channels::kBgr, own.scale = 1, own.mean = {1, 2, 3.5f}, own.std = {4, 5, 6};
  own.sides = {.short_side = 7}, own.aspect_ratio = 1.5f, own.pad_zero = true;
  const Model told = saying(as_metadata({.arch = "YOLOX", .preprocess = own, .names = {"a", "b"}}));
  const auto by_file = family_of(told, {});
  ASSERT_TRUE(by_file) << by_file.error().text;
  EXPECT_EQ(by_file->arch.name, "YOLOX");
  EXPECT_EQ(by_file->known_by, "the file");
  EXPECT_TRUE(by_file->arch.preprocess == own);
  EXPECT_EQ(by_file->names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(by_file->arch.options.classes, 2);

  const auto by_flag = family_of(told, {.arch = "yolov8"});
  ASSERT_TRUE(by_flag);
  EXPECT_EQ(by_flag->arch.name, "YOLOv8");
  EXPECT_TRUE(by_flag->arch.preprocess == arch_of("YOLOv8")->preprocess) << "another family's is not its own";
  EXPECT_TRUE(family_of(told, {.arch = "yolox"})->arch.preprocess == own);
}

TEST_F(OfAModel, WhatExportersWrite) {
  const auto ultralytics = remembered_by(saying({{"task", "detect"}, {"names", "{0: 'a'}"}, {"kpt_shape", "[17, 3]"}}));
  ASSERT_TRUE(ultralytics);
  EXPECT_EQ(ultralytics->arch, "YOLOv8");
  EXPECT_EQ(ultralytics->names, std::vector<std::string>{"a"});
  EXPECT_EQ(ultralytics->key_points, 17);
  EXPECT_EQ(remembered_by(saying({{"task", "detect"}, {"description", "Ultralytics RTDETR-l model"}}))->arch, "DETR");
  const auto wrong = remembered_by(saying({{"octet.arch", "RCNN"}}));
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().text.find("'RCNN' is no family"), std::string::npos);
  for (const char* text : {"{", "{}", "[]", R"({"height": -1})"})
    EXPECT_FALSE(remembered_by(saying({{"octet.preprocess", text}}))) << text;
}

TEST_F(OfAModel, MetadataLeavesTheRestAsItWas) {
  const Model told = saying({{"octet.arch", "SSD"}, {"numerics", "9"}});
  EXPECT_EQ(told.metadata("octet.arch"), "SSD");
  EXPECT_EQ(told.metadata("numerics"), "1") << "not the caller's to say";
  const auto again = with_metadata(*with_metadata(bytes_, {{{"a", "1"}}}), {{{"a", "2"}}});
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, *with_metadata(bytes_, {{{"a", "2"}}})) << "a key that is there gets the new value";
  EXPECT_FALSE(with_metadata(std::span(bytes_).first(100), {})) << "no model";
}

// A Paddle export lies in a folder with infer_cfg.yml.
TEST(Beside, InferCfg) {
  const test::Scratch scratch;
  scratch.write("infer_cfg.yml",
                "arch: GFL\nPreprocess:\n- {interp: 2, keep_ratio: false, target_size: [416, 416], type: Resize}\n"
                "- {mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25], is_scale: true, type: NormalizeImage}\n"
                "- {type: Permute}\nlabel_list: [cat, dog]\n");
  for (const std::string& path : {scratch.path(""), scratch.path("model.pdmodel"), scratch.path("inference.json")}) {
    const auto found = remembered_beside(path);
    ASSERT_TRUE(found) << found.error().text;
    EXPECT_EQ(found->arch, "PicoDet");
    EXPECT_EQ(found->names, (std::vector<std::string>{"cat", "dog"}));
    ASSERT_TRUE(found->preprocess);
    EXPECT_EQ(found->preprocess->width, 416);
    EXPECT_EQ(found->preprocess->std[0], .25f);
  }
  EXPECT_TRUE(remembered_beside(scratch.path("model.onnx"))->arch.empty()) << "it belongs to Paddle programs";
  scratch.write("infer_cfg.yml", "Deploy: {transforms: [{type: Normalize}]}\n");
  EXPECT_FALSE(remembered_beside(scratch.path(""))->preprocess);
}

}  // namespace
}  // namespace octet::vision
