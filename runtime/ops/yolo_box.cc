// Boxes and scores from a YOLO head's feature map, with Paddle's arithmetic.
#include "runtime/ops/common.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"yolo_box"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  const auto& a = n.attributes<schema::YoloBox>();
  OCTET_TRY(check_type(n, m, 0, {DType::kF32}));
  OCTET_TRY(check_type(n, m, 1, {DType::kS32}));
  if (!a.anchors() || a.anchors()->size() == 0 || a.anchors()->size() % 2 || a.anchors()->size() > 2000)
    return bad_node(n, "anchors must be pairs");
  if (a.classes() < 1 || a.classes() > 1'000'000 || a.downsample() < 1)
    return bad_node(n, text_of(a.classes()) + " classes, a grid of " + text_of(a.downsample()));
  for (float v : {a.score_threshold(), a.scale(), a.iou_aware_factor()})
    if (!std::isfinite(v)) return bad_node(n, "an attribute that is not finite");
  return {};
}

int64_t anchors_of(const schema::YoloBox& a) { return a.anchors()->size() / 2; }

Result<void> infer(Inference& inf) {
  const auto& a = inf.node.attributes<schema::YoloBox>();
  const Shape &x = inf.shape(0), &sizes = inf.shape(1);
  const int64_t anchors = anchors_of(a), channels = anchors * (5 + a.classes() + a.iou_aware());
  if (x.rank() != 4 || !may_equal(x[3], channels))
    return inf.error(x.text() + " for " + text_of(anchors) + " anchors of " + text_of(a.classes()) + " classes");
  if (sizes.rank() != 2 || !may_equal(sizes[0], x[0]) || !may_equal(sizes[1], 2))
    return inf.error("image sizes " + sizes.text() + " for " + text_of(x[0]) + " images");
  const int64_t boxes = Shape{x[1], x[2], anchors}.elements();  // -1 where a size is unknown
  if (boxes < 0 && !inf.partial) return inf.error("too many boxes");
  inf.out(0, {x[0], boxes, 4});
  inf.out(1, {x[0], boxes, a.classes()});
  return {};
}

float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }

struct Job {
  int64_t h, w, anchors, classes;
  std::vector<float> sizes;  // w, h of each anchor
  float threshold, scale, iou_factor;
  int64_t downsample;
  bool clip, iou_aware;
  int x, image_sizes, boxes, scores;  // value ids
};

struct Cell {
  int64_t row, column;
  const float* x;  // its channels
};

void decode(const Job& job, const Cell& cell, int64_t anchor, const int32_t* image, float* box, float* scores) {
  const float* x = cell.x + (job.iou_aware ? job.anchors : 0) + anchor * (5 + job.classes);
  std::fill(box, box + 4, 0.0f);
  std::fill(scores, scores + job.classes, 0.0f);
  float confidence = sigmoid(x[4]);
  if (job.iou_aware)
    confidence = std::pow(confidence, 1 - job.iou_factor) * std::pow(sigmoid(cell.x[anchor]), job.iou_factor);
  if (!(confidence >= job.threshold)) return;
  const auto image_h = static_cast<float>(image[0]), image_w = static_cast<float>(image[1]);
  const auto grid_h = static_cast<float>(job.h), grid_w = static_cast<float>(job.w);
  const float bias = -0.5f * (job.scale - 1);
  const float cx = (static_cast<float>(cell.column) + sigmoid(x[0]) * job.scale + bias) * image_w / grid_w;
  const float cy = (static_cast<float>(cell.row) + sigmoid(x[1]) * job.scale + bias) * image_h / grid_h;
  const float* size = &job.sizes[static_cast<size_t>(2 * anchor)];
  const float w = std::exp(x[2]) * size[0] * image_w / static_cast<float>(job.downsample * job.w);
  const float h = std::exp(x[3]) * size[1] * image_h / static_cast<float>(job.downsample * job.h);
  box[0] = cx - w / 2, box[1] = cy - h / 2, box[2] = cx + w / 2, box[3] = cy + h / 2;
  if (job.clip) {
    box[0] = std::max(box[0], 0.0f), box[1] = std::max(box[1], 0.0f);
    box[2] = std::min(box[2], image_w - 1), box[3] = std::min(box[3], image_h - 1);
  }
  for (int64_t c = 0; c < job.classes; ++c) scores[c] = confidence * sigmoid(x[5 + c]);
}

void run(const RunContext& ctx, const Job& job, int64_t images) {
  const int64_t cells = job.h * job.w, channels = job.anchors * (5 + job.classes + job.iou_aware);
  parallel_rows(ctx.threads, images * cells, grain_of(8 * channels), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t image = i / cells, at = i % cells;
      const Cell cell{at / job.w, at % job.w, ctx.data<float>(job.x) + i * channels};
      for (int64_t a = 0; a < job.anchors; ++a) {
        const int64_t box = (image * job.anchors + a) * cells + at;
        decode(job, cell, a, ctx.data<int32_t>(job.image_sizes) + 2 * image, ctx.data<float>(job.boxes) + 4 * box,
               ctx.data<float>(job.scores) + job.classes * box);
      }
    }
  });
}

Result<void> prepare(Prepare& p) {
  const auto& a = p.node->attributes<schema::YoloBox>();
  const Shape& x = p.in(0).shape;
  auto job = std::make_shared<Job>(Job{.h = x[1],
                                       .w = x[2],
                                       .anchors = anchors_of(a),
                                       .classes = a.classes(),
                                       .sizes = {a.anchors()->begin(), a.anchors()->end()},
                                       .threshold = a.score_threshold(),
                                       .scale = a.scale(),
                                       .iou_factor = a.iou_aware_factor(),
                                       .downsample = a.downsample(),
                                       .clip = a.clip(),
                                       .iou_aware = a.iou_aware(),
                                       .x = p.in(0).id,
                                       .image_sizes = p.in(1).id,
                                       .boxes = p.out(0).id,
                                       .scores = p.out(1).id});
  p.step.run = [job, images = x[0]](const RunContext& ctx) { run(ctx, *job, images); };
  p.step.kernel = "yolo_box";
  return {};
}

}  // namespace

extern const OpKind kYoloBox;
const OpKind kYoloBox = {.type = schema::Op::YoloBox,
                         .names = names,
                         .min_inputs = 2,
                         .max_inputs = 2,
                         .check = check,
                         .infer = infer,
                         .prepare = prepare,
                         .outputs = 2};

}  // namespace octet
