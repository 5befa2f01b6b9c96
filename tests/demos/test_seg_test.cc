// The program as its users meet it: result lines, files, messages.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/vision/program.h"
#include "tests/vision/scratch.h"
#include "vision/image.h"

namespace octet::test {
namespace {

namespace fs = std::filesystem;

const std::string kModel = std::string(OCTET_SOURCE_DIR) + "/models/segmenter.onnx";
const std::string kData = std::string(OCTET_SOURCE_DIR) + "/models/data/eval";

TEST(TestSeg, MistakesAreNamed) {
  struct Case {
    const char* arguments;
    const char* expected;
  };
  for (const auto& [arguments, expected] : {Case{"", "--model_path"},
                                            {"--model_path x --device GPU", "--device CPU"},
                                            {"--model_path x --use_trt True", "--use_trt"},
                                            {"--model_path x --dataset moon", "--dataset"},
                                            {"--model_path x --config gone.yml", "gone.yml"},
                                            {"--model_path x --label_dir gone", "gone"},
                                            {"--model_path gone.octet", "gone.octet: No such file"}}) {
    const Outcome o = run(arguments);
    EXPECT_GT(o.code, 0) << arguments;
    EXPECT_TRUE(contains(o.text, expected)) << arguments << "\n" << o.text;
  }
  EXPECT_TRUE(contains(run("--model_path " + kModel).text, "nothing to evaluate"));
  const Outcome int8 = run("--model_path " + kModel + " --precision int8 --image_dir " + kData +
                           "/images --label_dir " + kData + "/labels");
  EXPECT_TRUE(contains(int8.text, "is not quantised")) << int8.text;
}

TEST(TestSeg, EvaluatesADataSetOfPaddleSeg) {
  const Scratch scratch;
  std::string list;
  for (const char* number : {"000", "001", "002", "003"})
    list += std::string("images/eval_") + number + ".jpg labels/eval_" + number + ".png\n";
  scratch.write("list.txt", list);
  scratch.write("base.yml",
                "val_dataset:\n  type: Dataset\n  num_classes: 11\n  transforms:\n    - {type: Normalize}\n");
  const std::string config = scratch.write("data.yml", "_base_: base.yml\nval_dataset: {dataset_root: " + kData +
                                                           ", val_path: " + scratch.path("list.txt") + "}\n");
  const Outcome o = run("--model_path " + kModel + " --config " + config + " --benchmark False --cpu_threads 2");
  EXPECT_EQ(o.code, 0) << o.text;
  const size_t start = o.text.find("Start evaluating (total_samples: 4, total_iters: 4).");
  const size_t batch = o.text.find("[Benchmark]Batch size: 1, Inference time(ms): min=");
  const size_t images = o.text.find("[Benchmark] #Images: 4 mIoU: 0.");
  ASSERT_NE(images, std::string::npos) << o.text;
  EXPECT_LT(start, batch);
  EXPECT_LT(batch, images) << "the two lines come last";
  const size_t accuracy = o.text.find(" Acc: ", images);
  EXPECT_GT(std::stod(o.text.substr(accuracy + 6)), .9) << "wrong preprocessing gives far less\n" << o.text;
  EXPECT_TRUE(contains(o.text, " Kappa: 0.")) << o.text;
  EXPECT_TRUE(contains(o.text, "class 10                 IoU ")) << o.text;
}

std::string scores_of(const Outcome& o) {
  const size_t at = o.text.find("mIoU: ");
  return at == o.text.npos ? o.text : o.text.substr(at);
}

TEST(TestSeg, FlagsWinOverTheYaml) {
  const Scratch scratch;
  scratch.write("list.txt", "images/eval_000.jpg labels/eval_000.png\n");
  const auto config = [&](const char* name, const char* more) {
    return scratch.write(name, "val_dataset: {type: Dataset, num_classes: 11, dataset_root: " + kData + ", val_path: " +
                                   scratch.path("list.txt") + more + ", transforms: [{type: Normalize}]}\n");
  };
  const std::string all = config("all.yml", ""), ignoring = config("ignoring.yml", ", ignore_index: 0");
  const std::string command = "--benchmark=False --model_path " + kModel + " --dataset_config ";
  const std::string usual = scores_of(run(command + all)), ignored = scores_of(run(command + ignoring));
  EXPECT_TRUE(usual.starts_with("mIoU: ")) << usual;
  EXPECT_NE(usual, ignored);
  EXPECT_EQ(scores_of(run(command + ignoring + " --ignore_index 255")), usual);
  EXPECT_EQ(scores_of(run(command + all + " --ignore_index 0")), ignored);
}

TEST(TestSeg, DrawsAPicture) {
  const Scratch scratch;
  const std::string picture = kData + "/images/eval_000.jpg";
  const Outcome o = run("--model_path " + kModel + " --dataset voc --image_file " + picture + " --save_file " +
                        scratch.path("ids.png"));
  EXPECT_EQ(o.code, 0) << o.text;
  EXPECT_TRUE(contains(o.text, "[Benchmark]Average inference time: ")) << o.text;
  EXPECT_TRUE(contains(o.text, "Saved result to " + scratch.path("ids.png"))) << o.text;
  const auto photo = vision::read_image(picture), overlay = vision::read_image(scratch.path("ids_overlay.png"));
  const auto ids = vision::read_labels(scratch.path("ids.png"));
  ASSERT_TRUE(ids) << ids.error().text;
  ASSERT_TRUE(overlay) << overlay.error().text;
  EXPECT_EQ(ids->size(), photo->size()) << "indices of a palette, in the photo's size";
  EXPECT_EQ(overlay->cols, 2 * photo->cols);
  EXPECT_GT(overlay->rows, photo->rows) << "the legend lies below";
  EXPECT_EQ(scratch.files(), 2u);
  EXPECT_TRUE(contains(
      run("--model_path " + kModel + " --image_file " + picture + " --save_file " + scratch.path("x.jpg")).text,
      ".png only"));
}

}  // namespace
}  // namespace octet::test
