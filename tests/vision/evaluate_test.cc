// The whole way from pictures to metrics, on a trained detector whose accuracy another runtime gave.
#include "vision/evaluate.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "cli/open_model.h"
#include "vision/coco_eval.h"

namespace octet::vision {
namespace {

TEST(Latency, Summary) {
  const Latency l = summarise({3, 1, 2, 10});
  EXPECT_EQ(l.min_ms, 1);
  EXPECT_EQ(l.max_ms, 10);
  EXPECT_EQ(l.mean_ms, 4);
  EXPECT_EQ(l.median_ms, 2.5);
  EXPECT_EQ(summarise({5}).median_ms, 5);
  EXPECT_EQ(summarise({}).runs, 0u);
  EXPECT_EQ(latency_text({.min_ms = 1.234, .max_ms = 56.78, .mean_ms = 9.99}),
            "Inference time(ms): min=1.23, max=56.8, avg=10.0");
}

// ONNX Runtime's fp32 output of yolov5n on the first 16 pictures, through the same decoder and metrics.
constexpr double kReferenceAp = .4002;
constexpr size_t kPictures = 16;

TEST(Evaluate, DetectorAgreesWithAnotherRuntime) {
  const char* given = std::getenv("OCTET_TEST_DATA");
  const std::string shared = given ? given : std::string(OCTET_SOURCE_DIR) + "/../shared";
  const std::string file = shared + "/models/onnx/yolov5n_640.onnx";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is missing";
  auto dataset = read_coco(shared + "/data/coco_val128/instances.json");
  ASSERT_TRUE(dataset) << dataset.error().text;
  dataset->images.resize(kPictures);
  auto model = open_model(file);
  ASSERT_TRUE(model) << model.error().text;
  DetectorSetup setup{.arch = *arch_of("YOLOv5"), .session = {}};
  setup.session.threads = 2;
  setup.session.precision = Precision::kF32;
  auto detector = Detector::open(*model, setup);
  ASSERT_TRUE(detector) << detector.error().text;
  size_t steps = 0;
  const auto report = run_detector(*detector, {.dataset = &*dataset,
                                               .image_dir = shared + "/data/coco_val128/images",
                                               .progress = [&](size_t, size_t) { ++steps; }});
  ASSERT_TRUE(report) << report.error().text;
  EXPECT_NEAR(evaluate_coco(*dataset, report->detections).ap(), kReferenceAp, .002);
  EXPECT_EQ(steps, kPictures);
  EXPECT_EQ(report->latency.runs, kPictures);
}

}  // namespace
}  // namespace octet::vision
