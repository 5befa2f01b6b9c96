// multiclass_nms where each region of one picture has a box and a score for each class: boxes [regions, classes, 4], scores [regions, classes].
#include <cfloat>

#include "converter/import/build/build.h"
#include "converter/import/paddle/ops/ops.h"

namespace octet::convert {
namespace {

using schema::BinaryKind;

// Scores of the background's class are those of nothing.
TensorId without_background(PaddleNode& n, TensorId scores, int64_t classes) {
  const int64_t background = n.i("background_label", 0);
  if (background < 0 || background >= classes) return scores;
  Tensor counts{.name = "counts", .dtype = DType::kBool, .shape = {classes}, .constant = true};
  for (int64_t c = 0; c < classes; ++c) counts.data.push_back(std::byte{c != background});
  return n.emit(schema::WhereT{}, {n.constant(std::move(counts)), scores, n.number(-FLT_MAX)});
}

// The places of the best `limit` in `values`; all of them where the limit is below 0.
TensorId best_of(PaddleNode& n, TensorId values, int64_t limit) {
  TensorId k = n.dim_of(values, 0);
  if (limit >= 0) k = n.binary(BinaryKind::min, k, n.integers(std::array{limit}));
  return n.emit_all(schema::TopKT{.axis = 0}, {values, k})[1];
}

}  // namespace

// Suppression takes a class for a picture, for its boxes are its own. Rows are sorted by class and then by region.
void suppress_regions(PaddleNode& n) {
  const TensorId boxes = n.in("BBoxes"), given = n.in("Scores");
  if (!n.need_rank(boxes, 3) || !n.need_rank(given, 2)) return;
  const int64_t classes = n.shape(given)[1];
  if (classes < 1 || classes > 1 << 16) return n.fail("needs a known number of classes", Code::kUnsupported);
  if (n.in("RoisNum") >= 0 && n.shape(n.in("RoisNum")) != Shape{1})
    return n.fail("works on one picture at a time: give the inputs' shapes, with a batch of 1", Code::kUnsupported);
  if (n.i("nms_top_k", -1) >= 0 || n.f("nms_eta", 1) < 1)
    return n.fail("nms_top_k and nms_eta are not supported for regions", Code::kUnsupported);
  const TensorId scores = n.transpose(without_background(n, given, classes), {1, 0});  // [classes, regions]
  TensorId areas = n.transpose(boxes, {1, 0, 2});
  if (!n.b("normalized", true))
    areas = n.binary(BinaryKind::add, areas, n.floats({1, 1, 4}, std::array{0.0f, 0.0f, 1.0f, 1.0f}));
  const TensorId regions = n.dim_of(given, 0);
  const TensorId found =
      n.emit(schema::NonMaxSuppressionT{}, {areas, build_unsqueeze(n, scores, {1}), regions,
                                            n.number(n.f("nms_threshold", 0.3f)), n.number(n.f("score_threshold", 0))});
  // A row's place among all: class * regions + region.
  const auto column = [&](int64_t i) { return n.reshape(n.slice(found, 1, i, i + 1), {-1}); };
  const TensorId places = n.binary(BinaryKind::add, n.binary(BinaryKind::mul, column(0), regions), column(2));
  const TensorId flat = n.reshape(scores, {-1});
  const auto at = [&](TensorId rows, TensorId i) { return n.emit(schema::GatherT{}, {rows, i}); };
  const TensorId kept = at(places, best_of(n, at(flat, places), n.i("keep_top_k", -1)));
  const TensorId sorted = n.emit_all(schema::TopKT{.axis = 0, .largest = false}, {kept, n.dim_of(kept, 0)})[0];
  const TensorId cls = n.binary(BinaryKind::div, sorted, regions);
  const TensorId region = n.binary(BinaryKind::sub, sorted, n.binary(BinaryKind::mul, cls, regions));
  const TensorId corners = at(n.reshape(n.transpose(boxes, {1, 0, 2}), {-1, 4}), sorted);
  const auto single = [&](TensorId t) { return n.reshape(t, {-1, 1}); };
  const TensorId rows =
      n.emit(schema::ConcatT{.axis = 1}, {single(n.cast(cls, DType::kF32)), single(at(flat, sorted)), corners});
  const TensorId index =
      n.binary(BinaryKind::add, n.binary(BinaryKind::mul, region, n.integers(std::array{classes})), cls);
  n.result("Out", rows);
  n.result("Index", single(index));
  n.result("NmsRoisNum", n.dim_of(rows, 0));
}

}  // namespace octet::convert
