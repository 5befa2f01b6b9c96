// The regions of two-stage detectors, of one picture at a time: generate_proposals (v1, v2), distribute_fpn_proposals,
// collect_fpn_proposals, box_clip. Boxes are rows x1, y1, x2, y2; corners and sizes are computed as pairs (x, y).
#include <cfloat>
#include <cmath>

#include "converter/import/build/build.h"
#include "converter/import/paddle/ops/ops.h"

namespace octet::convert {
namespace {

using schema::BinaryKind;
using schema::CompareKind;
using schema::ReduceKind;
using schema::UnaryKind;

TensorId add(PaddleNode& n, TensorId a, TensorId b) { return n.binary(BinaryKind::add, a, b); }
TensorId sub(PaddleNode& n, TensorId a, TensorId b) { return n.binary(BinaryKind::sub, a, b); }
TensorId mul(PaddleNode& n, TensorId a, TensorId b) { return n.binary(BinaryKind::mul, a, b); }
TensorId least(PaddleNode& n, TensorId a, TensorId b) { return n.binary(BinaryKind::min, a, b); }
TensorId most(PaddleNode& n, TensorId a, TensorId b) { return n.binary(BinaryKind::max, a, b); }
TensorId front(PaddleNode& n, TensorId rows) { return n.slice(rows, 1, 0, 2); }
TensorId back(PaddleNode& n, TensorId rows) { return n.slice(rows, 1, 2, 4); }
TensorId rows_at(PaddleNode& n, TensorId rows, TensorId places) { return n.emit(schema::GatherT{}, {rows, places}); }
TensorId joined(PaddleNode& n, int axis, std::vector<TensorId> parts) {
  return n.emit(schema::ConcatT{.axis = axis}, std::move(parts));
}
TensorId over_pair(PaddleNode& n, ReduceKind kind, TensorId pairs) {
  return n.emit(schema::ReduceT{.kind = kind, .axes = {1}}, {pairs});
}

// How many rows there are, or `limit` if that is less; 0 or less: no limit.
TensorId at_most(PaddleNode& n, TensorId rows, int64_t limit) {
  const TensorId count = n.dim_of(rows, 0);
  return limit > 0 ? least(n, count, n.integers(std::array{limit})) : count;
}

bool one_picture(PaddleNode& n, TensorId t) {
  if (n.rank(t) > 0 && n.shape(t)[0] == 1) return true;
  n.fail("works on one picture at a time: give the inputs' shapes, with a batch of 1", Code::kUnsupported);
  return false;
}

// The picture's size as the pair (w, h) [1, 2]; rows of it begin with h, w.
TensorId picture_size(PaddleNode& n, TensorId rows) {
  return joined(n, 1, {n.slice(rows, 1, 1, 2), n.slice(rows, 1, 0, 1)});
}

// Corners as pairs [rows, 2].
struct Corners {
  TensorId low, high;
};

// Anchors moved by deltas: centres by parts of their size, sizes by factors of at most 1000/16.
Corners decoded(PaddleNode& n, TensorId anchors, TensorId deltas, TensorId variances, float offset) {
  const TensorId size = plus(n, sub(n, back(n, anchors), front(n, anchors)), static_cast<double>(offset));
  const TensorId centre = add(n, front(n, anchors), times(n, size, 0.5));
  if (variances >= 0) deltas = mul(n, deltas, variances);
  const TensorId moved = add(n, mul(n, front(n, deltas), size), centre);
  const TensorId factor = least(n, back(n, deltas), n.number(std::log(1000.0f / 16)));
  const TensorId half = times(n, mul(n, n.unary(UnaryKind::exp, factor), size), 0.5);
  return {sub(n, moved, half), plus(n, add(n, moved, half), static_cast<double>(-offset))};
}

struct Picture {
  TensorId size;        // (w, h)
  TensorId scale = -1;  // sizes are measured before the picture was scaled by it
  float offset = 0;
};

Corners clipped(PaddleNode& n, Corners c, const Picture& picture) {
  const TensorId zero = n.number(0), last = plus(n, picture.size, static_cast<double>(-picture.offset));
  return {most(n, least(n, c.low, last), zero), most(n, least(n, c.high, last), zero)};
}

// 1 where a box is as large as it must be (and has its centre in the picture, with the offset), else 0.
TensorId large_enough(PaddleNode& n, Corners c, const Picture& picture) {
  TensorId size = sub(n, c.high, c.low);
  if (picture.scale >= 0) size = n.binary(BinaryKind::div, size, picture.scale);
  size = plus(n, size, static_cast<double>(picture.offset));
  const TensorId least_side = over_pair(n, ReduceKind::min, size);
  const TensorId wanted = n.number(std::max(n.f("min_size", 0.1f), 1.0f));
  TensorId kept =
      n.cast(n.emit(schema::CompareT{.kind = CompareKind::greater_equal}, {least_side, wanted}), DType::kF32);
  if (picture.offset == 0) return kept;
  const TensorId beyond = sub(n, add(n, c.low, times(n, size, 0.5)), picture.size);
  const TensorId inside =
      n.emit(schema::CompareT{.kind = CompareKind::less_equal}, {over_pair(n, ReduceKind::max, beyond), n.number(0)});
  return mul(n, kept, n.cast(inside, DType::kF32));
}

}  // namespace

static void import_paddle_generate_proposals(PaddleNode& n) {
  const bool first = n.type() == "generate_proposals";
  TensorId scores = n.in("Scores"), deltas = n.in("BboxDeltas");
  const TensorId info = n.in(first ? "ImInfo" : "ImShape");
  if (!n.need_rank(scores, 4) || !n.need_rank(deltas, 4) || !n.need_rank(info, 2) || !one_picture(n, scores)) return;
  if (n.f("eta", 1) < 1) return n.fail("eta below 1 is not supported", Code::kUnsupported);
  Picture picture{.size = picture_size(n, info), .offset = first || n.b("pixel_offset", true) ? 1.0f : 0.0f};
  if (first) picture.scale = n.slice(info, 1, 2, 3);
  scores = n.reshape(n.transpose(scores, {0, 2, 3, 1}), {-1});
  const auto rows = [&](TensorId t) { return t < 0 ? t : n.reshape(t, {-1, 4}); };
  const TensorId best = at_most(n, scores, n.i("pre_nms_topN", 6000));
  const auto top = n.emit_all(schema::TopKT{.axis = 0}, {scores, best});
  const auto chosen = [&](TensorId t) { return t < 0 ? t : rows_at(n, rows(t), top[1]); };
  Corners c = decoded(n, chosen(n.in("Anchors")), chosen(n.transpose(deltas, {0, 2, 3, 1})), chosen(n.in("Variances")),
                      picture.offset);
  c = clipped(n, c, picture);
  const TensorId kept = large_enough(n, c, picture);
  // Where nothing is left, a box of zeros is: the last row, which counts only then.
  const TensorId any = n.emit(schema::ReduceT{.kind = ReduceKind::max, .axes = {0}, .keep_dims = true}, {kept});
  const TensorId counts = joined(n, 0, {kept, sub(n, n.number(1), any)});
  const TensorId none = n.floats({1, 4}, std::array{0.0f, 0.0f, 0.0f, 0.0f});
  const TensorId boxes = joined(n, 0, {joined(n, 1, {c.low, c.high}), none});
  const TensorId values = joined(n, 0, {top[0], n.number(0)});
  const TensorId counted = n.emit(schema::CompareT{.kind = CompareKind::greater_equal}, {counts, n.number(0.5f)});
  const TensorId masked = n.emit(schema::WhereT{}, {counted, values, n.number(-FLT_MAX)});
  TensorId areas = boxes;  // with the offset in their widths and heights
  if (picture.offset != 0) areas = add(n, boxes, n.floats({1, 4}, std::array{0.0f, 0.0f, 1.0f, 1.0f}));
  const float overlap = n.f("nms_thresh", 0.5f);
  const std::vector<TensorId> operands = {build_unsqueeze(n, areas, {0}), n.reshape(masked, {1, 1, -1}),
                                          at_most(n, boxes, n.i("post_nms_topN", 1000)),
                                          n.number(overlap > 0 ? overlap : 2),  // no two overlap by more than all
                                          n.number(-1e38f)};
  const TensorId found = n.emit(schema::NonMaxSuppressionT{}, operands);
  const TensorId places = n.reshape(n.slice(found, 1, 2, 3), {-1});
  const TensorId regions = rows_at(n, boxes, places);
  n.result("RpnRois", regions);
  n.result("RpnRoiProbs", n.reshape(rows_at(n, values, places), {-1, 1}));
  n.result("RpnRoisNum", n.dim_of(regions, 0));
}

// By the side of a square of the same area: refer_scale belongs to refer_level.
static void import_paddle_distribute(PaddleNode& n) {
  const TensorId boxes = n.in("FpnRois");
  if (!n.need_rank(boxes, 2) || (n.in("RoisNum") >= 0 && !one_picture(n, n.in("RoisNum")))) return;
  const int low = n.bounded("min_level", n.i("min_level", 2), 0, 30);
  const int high = n.bounded("max_level", n.i("max_level", 5), low, 30);
  const int64_t refer_scale = n.bounded("refer_scale", n.i("refer_scale", 224), 1, 1 << 20);
  const double offset = n.b("pixel_offset", true) ? 1 : 0;
  const TensorId span = sub(n, back(n, boxes), front(n, boxes));
  const TensorId turned = over_pair(n, ReduceKind::min, span);  // below 0: no area
  const TensorId valid = n.emit(schema::CompareT{.kind = CompareKind::greater_equal}, {turned, n.number(0)});
  const TensorId area = mul(n, over_pair(n, ReduceKind::prod, plus(n, span, offset)), n.cast(valid, DType::kF32));
  const TensorId side =
      times(n, n.unary(UnaryKind::sqrt, most(n, area, n.number(0))), 1.0 / static_cast<double>(refer_scale));
  const TensorId doublings = times(n, n.unary(UnaryKind::log, plus(n, side, 1e-6)), 1 / M_LN2);
  const TensorId exact = n.unary(UnaryKind::floor, plus(n, doublings, static_cast<double>(n.i("refer_level", 4))));
  const TensorId level = n.act({schema::ActKind::clip, static_cast<float>(low), static_cast<float>(high)}, exact);
  std::vector<TensorId> order;
  for (int l = low; l <= high && !n.failed(); ++l) {
    const TensorId here =
        n.emit(schema::CompareT{.kind = CompareKind::equal}, {level, n.number(static_cast<float>(l))});
    order.push_back(n.reshape(n.emit(schema::NonZeroT{}, {here}), {-1}));
    const TensorId part = rows_at(n, boxes, order.back());
    n.result("MultiFpnRois", part);
    n.result("MultiLevelRoIsNum", n.dim_of(part, 0));
  }
  const TensorId zero = n.integers(std::array<int64_t, 1>{0}), one = n.integers(std::array<int64_t, 1>{1});
  const TensorId count = n.dim_of(boxes, 0), all = joined(n, 0, order);
  const TensorId places = n.emit(schema::RangeT{}, {zero, count, one});
  const TensorId inverse =
      n.emit(schema::ScatterElementsT{.axis = 0}, {n.emit(schema::ExpandT{}, {zero, count}), all, places});
  n.result("RestoreIndex", n.reshape(inverse, {-1, 1}));
}

static void import_paddle_collect(PaddleNode& n) {
  std::vector<TensorId> scores;
  for (TensorId t : n.all("MultiLevelScores")) scores.push_back(n.reshape(t, {-1}));
  for (TensorId t : n.all("MultiLevelRoIsNum"))
    if (!one_picture(n, t)) return;
  const TensorId values = joined(n, 0, scores), boxes = joined(n, 0, n.all("MultiLevelRois"));
  const auto top = n.emit_all(schema::TopKT{.axis = 0}, {values, at_most(n, values, n.i("post_nms_topN", 1000))});
  const TensorId regions = rows_at(n, boxes, top[1]);
  n.result("FpnRois", regions);
  n.result("RoisNum", n.dim_of(regions, 0));
}

// Into the picture as it was before it was scaled.
static void import_paddle_box_clip(PaddleNode& n) {
  const TensorId boxes = n.in("Input"), info = n.in("ImInfo");
  if (!n.need_rank(boxes, 2) || !n.need_rank(info, 2) || !one_picture(n, info)) return;
  const TensorId original = n.binary(BinaryKind::div, picture_size(n, info), n.slice(info, 1, 2, 3));
  const Picture picture{.size = n.unary(UnaryKind::floor, plus(n, original, 0.5)), .offset = 1};
  const Corners c = clipped(n, {front(n, boxes), back(n, boxes)}, picture);
  n.result("Output", joined(n, 1, {c.low, c.high}));
}

static constexpr PaddleOp kPaddleProposalsRows[] = {
    {"box_clip", import_paddle_box_clip, {"Input", "ImInfo"}},
    {"collect_fpn_proposals", import_paddle_collect, {"MultiLevelRois", "MultiLevelScores"}},
    {"distribute_fpn_proposals", import_paddle_distribute, {"FpnRois"}},
    {"generate_proposals", import_paddle_generate_proposals, {"Scores", "BboxDeltas", "ImInfo"}},
    {"generate_proposals_v2", import_paddle_generate_proposals, {"Scores", "BboxDeltas", "ImShape"}},
};
extern constinit const PaddleRows kPaddleProposals{kPaddleProposalsRows};

}  // namespace octet::convert
