// Paddle's detection heads against small computations of their own, and against values worked out by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <stdexcept>

#include "tests/runtime/build_model.h"

namespace octet {
namespace {

using schema::DType;

struct Feed {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<float> values;  // converted where the input holds integers
  DType dtype = DType::f32;
};

// A model of one node with these inputs and `outputs` types; the session after a run.
template <class Op>
Session run_node(const Op& op, const std::vector<Feed>& feeds, const std::vector<std::pair<int, DType>>& outputs,
                 int threads = 1) {
  ModelBuilder b;
  std::vector<int> in, out;
  for (const Feed& f : feeds) in.push_back(f.shape.empty() ? -1 : b.input(f.name, f.shape, f.dtype));
  for (const auto& [rank, dtype] : outputs)
    out.push_back(b.tensor("out", std::vector<int64_t>(static_cast<size_t>(rank), -1), dtype));
  b.node("n", op, in, out);
  b.model.outputs = out;
  auto model = Model::from_bytes(b.finish(), "m.octet");
  if (!model) throw std::runtime_error(model.error().text);
  auto session = Session::create(*model, {.threads = threads, .precision = Precision::kF32});
  if (!session) throw std::runtime_error(session.error().text);
  int index = 0;
  for (const Feed& f : feeds) {
    if (f.shape.empty()) continue;
    const Tensor t = session->input(index++);
    for (size_t i = 0; i < f.values.size(); ++i)
      if (f.dtype == DType::f32)
        t.f32()[i] = f.values[i];
      else
        static_cast<int32_t*>(t.data)[i] = static_cast<int32_t>(f.values[i]);
  }
  if (auto done = session->run(); !done) throw std::runtime_error(done.error().text);
  return std::move(*session);
}

std::vector<float> noise(size_t count, unsigned seed, float low, float high) {
  std::mt19937 random(seed);
  std::vector<float> v(count);
  for (float& x : v) x = low + (high - low) * static_cast<float>(random() % 10001) / 10000;
  return v;
}

std::vector<float> floats(const Session& s, int output) {
  const auto v = s.output(output).f32();
  return {v.begin(), v.end()};
}

std::vector<int32_t> ints(const Session& s, int output) {
  const Tensor t = s.output(output);
  const auto* v = static_cast<const int32_t*>(t.data);
  return {v, v + t.shape.elements()};
}

double sigma(double x) { return 1 / (1 + std::exp(-x)); }

TEST(YoloBox, DecodesEveryAnchorOfEveryCell) {
  for (bool aware : {false, true})
    for (bool clip : {false, true}) {
      constexpr int64_t kImages = 2, kH = 3, kW = 4, kAnchors = 2, kClasses = 3;
      const int64_t channels = kAnchors * (5 + kClasses + aware);
      schema::YoloBoxT op;
      op.anchors = {10, 13, 30, 61};
      op.classes = kClasses, op.score_threshold = 0.4f, op.downsample = 16, op.clip = clip;
      op.scale = 1.05f, op.iou_aware = aware, op.iou_aware_factor = 0.4f;
      const auto x = noise(static_cast<size_t>(kImages * kH * kW * channels), 1, -2, 2);
      const std::vector<float> sizes = {100, 140, 48, 64};
      Session s = run_node(op, {{"x", {kImages, kH, kW, channels}, x}, {"sizes", {kImages, 2}, sizes, DType::s32}},
                           {{3, DType::f32}, {3, DType::f32}}, 2);
      EXPECT_EQ(s.output(0).shape, Shape({kImages, kAnchors * kH * kW, 4}));
      EXPECT_EQ(s.output(1).shape, Shape({kImages, kAnchors * kH * kW, kClasses}));
      int shown = 0;
      for (int64_t n = 0; n < kImages; ++n)
        for (int64_t a = 0; a < kAnchors; ++a)
          for (int64_t i = 0; i < kH; ++i)
            for (int64_t j = 0; j < kW; ++j) {
              const float* cell = &x[static_cast<size_t>(((n * kH + i) * kW + j) * channels)];
              const float* t = cell + (aware ? kAnchors : 0) + a * (5 + kClasses);
              double conf = sigma(t[4]);
              if (aware) conf = std::pow(conf, 0.6) * std::pow(sigma(cell[a]), 0.4);
              const bool counts = conf >= 0.4;
              shown += counts;
              const double h = sizes[static_cast<size_t>(2 * n)], w = sizes[static_cast<size_t>(2 * n + 1)];
              const double cx = (j + sigma(t[0]) * 1.05 - 0.025) * w / kW,
                           cy = (i + sigma(t[1]) * 1.05 - 0.025) * h / kH;
              const double bw = std::exp(t[2]) * op.anchors[static_cast<size_t>(2 * a)] * w / (16 * kW);
              const double bh = std::exp(t[3]) * op.anchors[static_cast<size_t>(2 * a + 1)] * h / (16 * kH);
              double box[] = {cx - bw / 2, cy - bh / 2, cx + bw / 2, cy + bh / 2};
              if (clip) {
                box[0] = std::max(box[0], 0.0), box[1] = std::max(box[1], 0.0);
                box[2] = std::min(box[2], w - 1), box[3] = std::min(box[3], h - 1);
              }
              const int64_t at = (n * kAnchors + a) * kH * kW + i * kW + j;
              for (int64_t k = 0; k < 4; ++k)
                EXPECT_NEAR(s.output(0).f32()[static_cast<size_t>(4 * at + k)], counts ? box[k] : 0, 1e-3);
              for (int64_t c = 0; c < kClasses; ++c)
                EXPECT_NEAR(s.output(1).f32()[static_cast<size_t>(kClasses * at + c)],
                            counts ? conf * sigma(t[5 + c]) : 0, 1e-5);
            }
      EXPECT_GT(shown, 10);
      EXPECT_LT(shown, kImages * kAnchors * kH * kW);
    }
}

float iou(const float* a, const float* b, float one) {
  auto area = [&](const float* r) { return (r[2] - r[0] + one) * (r[3] - r[1] + one); };
  const float w = std::min(a[2], b[2]) - std::max(a[0], b[0]), h = std::min(a[3], b[3]) - std::max(a[1], b[1]);
  if (w < 0 || h < 0) return 0;
  const float both = (w + one) * (h + one);
  return both / (area(a) + area(b) - both);
}

struct Expected {
  std::vector<float> rows;
  std::vector<int32_t> index, counts;
};

std::vector<int32_t> ranked(const float* scores, int64_t boxes, float threshold, int64_t top_k) {
  std::vector<int32_t> order;
  for (int32_t i = 0; i < boxes; ++i)
    if (scores[i] > threshold) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return scores[a] > scores[b]; });
  if (top_k >= 0 && static_cast<int64_t>(order.size()) > top_k) order.resize(static_cast<size_t>(top_k));
  return order;
}

// As Paddle does it: a map from class to kept boxes, cut to the best of all pairs.
Expected multiclass(const schema::MulticlassNmsT& op, int64_t images, int64_t boxes, int64_t classes,
                    const std::vector<float>& box, const std::vector<float>& score) {
  Expected e;
  for (int64_t n = 0; n < images; ++n) {
    const float* b = &box[static_cast<size_t>(n * boxes * 4)];
    std::map<int64_t, std::vector<int32_t>> kept;
    std::vector<std::pair<float, std::pair<int64_t, int32_t>>> pairs;
    for (int64_t c = 0; c < classes; ++c) {
      if (c == op.background) continue;
      const float* s = &score[static_cast<size_t>((n * classes + c) * boxes)];
      float threshold = op.iou_threshold;
      for (int32_t i : ranked(s, boxes, op.score_threshold, op.top_k)) {
        bool free = true;
        for (int32_t k : kept[c]) free = free && iou(b + 4 * i, b + 4 * k, op.normalized ? 0 : 1) <= threshold;
        if (!free) continue;
        kept[c].push_back(i);
        pairs.push_back({s[i], {c, i}});
        if (op.eta < 1 && threshold > 0.5f) threshold *= op.eta;
      }
    }
    if (op.keep_top_k >= 0 && static_cast<int64_t>(pairs.size()) > op.keep_top_k) {
      std::stable_sort(pairs.begin(), pairs.end(), [](const auto& l, const auto& r) { return l.first > r.first; });
      pairs.resize(static_cast<size_t>(op.keep_top_k));
      kept.clear();
      for (const auto& p : pairs) kept[p.second.first].push_back(p.second.second);
    }
    e.counts.push_back(static_cast<int32_t>(pairs.size()));
    for (const auto& [c, list] : kept)
      for (int32_t i : list) {
        e.rows.push_back(static_cast<float>(c));
        e.rows.push_back(score[static_cast<size_t>((n * classes + c) * boxes + i)]);
        e.rows.insert(e.rows.end(), b + 4 * i, b + 4 * i + 4);
        e.index.push_back(static_cast<int32_t>(n * boxes + i));
      }
  }
  return e;
}

// Corners on a coarse grid, scores with equals.
std::vector<float> some_boxes(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> v;
  for (size_t i = 0; i < count; ++i) {
    const float x = static_cast<float>(random() % 20), y = static_cast<float>(random() % 20);
    for (float c : {x, y, x + static_cast<float>(random() % 12), y + static_cast<float>(random() % 12)}) v.push_back(c);
  }
  return v;
}
std::vector<float> some_scores(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> v(count);
  for (float& x : v) x = static_cast<float>(random() % 32) / 32;
  return v;
}

const std::vector<std::pair<int, DType>> kKeptOutputs = {{2, DType::f32}, {2, DType::s32}, {1, DType::s32}};

TEST(MulticlassNms, KeepsWhatPaddleKeeps) {
  constexpr int64_t kImages = 3, kBoxes = 60, kClasses = 4;
  auto variant = [](int i) {
    schema::MulticlassNmsT op;
    op.background = i == 0 ? -1 : i == 1 ? 0 : kClasses;
    op.score_threshold = i == 2 ? 0.5f : 0.1f;
    op.top_k = i == 3 ? 10 : -1;
    op.keep_top_k = i == 4 ? 12 : i == 5 ? 0 : 25;
    op.iou_threshold = i == 6 ? 0.9f : 0.45f;
    op.eta = i == 6 ? 0.7f : i == 7 ? 1.1f : 1.0f;
    op.normalized = i % 2 == 0;
    return op;
  };
  for (int i = 0; i < 8; ++i) {
    const auto op = variant(i);
    const auto boxes = some_boxes(kImages * kBoxes, static_cast<unsigned>(i));
    const auto scores = some_scores(kImages * kClasses * kBoxes, static_cast<unsigned>(i + 50));
    const Session s = run_node(op, {{"b", {kImages, kBoxes, 4}, boxes}, {"s", {kImages, kClasses, kBoxes}, scores}},
                               kKeptOutputs, 1 + i % 3);
    const Expected e = multiclass(op, kImages, kBoxes, kClasses, boxes, scores);
    EXPECT_EQ(floats(s, 0), e.rows) << i;
    EXPECT_EQ(ints(s, 1), e.index) << i;
    EXPECT_EQ(ints(s, 2), e.counts) << i;
    EXPECT_EQ(s.output(0).shape, Shape({static_cast<int64_t>(e.index.size()), 6}));
    EXPECT_EQ(s.output(1).shape, Shape({static_cast<int64_t>(e.index.size()), 1}));
    EXPECT_EQ(e.index.empty(), i == 5);
  }
}

TEST(MulticlassNms, ByHand) {
  // Box 1 covers 2/3 of what it and box 0 cover together; box 2 stands alone; class 0 is the background.
  const std::vector<float> boxes = {0, 0, 3, 4, 0, 0, 2, 4, 10, 10, 12, 12};
  const std::vector<float> scores = {.9f, .9f, .9f, .5f, .8f, .3f, 0, .2f, .7f};
  schema::MulticlassNmsT op;
  op.score_threshold = 0.1f, op.iou_threshold = 0.6f;
  Session s = run_node(op, {{"b", {1, 3, 4}, boxes}, {"s", {1, 3, 3}, scores}}, kKeptOutputs);
  EXPECT_EQ(floats(s, 0), (std::vector<float>{1, .8f, 0,  0,  2,  4,  1, .3f, 10, 10, 12, 12,
                                              2, .7f, 10, 10, 12, 12, 2, .2f, 0,  0,  2,  4}));
  op.keep_top_k = 2;
  s = run_node(op, {{"b", {1, 3, 4}, boxes}, {"s", {1, 3, 3}, scores}}, kKeptOutputs);
  EXPECT_EQ(ints(s, 1), (std::vector<int32_t>{1, 2}));
  op.score_threshold = 2, op.empty_row = true;
  s = run_node(op, {{"b", {1, 3, 4}, boxes}, {"s", {1, 3, 3}, scores}}, kKeptOutputs);
  EXPECT_EQ(s.output(0).shape, Shape({1, 1}));
  EXPECT_EQ(floats(s, 0), (std::vector<float>{-1}));
  EXPECT_EQ(ints(s, 2), (std::vector<int32_t>{0}));
}

TEST(MatrixNms, DecaysAsThePaperSays) {
  constexpr int64_t kImages = 2, kBoxes = 40, kClasses = 3;
  for (int v = 0; v < 4; ++v) {
    schema::MatrixNmsT op;
    op.background = v == 0 ? 0 : -1, op.score_threshold = 0.2f, op.post_threshold = v == 1 ? 0.3f : 0.05f;
    op.top_k = v == 2 ? 15 : -1, op.keep_top_k = v == 3 ? 7 : -1;
    op.gaussian = v % 2 == 1, op.normalized = v < 2;
    const auto boxes = some_boxes(kImages * kBoxes, static_cast<unsigned>(v));
    const auto scores = noise(kImages * kClasses * kBoxes, static_cast<unsigned>(v), 0, 1);  // no equals
    const Session s =
        run_node(op, {{"b", {kImages, kBoxes, 4}, boxes}, {"s", {kImages, kClasses, kBoxes}, scores}}, kKeptOutputs, 2);
    const auto rows = floats(s, 0);
    const auto index = ints(s, 1), counts = ints(s, 2);
    size_t at = 0;
    for (int64_t n = 0; n < kImages; ++n) {
      struct Row {
        float score;
        int64_t type;
        int32_t box;
      };
      std::vector<Row> all;
      const float* b = &boxes[static_cast<size_t>(n * kBoxes * 4)];
      for (int64_t c = 0; c < kClasses; ++c) {
        if (c == op.background) continue;
        const float* p = &scores[static_cast<size_t>((n * kClasses + c) * kBoxes)];
        const auto order = ranked(p, kBoxes, op.score_threshold, op.top_k);
        auto overlap = [&](size_t i, size_t j) {
          return iou(b + 4 * order[i], b + 4 * order[j], op.normalized ? 0 : 1);
        };
        auto worst = [&](size_t i) {
          float most = 0;
          for (size_t j = 0; j < i; ++j) most = std::max(most, overlap(i, j));
          return most;
        };
        for (size_t i = 0; i < order.size(); ++i) {
          float factor = 1;
          for (size_t j = 0; j < i; ++j) {
            const float o = overlap(i, j), m = worst(j);
            factor = std::min(factor, op.gaussian ? std::exp((m * m - o * o) * op.sigma) : (1 - o) / (1 - m));
          }
          if (p[order[i]] * factor > op.post_threshold) all.push_back({p[order[i]] * factor, c, order[i]});
        }
      }
      std::stable_sort(all.begin(), all.end(), [](const Row& l, const Row& r) { return l.score > r.score; });
      if (op.keep_top_k >= 0 && static_cast<int64_t>(all.size()) > op.keep_top_k)
        all.resize(static_cast<size_t>(op.keep_top_k));
      ASSERT_EQ(counts[static_cast<size_t>(n)], static_cast<int32_t>(all.size())) << v;
      EXPECT_GT(all.size(), 3u);
      for (const Row& r : all) {
        EXPECT_EQ(rows[6 * at], static_cast<float>(r.type));
        EXPECT_NEAR(rows[6 * at + 1], r.score, 1e-6);
        for (size_t k = 0; k < 4; ++k) EXPECT_EQ(rows[6 * at + 2 + k], b[4 * r.box + static_cast<int64_t>(k)]);
        EXPECT_EQ(index[at], n * kBoxes + r.box);
        ++at;
      }
    }
    EXPECT_EQ(at, index.size());
  }
}

TEST(PriorBox, OrderSizesAndClipping) {
  schema::PriorBoxT op;
  op.min_sizes = {4}, op.max_sizes = {9}, op.aspect_ratios = {1, 4}, op.variances = {.1f, .1f, .2f, .2f};
  op.flip = true, op.clip = true;
  const std::vector<Feed> feeds = {{"map", {1, 2, 3, 1}, std::vector<float>(6)},
                                   {"image", {1, 20, 30, 1}, std::vector<float>(600)}};
  Session s = run_node(op, feeds, {{4, DType::f32}, {4, DType::f32}});
  ASSERT_EQ(s.output(0).shape, Shape({2, 3, 4, 4}));
  // Cell (0, 0): centre (5, 5); 4x4, 8x2, 2x8, 6x6 in this order.
  const std::vector<float> first = {3.f / 30, 3.f / 20, 7.f / 30, 7.f / 20, 1.f / 30, 4.f / 20, 9.f / 30, 6.f / 20,
                                    4.f / 30, 1.f / 20, 6.f / 30, 9.f / 20, 2.f / 30, 2.f / 20, 8.f / 30, 8.f / 20};
  for (size_t i = 0; i < first.size(); ++i) EXPECT_NEAR(floats(s, 0)[i], first[i], 1e-6) << i;
  for (size_t i = 0; i < 96; ++i) EXPECT_EQ(floats(s, 1)[i], op.variances[i % 4]);
  op.max_size_second = true, op.step_h = op.step_w = 16;
  s = run_node(op, feeds, {{4, DType::f32}, {4, DType::f32}});
  // Cell (1, 2): centre (40, 24), outside of the image; the second box is the one of the larger size.
  const auto boxes = floats(s, 0);
  const std::vector<float> last = {38.f / 30, 1, 1, 1, 37.f / 30, 1, 1, 1};
  for (size_t i = 0; i < 8; ++i) EXPECT_NEAR(boxes[80 + i], std::min(last[i], 1.0f), 1e-6) << i;
  const std::vector<float> second = {5.f / 30, 5.f / 20, 11.f / 30, 11.f / 20};  // of cell (0, 0): centre (8, 8)
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(boxes[4 + i], second[i], 1e-6) << i;
}

TEST(BoxCoder, DecodesWhatItEncodes) {
  const std::vector<float> priors = {0, 0, 4, 2, 1, 1, 5, 9, 2, 0, 3, 3}, target = {1, 1, 3, 2, 0, 2, 6, 8};
  const std::vector<float> variances = noise(12, 1, 0.1f, 0.3f);
  for (bool normalized : {false, true})
    for (int given : {0, 1, 2}) {  // variances: none, four, four for each prior
      schema::BoxCoderT op;
      op.encode = true, op.normalized = normalized;
      Feed variance{"v",
                    given == 2   ? std::vector<int64_t>{3, 4}
                    : given == 1 ? std::vector<int64_t>{4}
                                 : std::vector<int64_t>{},
                    variances};
      variance.values.resize(given == 1 ? 4 : 12);
      const Session s = run_node(op, {{"p", {3, 4}, priors}, variance, {"t", {2, 4}, target}}, {{3, DType::f32}});
      const auto codes = floats(s, 0);
      ASSERT_EQ(s.output(0).shape, Shape({2, 3, 4}));
      const float one = normalized ? 0 : 1;
      for (size_t i = 0; i < 2; ++i)
        for (size_t j = 0; j < 3; ++j) {
          const float *t = &target[4 * i], *p = &priors[4 * j];
          const float pw = p[2] - p[0] + one, ph = p[3] - p[1] + one, w = t[2] - t[0] + one, h = t[3] - t[1] + one;
          const float expected[] = {((t[0] + t[2]) / 2 - (p[0] + pw / 2)) / pw,
                                    ((t[1] + t[3]) / 2 - (p[1] + ph / 2)) / ph, std::log(w / pw), std::log(h / ph)};
          for (size_t k = 0; k < 4; ++k)
            EXPECT_NEAR(codes[(3 * i + j) * 4 + k],
                        expected[k] / (given == 0 ? 1 : variances[given == 1 ? k : 4 * j + k]), 1e-4);
        }
      op.encode = false;
      for (int axis : {0, 1}) {
        op.axis = axis;
        std::vector<float> turned(codes.size());  // with axis 1 priors stand along dim 0
        for (size_t i = 0; i < 2; ++i)
          for (size_t j = 0; j < 3; ++j)
            std::copy_n(&codes[(3 * i + j) * 4], 4, &turned[(axis ? 2 * j + i : 3 * i + j) * 4]);
        const std::vector<int64_t> shape = axis ? std::vector<int64_t>{3, 2, 4} : std::vector<int64_t>{2, 3, 4};
        const Session back = run_node(op, {{"p", {3, 4}, priors}, variance, {"t", shape, turned}}, {{3, DType::f32}});
        for (size_t i = 0; i < 2; ++i)
          for (size_t j = 0; j < 3; ++j)
            for (size_t k = 0; k < 4; ++k) {
              // Paddle's encoder takes the middle of the corners, its decoder adds half a pixel that is not normalised.
              EXPECT_NEAR(floats(back, 0)[(axis ? 2 * j + i : 3 * i + j) * 4 + k], target[4 * i + k] - one / 2, 1e-4);
            }
      }
    }
}

// Every op of this file and those that pick, fed by one another.
ModelBuilder everything() {
  ModelBuilder b;
  const int x = b.input("x", {1, 2, 2, 14}), sizes = b.input("sizes", {1, 2}, DType::s32);
  const int boxes = b.tensor("boxes", {1, 8, 4}), scores = b.tensor("scores", {1, 8, 2}),
            turned = b.tensor("t", {1, 2, 8});
  schema::YoloBoxT yolo;
  yolo.anchors = {4, 5, 6, 7}, yolo.classes = 2;
  b.node("yolo", yolo, {x, sizes}, std::vector<int>{boxes, scores});
  schema::TransposeT turn;
  turn.perm = {0, 2, 1};
  b.node("turn", turn, {scores}, turned);
  auto kept = [&](const std::string& name) {
    return std::vector<int>{b.tensor(name, {-1, 6}), b.tensor(name + "i", {-1, 1}, DType::s32),
                            b.tensor(name + "n", {1}, DType::s32)};
  };
  const auto first = kept("first"), second = kept("second");
  schema::MulticlassNmsT nms;
  nms.background = -1, nms.top_k = 5, nms.keep_top_k = 6;
  b.node("nms", nms, {boxes, turned}, first);
  b.node("matrix", schema::MatrixNmsT{}, {boxes, turned}, second);
  const int most = b.constant<int64_t>("most", {1}, {3}, DType::s64), at = b.tensor("at", {-1, 3}, DType::s64);
  b.node("max", schema::NonMaxSuppressionT{}, {boxes, turned, most}, at);
  const int best = b.tensor("best", {1, 2, 3}), places = b.tensor("places", {1, 2, 3}, DType::s64);
  schema::TopKT top;
  top.axis = 2;
  b.node("top", top, {turned, most}, std::vector<int>{best, places});
  const int prior = b.tensor("prior", {2, 2, 2, 4}), variance = b.tensor("variance", {2, 2, 2, 4});
  schema::PriorBoxT priors;
  priors.min_sizes = {2}, priors.max_sizes = {3}, priors.variances = {1, 1, 1, 1};
  b.node("prior", priors, {x, x}, std::vector<int>{prior, variance});
  schema::ReshapeT flat;
  flat.shape = {8, 4};
  const int list = b.tensor("list", {8, 4}), decoded = b.tensor("decoded", {1, 8, 4});
  b.node("list", flat, {prior}, list);
  b.node("decoded", schema::BoxCoderT{}, {list, -1, boxes}, decoded);
  const int less = b.tensor("less", {1, 8, 4}, DType::boolean), chosen = b.tensor("chosen", {1, 8, 4});
  b.node("less", schema::CompareT{}, {boxes, decoded}, less);
  b.node("chosen", schema::WhereT{}, {less, boxes, decoded}, chosen);
  const int where = b.tensor("where", {3, -1}, DType::s64), tuples = b.tensor("tuples", {-1, 3}, DType::s64);
  const int picked = b.tensor("picked", {-1});
  b.node("where", schema::NonZeroT{}, {chosen}, where);
  schema::TransposeT rows;
  rows.perm = {1, 0};
  b.node("tuples", rows, {where}, tuples);
  b.node("picked", schema::GatherNdT{}, {chosen, tuples}, picked);
  b.model.outputs = {first[0], second[0], second[1], at, best, places, picked, variance};
  return b;
}

TEST(Hostile, NoChangedByteCrashes) {
  const auto good = everything().finish();
  auto whole = Model::from_bytes(good, "whole");
  ASSERT_TRUE(whole) << whole.error().text;
  auto sound = Session::create(*whole, {.precision = Precision::kF32});
  ASSERT_TRUE(sound) << sound.error().text;
  auto done = sound->run();
  ASSERT_TRUE(done) << done.error().text;
  schema::FileHeader header;
  std::memcpy(&header, good.data(), sizeof header);
  int ran = 0;
  for (size_t i = sizeof header; i < header.graph_offset + header.graph_bytes; ++i)
    for (uint8_t flip : {0x01, 0x80, 0xff}) {
      auto file = good;
      file[i] ^= std::byte{flip};
      ModelBuilder::rehash(file);
      auto model = Model::from_bytes(file, "mutated");
      if (!model) continue;
      auto session = Session::create(*model, {.precision = Precision::kF32});
      if (!session || !session->prepare() || session->arena_bytes() > (1 << 20)) continue;
      for (size_t k = 0; k < model->inputs().size(); ++k) {
        const Tensor t = session->input(static_cast<int>(k));
        auto* bytes = static_cast<uint8_t*>(t.data);
        for (size_t j = 0; j < static_cast<size_t>(t.shape.elements()) * size_of(t.dtype); ++j)
          bytes[j] = static_cast<uint8_t>(j * 37);
      }
      ran += static_cast<bool>(session->run());
    }
  EXPECT_GT(ran, 100);
}

}  // namespace
}  // namespace octet
