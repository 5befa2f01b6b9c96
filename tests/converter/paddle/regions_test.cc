// The regions of two-stage detectors against computations of their own, and anchors against boxes worked out by hand.
#include <cmath>
#include <numeric>

#include "tests/converter/paddle/rig.h"

namespace octet::convert {
namespace {

using Floats = std::vector<float>;
using Box = std::array<float, 4>;

// Values that the run computes: constants would be folded.
struct Live {
  TestProgram p{2006001};
  std::string zero = p.op("elementwise_mul", {{"X", {p.input("x", {1})}}, {"Y", {p.floats({1}, {0})}}});
  std::string values(const std::vector<int64_t>& dims, const Floats& v) {
    return p.op("elementwise_add", {{"X", {p.floats(dims, v)}}, {"Y", {zero}}});
  }
};

Floats noise(size_t count, uint32_t seed, float low, float high) {
  Floats v;
  for (size_t i = 0; i < count; ++i) {
    seed = seed * 1664525 + 1013904223;
    v.push_back(low + (high - low) * static_cast<float>(seed >> 8) / (1 << 24));
  }
  return v;
}

float overlap(const Box& a, const Box& b, float offset) {
  const float w = std::min(a[2], b[2]) - std::max(a[0], b[0]) + offset,
              h = std::min(a[3], b[3]) - std::max(a[1], b[1]) + offset;
  if (w <= 0 || h <= 0) return 0;
  const auto area = [&](const Box& r) { return (r[2] - r[0] + offset) * (r[3] - r[1] + offset); };
  return w * h / (area(a) + area(b) - w * h);
}

struct Proposals {
  int64_t pre = 20, post = 8;
  float overlap = 0.5f, min_size = 0;
  bool offset = false, first = false, variances = true;
};

constexpr int64_t kA = 3, kH = 4, kW = 5, kCount = kA * kH * kW;

struct Rpn {
  Floats scores = noise(kCount, 1, -3, 3), deltas = noise(4 * kCount, 2, -0.5f, 0.5f), anchors,
         variances = noise(4 * kCount, 3, 0.5f, 1.5f);
  Floats image = {40, 48, 1};  // h, w, scale
  Rpn() {
    for (int64_t i = 0; i < kCount; ++i) {
      const auto x = static_cast<float>(i / kA % kW * 10), y = static_cast<float>(i / kA / kW * 10);
      const auto side = static_cast<float>(8 + 6 * (i % kA));
      for (float v : {x - side / 2, y - side / 2, x + side / 2, y + side / 2}) anchors.push_back(v);
    }
  }
};

// Rows of five: a box and its score.
Floats proposed(const Rpn& rpn, const Proposals& c) {
  const float o = c.offset || c.first ? 1.0f : 0.0f;
  std::vector<std::pair<float, Box>> all;
  for (int64_t i = 0; i < kCount; ++i) {
    const int64_t a = i % kA, place = i / kA;
    float d[4];
    for (int64_t k = 0; k < 4; ++k)
      d[k] = rpn.deltas[static_cast<size_t>((4 * a + k) * kH * kW + place)] *
             (c.variances ? rpn.variances[static_cast<size_t>(4 * i + k)] : 1);
    const float* b = &rpn.anchors[static_cast<size_t>(4 * i)];
    const float w = b[2] - b[0] + o, h = b[3] - b[1] + o;
    const float cx = d[0] * w + b[0] + w / 2, cy = d[1] * h + b[1] + h / 2;
    const float nw = std::exp(std::min(d[2], std::log(62.5f))) * w, nh = std::exp(std::min(d[3], std::log(62.5f))) * h;
    all.push_back({rpn.scores[static_cast<size_t>(a * kH * kW + place)],
                   {cx - nw / 2, cy - nh / 2, cx + nw / 2 - o, cy + nh / 2 - o}});
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& x, const auto& y) { return x.first > y.first; });
  if (c.pre > 0) all.resize(static_cast<size_t>(c.pre));
  const float iw = rpn.image[1], ih = rpn.image[0], scale = c.first ? rpn.image[2] : 1;
  std::vector<std::pair<float, Box>> kept;
  for (auto& [score, found] : all) {
    Box& b = found;
    for (int k = 0; k < 4; ++k)
      b[static_cast<size_t>(k)] = std::clamp(b[static_cast<size_t>(k)], 0.0f, (k % 2 ? ih : iw) - o);
    const float w = (b[2] - b[0]) / scale + o, h = (b[3] - b[1]) / scale + o, least = std::max(c.min_size, 1.0f);
    if (w < least || h < least) continue;
    if (o != 0 && (b[0] + w / 2 > iw || b[1] + h / 2 > ih)) continue;
    if (static_cast<int64_t>(kept.size()) < c.post &&
        std::all_of(kept.begin(), kept.end(), [&](const auto& k) { return overlap(k.second, b, o) <= c.overlap; }))
      kept.push_back({score, b});
  }
  if (kept.empty()) kept.push_back({0, {0, 0, 0, 0}});
  Floats rows;
  for (const auto& [score, b] : kept) rows.insert(rows.end(), b.begin(), b.end());
  for (const auto& k : kept) rows.push_back(k.first);
  rows.push_back(static_cast<float>(kept.size()));
  return rows;
}

TEST(PaddleRegions, ProposalsAreThoseOfAPlainLoop) {
  for (const Proposals& c :
       {Proposals{}, Proposals{.offset = true}, Proposals{.first = true}, Proposals{.min_size = 14},
        Proposals{.min_size = 1000}, Proposals{.pre = -1, .post = 1000, .overlap = 0.7f},
        Proposals{.pre = 50, .overlap = 0.3f, .variances = false}}) {
    Rpn rpn;
    if (c.first) rpn.image[2] = 2;
    Live live;
    TestProgram& p = live.p;
    std::vector<Arguments> in = {{"Scores", {live.values({1, kA, kH, kW}, rpn.scores)}},
                                 {"BboxDeltas", {live.values({1, 4 * kA, kH, kW}, rpn.deltas)}},
                                 {"Anchors", {p.floats({kH, kW, kA, 4}, rpn.anchors)}}};
    if (c.variances) in.push_back({"Variances", {p.floats({kH, kW, kA, 4}, rpn.variances)}});
    if (c.first)
      in.push_back({"ImInfo", {live.values({1, 3}, rpn.image)}});
    else
      in.push_back({"ImShape", {live.values({1, 2}, {rpn.image[0], rpn.image[1]})}});
    std::vector<Attr> attributes = {attr("pre_nms_topN", static_cast<int>(c.pre)),
                                    attr("post_nms_topN", static_cast<int>(c.post)), attr("nms_thresh", c.overlap),
                                    attr("min_size", c.min_size), attr("eta", 1.0f)};
    if (!c.first) attributes.push_back(flag("pixel_offset", c.offset));
    const std::string rois = p.op(c.first ? "generate_proposals" : "generate_proposals_v2", in, attributes, "RpnRois");
    auto& op = *p.proto.mutable_blocks(0)->mutable_ops(p.proto.blocks(0).ops_size() - 1);
    for (const char* more : {"RpnRoiProbs", "RpnRoisNum"}) {
      auto* out = op.add_outputs();
      out->set_parameter(more);
      out->add_arguments(more);
    }
    p.output(rois), p.output("RpnRoiProbs"), p.output("RpnRoisNum");
    const Floats got = results(p), want = proposed(rpn, c);
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-3f) << i;
  }
}

TEST(PaddleRegions, LevelsFollowFromAreasAndTheOrderComesBack) {
  Live live;
  TestProgram& p = live.p;
  // Sides of 224, 448 (a level up), 50 (below the least), 2000 (above the highest), turned round (no area), 112.
  const Floats boxes = {0, 0, 224, 224, 0, 0, 448, 448, 5, 5, 55, 55, 0, 0, 2000, 2000, 9, 9, 3, 3, 0, 0, 112, 112};
  const std::string rois = live.values({6, 4}, boxes);
  const Names levels =
      p.ops("distribute_fpn_proposals", {{"FpnRois", {rois}}, {"RoisNum", {p.longs({6})}}}, "MultiFpnRois", 4,
            {attr("min_level", 2), attr("max_level", 5), attr("refer_level", 4), attr("refer_scale", 224),
             flag("pixel_offset", false)});
  auto& op = *p.proto.mutable_blocks(0)->mutable_ops(p.proto.blocks(0).ops_size() - 1);
  auto* counts = op.add_outputs();
  counts->set_parameter("MultiLevelRoIsNum");
  for (int i = 0; i < 4; ++i) counts->add_arguments("count" + std::to_string(i));
  auto* order = op.add_outputs();
  order->set_parameter("RestoreIndex");
  order->add_arguments("order");
  for (int i = 0; i < 4; ++i) p.output("count" + std::to_string(i));
  const std::string all = p.op("concat", {{"X", levels}}, {attr("axis", 0)});
  p.output(p.op("gather", {{"X", {all}}, {"Index", {"order"}}}));
  p.output(levels[3]);
  Floats want = {2, 1, 1, 2};
  want.insert(want.end(), boxes.begin(), boxes.end());
  want.insert(want.end(), {0, 0, 448, 448, 0, 0, 2000, 2000});
  EXPECT_EQ(results(p), want);
}

TEST(PaddleRegions, TheBestOfAllLevelsAreCollected) {
  Live live;
  TestProgram& p = live.p;
  const Names boxes = {live.values({2, 4}, {1, 1, 1, 1, 2, 2, 2, 2}), live.values({1, 4}, {3, 3, 3, 3})};
  const Names scores = {live.values({2, 1}, {0.1f, 0.9f}), live.values({1, 1}, {0.5f})};
  p.output(p.op("collect_fpn_proposals", {{"MultiLevelRois", boxes}, {"MultiLevelScores", scores}},
                {attr("post_nms_topN", 2)}, "FpnRois"));
  EXPECT_EQ(results(p), (Floats{2, 2, 2, 2, 3, 3, 3, 3}));
}

// Rows [class, score, box], with the rules written as loops.
Floats rows_of(const Floats& boxes, const Floats& scores, size_t regions, size_t classes, int background,
               float threshold, float iou, size_t keep, float offset) {
  struct Row {
    size_t cls, region;
    float score;
  };
  const auto box = [&](size_t r, size_t c) {
    const float* b = &boxes[(r * classes + c) * 4];
    return Box{b[0], b[1], b[2], b[3]};
  };
  std::vector<Row> rows;
  for (size_t c = 0; c < classes; ++c) {
    if (static_cast<int>(c) == background) continue;
    std::vector<size_t> order(regions), kept;
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return scores[a * classes + c] > scores[b * classes + c]; });
    for (size_t r : order)
      if (scores[r * classes + c] > threshold &&
          std::none_of(kept.begin(), kept.end(), [&](size_t k) { return overlap(box(r, c), box(k, c), offset) > iou; }))
        kept.push_back(r);
    for (size_t r : kept) rows.push_back({c, r, scores[r * classes + c]});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.score > b.score; });
  rows.resize(std::min(rows.size(), keep));
  std::sort(rows.begin(), rows.end(),
            [](const Row& a, const Row& b) { return std::pair(a.cls, a.region) < std::pair(b.cls, b.region); });
  Floats out, index;
  for (const Row& r : rows) {
    out.push_back(static_cast<float>(r.cls)), out.push_back(r.score);
    for (float v : box(r.region, r.cls)) out.push_back(v);
    index.push_back(static_cast<float>(r.region * classes + r.cls));
  }
  out.insert(out.end(), index.begin(), index.end());
  out.push_back(static_cast<float>(rows.size()));
  return out;
}

TEST(PaddleRegions, SuppressionOfABoxForEachClass) {
  constexpr size_t kRegions = 30, kClasses = 4;
  Floats boxes = noise(kRegions * kClasses * 4, 4, 0, 20);
  for (size_t i = 0; i < boxes.size(); i += 4) boxes[i + 2] += boxes[i] + 5, boxes[i + 3] += boxes[i + 1] + 5;
  const Floats scores = noise(kRegions * kClasses, 5, 0, 1);
  struct Case {
    int background;
    float threshold;
    int keep;
    bool normalized;
  };
  for (const Case& c : {Case{-1, 0.3f, 10, true}, Case{3, 0.05f, 100, false}, Case{0, 0.5f, -1, true},
                        Case{4, 0.3f, 5, true}, Case{-1, 2, 10, true}}) {
    Live live;
    TestProgram& p = live.p;
    const std::string out =
        p.op("multiclass_nms3",
             {{"BBoxes", {live.values({kRegions, kClasses, 4}, boxes)}},
              {"Scores", {live.values({kRegions, kClasses}, scores)}},
              {"RoisNum", {p.longs({kRegions})}}},
             {attr("background_label", c.background), attr("score_threshold", c.threshold), attr("nms_threshold", 0.4f),
              attr("keep_top_k", c.keep), attr("nms_top_k", -1), flag("normalized", c.normalized)});
    auto& op = *p.proto.mutable_blocks(0)->mutable_ops(p.proto.blocks(0).ops_size() - 1);
    for (const char* more : {"Index", "NmsRoisNum"}) {
      auto* o = op.add_outputs();
      o->set_parameter(more);
      o->add_arguments(more);
    }
    p.output(out), p.output("Index"), p.output("NmsRoisNum");
    const size_t keep = c.keep < 0 ? 1000 : static_cast<size_t>(c.keep);
    const Floats want =
        rows_of(boxes, scores, kRegions, kClasses, c.background, c.threshold, 0.4f, keep, c.normalized ? 0.0f : 1.0f);
    EXPECT_EQ(results(p), want);
  }
}

TEST(PaddleRegions, BoxesAreClippedToThePictureBeforeItWasScaled) {
  Live live;
  live.p.output(live.p.op(
      "box_clip",
      {{"Input", {live.values({2, 4}, {-5, 3, 60, 70, 2, -1, 8, 9})}}, {"ImInfo", {live.values({1, 3}, {80, 99, 2})}}},
      {}, "Output"));
  EXPECT_EQ(results(live.p), (Floats{0, 3, 49, 39, 2, 0, 8, 9}));
}

TEST(PaddleRegions, AnchorsByHand) {
  TestProgram p;
  p.output(p.op("anchor_generator", {{"Input", {p.input("x", {1, 2, 1, 2})}}},
                {float_list("anchor_sizes", {32, 64}), float_list("aspect_ratios", {1}), float_list("stride", {16, 16}),
                 float_list("variances", {0.1f, 0.1f, 0.2f, 0.2f}), attr("offset", 0.5f)},
                "Anchors"));
  // Centres 7.5 and 23.5; 32 / 16 * 16 = 32 wide.
  EXPECT_EQ(results(p), (Floats{-8, -8, 23, 23, -24, -24, 39, 39, 8, -8, 39, 23, -8, -24, 55, 39}));
}

TEST(PaddleRegions, DensePriorsByHand) {
  TestProgram p;
  const std::string x = p.input("x", {1, 1, 1, 1}), image = p.input("image", {1, 3, 16, 16});
  p.output(p.op("density_prior_box", {{"Input", {x}}, {"Image", {image}}},
                {float_list("fixed_sizes", {4}), float_list("fixed_ratios", {1}),
                 attr("densities", std::vector<int64_t>{2}), attr("offset", 0.5f), flag("flatten_to_2d", true)},
                "Boxes"));
  // Centres 4 and 12 of 16, boxes of 4.
  const float a = 2.0f / 16, b = 6.0f / 16, c = 10.0f / 16, d = 14.0f / 16;
  EXPECT_EQ(results(p), (Floats{a, a, b, b, c, a, d, b, a, c, b, d, c, c, d, d}));
}

TEST(PaddleRegions, SeveralPicturesAndOpenSizesAreRefused) {
  TestProgram p;
  p.output(p.op("anchor_generator", {{"Input", {p.input("x", {1, 2, -1, 2})}}},
                {float_list("anchor_sizes", {32}), float_list("aspect_ratios", {1}), float_list("stride", {16, 16})},
                "Anchors"));
  auto open = import(p);
  ASSERT_FALSE(open);
  EXPECT_NE(open.error().text.find("known sizes"), std::string::npos) << open.error().text;
  TestProgram q;
  q.output(q.op("generate_proposals_v2",
                {{"Scores", {q.input("s", {2, 3, 4, 5})}},
                 {"BboxDeltas", {q.input("d", {2, 12, 4, 5})}},
                 {"ImShape", {q.input("i", {2, 2})}},
                 {"Anchors", {q.floats({1, 4}, {0, 0, 1, 1})}}},
                {}, "RpnRois"));
  auto two = import(q);
  ASSERT_FALSE(two);
  EXPECT_NE(two.error().text.find("one picture"), std::string::npos) << two.error().text;
}

}  // namespace
}  // namespace octet::convert
