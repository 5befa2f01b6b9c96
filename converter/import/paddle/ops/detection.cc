// Detection heads: yolo_box, prior_box, box_coder, multiclass_nms (1, 2 and 3), matrix_nms.
#include <algorithm>

#include "converter/import/paddle/ops/ops.h"

namespace octet::convert {

static void import_paddle_yolo_box(PaddleNode& n) {
  const TensorId x = n.in("X");
  if (!n.need_rank(x, 4)) return;
  schema::YoloBoxT op{.classes = n.bounded("class_num", n.i("class_num", 0), 1, 1 << 16),
                      .score_threshold = n.f("conf_thresh", 0),
                      .downsample = n.bounded("downsample_ratio", n.i("downsample_ratio", 32), 1, 1 << 16),
                      .clip = n.b("clip_bbox", true),
                      .scale = n.f("scale_x_y", 1),
                      .iou_aware = n.b("iou_aware", false),
                      .iou_aware_factor = n.f("iou_aware_factor", 0.5f)};
  for (int64_t size : n.ints("anchors", {})) op.anchors.push_back(n.bounded("anchors", size, 0, 1 << 24));
  const auto out = n.emit_all(std::move(op), {n.nhwc(x), n.cast(n.in("ImgSize"), DType::kS32)});
  n.result("Boxes", out[0]);
  n.result("Scores", out[1]);
}

static void import_paddle_prior_box(PaddleNode& n) {
  const TensorId x = n.in("Input"), image = n.in("Image");
  if (!n.need_rank(x, 4) || !n.need_rank(image, 4)) return;
  schema::PriorBoxT op{.min_sizes = n.float_list("min_sizes", {}),
                       .max_sizes = n.float_list("max_sizes", {}),
                       .aspect_ratios = n.float_list("aspect_ratios", {1}),
                       .variances = n.float_list("variances", {0.1f, 0.1f, 0.2f, 0.2f}),
                       .flip = n.b("flip", false),
                       .clip = n.b("clip", false),
                       .step_h = n.f("step_h", 0),
                       .step_w = n.f("step_w", 0),
                       .offset = n.f("offset", 0.5f),
                       .max_size_second = n.b("min_max_aspect_ratios_order", false)};
  const auto out = n.emit_all(std::move(op), {n.nhwc(x), n.nhwc(image)});
  n.result("Boxes", out[0]);
  n.result("Variances", out[1]);
}

static void import_paddle_box_coder(PaddleNode& n) {
  const std::string type = n.s("code_type", "encode_center_size");
  if (type != "encode_center_size" && type != "decode_center_size")
    return n.fail("code_type '" + type + "' is unknown");
  TensorId variances = n.in("PriorBoxVar");
  const auto given = n.float_list("variance", {});
  if (variances < 0 && !given.empty()) {
    if (given.size() != 4) return n.fail("attribute 'variance' needs 4 elements");
    variances = n.floats({4}, given);
  }
  const schema::BoxCoderT op{.encode = type == "encode_center_size",
                             .normalized = n.b("box_normalized", true),
                             .axis = n.bounded("axis", n.i("axis", 0), 0, 1)};
  n.result("OutputBox", n.emit(op, {n.in("PriorBox"), variances, n.in("TargetBox")}));
}

// Kept rows, their places and how many an image has; integers are s64 in the graph.
static void nms_results(PaddleNode& n, const std::vector<TensorId>& out, const char* count) {
  n.result("Out", out[0]);
  n.result("Index", n.cast(out[1], DType::kS64));
  n.result(count, n.cast(out[2], DType::kS64));
}

static void import_paddle_multiclass_nms(PaddleNode& n) {
  if (n.rank(n.in("Scores")) == 2) return suppress_regions(n);
  if (!n.need_rank(n.in("BBoxes"), 3) || !n.need_rank(n.in("Scores"), 3)) return;
  constexpr int kMost = 1 << 30;
  const schema::MulticlassNmsT op{.background = n.bounded("background_label", n.i("background_label", 0), -1, kMost),
                                  .score_threshold = n.f("score_threshold", 0),
                                  .top_k = n.bounded("nms_top_k", n.i("nms_top_k", -1), -1, kMost),
                                  .keep_top_k = n.bounded("keep_top_k", n.i("keep_top_k", -1), -1, kMost),
                                  .iou_threshold = n.f("nms_threshold", 0.3f),
                                  .eta = std::min(n.f("nms_eta", 1), 1.0f),  // 1.1 marks an export for TensorRT
                                  .normalized = n.b("normalized", true),
                                  .empty_row = n.type() == "multiclass_nms"};
  nms_results(n, n.emit_all(op, {n.in("BBoxes"), n.in("Scores")}), "NmsRoisNum");
}

static void import_paddle_matrix_nms(PaddleNode& n) {
  if (!n.need_rank(n.in("BBoxes"), 3) || !n.need_rank(n.in("Scores"), 3)) return;
  constexpr int kMost = 1 << 30;
  const schema::MatrixNmsT op{.background = n.bounded("background_label", n.i("background_label", 0), -1, kMost),
                              .score_threshold = n.f("score_threshold", 0),
                              .post_threshold = n.f("post_threshold", 0),
                              .top_k = n.bounded("nms_top_k", n.i("nms_top_k", -1), -1, kMost),
                              .keep_top_k = n.bounded("keep_top_k", n.i("keep_top_k", -1), -1, kMost),
                              .gaussian = n.b("use_gaussian", false),
                              .sigma = n.f("gaussian_sigma", 2),
                              .normalized = n.b("normalized", true)};
  nms_results(n, n.emit_all(op, {n.in("BBoxes"), n.in("Scores")}), "RoisNum");
}

static constexpr PaddleOp kPaddleDetectionRows[] = {
    {"box_coder", import_paddle_box_coder, {"PriorBox", "TargetBox"}},
    {"matrix_nms", import_paddle_matrix_nms, {"BBoxes", "Scores"}},
    {"multiclass_nms", import_paddle_multiclass_nms, {"BBoxes", "Scores"}},
    {"multiclass_nms2", import_paddle_multiclass_nms, {"BBoxes", "Scores"}},
    {"multiclass_nms3", import_paddle_multiclass_nms, {"BBoxes", "Scores"}},
    {"prior_box", import_paddle_prior_box, {"Input", "Image"}},
    {"yolo_box", import_paddle_yolo_box, {"X", "ImgSize"}},
};
extern constinit const PaddleRows kPaddleDetection{kPaddleDetectionRows};

}  // namespace octet::convert
