// Golden models of what detectors end in: boxes from feature maps, and their suppression.
#include "tests/golden/models.h"

namespace octet::golden {
namespace {

using schema::DType;

struct Candidates {
  int boxes, scores;  // [1, 60, 4] corners, [1, 4, 60]
};

// Boxes of a grid, moved a little by the input, so that some overlap; scores that fall from the input's.
Candidates candidates(Net& net) {
  std::vector<float> corners;
  for (int i = 0; i < 60; ++i) {
    const auto x = static_cast<float>(i % 10) * 6, y = static_cast<float>(i / 10 % 3) * 8;
    corners.insert(corners.end(), {x, y, x + 12 + static_cast<float>(i % 7), y + 10 + static_cast<float>(i % 5)});
  }
  const int boxes = net.binary(net.input({1, 60, 1}), net.values({1, 60, 4}, corners), 3, schema::BinaryKind::add);
  const int scores = net.unary(net.input({1, 4, 60}), 3, schema::UnaryKind::act, act(schema::ActKind::sigmoid));
  return {boxes, scores};
}

ModelBuilder suppression() {
  Net net(61);
  const Candidates c = candidates(net);
  for (bool center : {false, true}) {
    schema::NonMaxSuppressionT a;
    a.center_point_box = center;
    net.out(net.node(a, {c.boxes, c.scores, net.whole({1}, {7}), net.values({1}, {0.4f}), net.values({1}, {0.5f})}, 2,
                     DType::s64));
  }
  for (bool normalized : {true, false}) {
    schema::MulticlassNmsT a;
    a.background = normalized ? 0 : -1;
    a.score_threshold = 0.3f, a.top_k = 30, a.keep_top_k = 25, a.iou_threshold = 0.55f;
    a.eta = normalized ? 1.0f : 0.9f;
    a.normalized = normalized, a.empty_row = normalized;
    for (int t : net.nodes(a, {c.boxes, c.scores}, {2, 2, 1}, {DType::f32, DType::s32, DType::s32})) net.out(t);
  }
  return std::move(net.b);
}

ModelBuilder priors() {
  Net net(62);
  const int map = net.input({1, 5, 7, 3}), image = net.input({1, 80, 112, 3});
  for (bool second : {false, true}) {
    schema::PriorBoxT a;
    a.min_sizes = {16, 30}, a.max_sizes = {30, 60}, a.aspect_ratios = {2, 3}, a.variances = {0.1f, 0.1f, 0.2f, 0.2f};
    a.flip = a.clip = a.max_size_second = second;
    for (int t : net.nodes(a, {map, image}, {4, 4}, {DType::f32, DType::f32})) net.out(t);
  }
  return std::move(net.b);
}

// Boxes partly outside, one with its corners swapped, cut by a given number of samples and by as many as there are pixels.
ModelBuilder rois() {
  Net net(64);
  const int x = net.input({2, 9, 11, 5});
  const int boxes = net.values({4, 4}, {0, 0, 8, 6, 3.5f, 2.25f, 19, 17, -4, -3, 5, 30, 12, 10, 6, 4});
  const int images = net.whole({4}, {0, 1, 1, 0});
  for (schema::PoolKind kind : {schema::PoolKind::average, schema::PoolKind::max})
    for (int samples : {0, 2}) {
      schema::RoiAlignT a;
      a.kind = kind, a.samples = samples;
      a.out_h = 3, a.out_w = 4, a.scale = 0.5f;
      a.half_pixel = samples == 0;
      net.out(net.node(a, {x, boxes, images}, 4));
    }
  return std::move(net.b);
}

// What libm computed at version 0.1.0, and kernels/math.h computes now: the hashes are those of numerics 1 (FORMAT.md).
ModelBuilder libm_boxes() {
  Net net(63);
  const int x = net.input({2, 4, 5, 21}), aware = net.input({2, 4, 5, 24});
  const int sizes = net.b.constant<int32_t>("sizes", {2, 2}, {128, 160, 96, 120}, DType::s32);
  for (bool iou_aware : {false, true}) {
    schema::YoloBoxT a;
    a.anchors = {10, 13, 33, 23, 62, 45};
    a.classes = 2, a.score_threshold = 0.2f, a.clip = iou_aware, a.scale = iou_aware ? 1.05f : 1.0f,
    a.iou_aware = iou_aware;
    for (int t : net.nodes(a, {iou_aware ? aware : x, sizes}, {3, 3}, {DType::f32, DType::f32})) net.out(t);
  }
  const int prior = net.values({3, 4}, {10, 12, 30, 40, 5, 6, 50, 33, 20, 20, 44, 28});
  const int variances = net.values({4}, {0.1f, 0.1f, 0.2f, 0.2f});
  schema::BoxCoderT decode, encode;
  decode.axis = 1;
  encode.encode = true, encode.normalized = false;
  net.out(net.node(decode, {prior, variances, net.input({3, 5, 4})}, 3));
  net.out(net.node(encode, {prior, variances, net.values({2, 4}, {8, 9, 33, 41, 22, 20, 60, 30})}, 3));
  const Candidates c = candidates(net);
  for (bool gaussian : {false, true}) {
    schema::MatrixNmsT a;
    a.background = -1, a.score_threshold = 0.3f, a.post_threshold = 0.1f, a.top_k = 30, a.keep_top_k = 25;
    a.gaussian = gaussian;
    for (int t : net.nodes(a, {c.boxes, c.scores}, {2, 2, 1}, {DType::f32, DType::s32, DType::s32})) net.out(t);
  }
  return std::move(net.b);
}

}  // namespace

std::vector<NamedModel> detection_models() {
  return {{"suppression", suppression}, {"priors", priors}, {"libm_boxes", libm_boxes}, {"rois", rois}};
}

}  // namespace octet::golden
