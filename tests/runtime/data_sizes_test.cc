// Sizes that the data decide: what stands behind them is planned for the size found, and outputs have it.
#include <gtest/gtest.h>

#include <random>

#include "tests/runtime/build_model.h"

namespace octet {
namespace {

using schema::DType;

// y = the elements of x that are not 0, twice, side by side; where = their indices {found, rank}.
Model nonzeros() {
  ModelBuilder b;
  const int x = b.input("x", {2, -1});
  const int found = b.tensor("found", {2, -1}, DType::s64);
  b.node("found", schema::NonZeroT{}, {x}, found);
  schema::TransposeT turn;
  turn.perm = {1, 0};
  const int where = b.tensor("where", {-1, 2}, DType::s64);
  b.node("where", turn, {found}, where);
  auto pick = [&](int64_t row) {
    schema::SliceT slice;
    slice.starts = {row}, slice.ends = {row + 1}, slice.axes = {0}, slice.steps = {1};
    const int part = b.tensor("row", {1, -1}, DType::s64);
    b.node("row" + std::to_string(row), slice, {found}, part);
    return part;
  };
  // Element i * width + j of x, flat.
  schema::ShapeOfT width_of;
  width_of.start = 1;
  const int width = b.tensor("width", {1}, DType::s64);
  b.node("width", width_of, {x}, width);
  schema::BinaryT times, plus;
  times.kind = schema::BinaryKind::mul;
  const int first = b.tensor("first", {1, -1}, DType::s64), index = b.tensor("index", {1, -1}, DType::s64);
  b.node("first", times, {pick(0), width}, first);
  b.node("index", plus, {first, pick(1)}, index);
  schema::ReshapeT flat;
  flat.shape = {-1};
  const int row = b.tensor("flat", {-1}), at = b.tensor("at", {-1}, DType::s64), y = b.tensor("picked", {-1});
  b.node("flat", flat, {x}, row);
  b.node("at", flat, {index}, at);
  b.node("picked", schema::GatherT{}, {row, at}, y);
  const int both = b.tensor("y", {-1});
  b.node("y", schema::ConcatT{}, {y, y}, both);
  b.model.outputs = {both, where, x};
  auto model = Model::from_bytes(b.finish(), "nonzeros.octet");
  EXPECT_TRUE(model) << model.error().text;
  return *model;
}

std::vector<float> filled(int64_t count, unsigned seed, unsigned zero_in) {
  std::mt19937 random(seed);
  std::vector<float> x(static_cast<size_t>(count));
  for (float& v : x) v = random() % zero_in ? 0.0f : static_cast<float>(random() % 100 + 1);
  return x;
}

TEST(DataSizes, OutputsAreAsLargeAsTheDataSay) {
  const Model model = nonzeros();
  auto session = Session::create(model, {.precision = Precision::kF32});
  ASSERT_TRUE(session) << session.error().text;
  unsigned seed = 0;
  for (int64_t width : {7, 20, 7, 3})
    for (unsigned zero_in : {1u, 2u, 5u, 1000000u, 2u}) {
      ASSERT_TRUE(session->resize_input(0, {2, width}));
      ASSERT_TRUE(session->prepare());
      const auto x = filled(2 * width, ++seed, zero_in);
      std::copy(x.begin(), x.end(), session->input(0).f32().begin());
      const auto done = session->run();
      ASSERT_TRUE(done) << done.error().text;
      std::vector<float> expected;
      std::vector<int64_t> where;
      for (int twice = 0; twice < 2; ++twice)
        for (size_t i = 0; i < x.size(); ++i) {
          if (x[i] == 0) continue;
          expected.push_back(x[i]);
          if (twice) where.push_back(static_cast<int64_t>(i) / width), where.push_back(static_cast<int64_t>(i) % width);
        }
      const auto y = session->output(0).f32();
      EXPECT_EQ(std::vector<float>(y.begin(), y.end()), expected);
      const auto at = session->output(1).s64();
      EXPECT_EQ(std::vector<int64_t>(at.begin(), at.end()), where);
      EXPECT_EQ(session->output(1).shape, Shape({static_cast<int64_t>(where.size() / 2), 2}));
      EXPECT_EQ(session->output(2).shape, Shape({2, width}));
    }
}

TEST(DataSizes, MemoryIsReservedForTheLargest) {
  const Model model = nonzeros();
  auto session = Session::create(model, {.precision = Precision::kF32});
  ASSERT_TRUE(session->resize_input(0, {2, 1000}));
  ASSERT_TRUE(session->prepare());
  const size_t before = session->arena_bytes();
  for (unsigned seed = 0; seed < 20; ++seed) {
    const auto x = filled(2000, seed, 1 + seed % 7);
    std::copy(x.begin(), x.end(), session->input(0).f32().begin());
    ASSERT_TRUE(session->run());
  }
  EXPECT_EQ(session->arena_bytes(), before);
}

// y = x[0:n], z = the elements of y that are not 0: one size follows from a value, the other from the data behind it.
TEST(DataSizes, ValuesMaySaySizesAndSizesMayFollowEachOther) {
  ModelBuilder b;
  const int x = b.input("x", {9}), n = b.input("n", {1}, DType::s64);
  const int zero = b.constant<int64_t>("zero", {1}, {0}, DType::s64);
  const int y = b.tensor("y", {-1}), at = b.tensor("at", {1, -1}, DType::s64);
  b.node("y", schema::SliceT{}, {x, zero, n}, y);
  b.node("at", schema::NonZeroT{}, {y}, at);
  const int picked = b.tensor("z", {1, -1});
  b.node("z", schema::GatherT{}, {y, at}, picked);
  b.model.outputs = {y, picked};
  auto model = Model::from_bytes(b.finish(), "m.octet");
  ASSERT_TRUE(model) << model.error().text;
  auto session = Session::create(*model, {.precision = Precision::kF32});
  ASSERT_TRUE(session) << session.error().text;
  const std::vector<float> data = {1, 0, 2, 0, 0, 3, 4, 0, 5};
  for (int64_t count : {9, 4, 0, 6, 100, 4}) {
    std::copy(data.begin(), data.end(), session->input(0).f32().begin());
    session->input(1).s64()[0] = count;
    const auto done = session->run();
    ASSERT_TRUE(done) << done.error().text;
    std::vector<float> kept(data.begin(), data.begin() + std::min<int64_t>(count, 9));
    const auto got = session->output(0).f32(), z = session->output(1).f32();
    EXPECT_EQ(std::vector<float>(got.begin(), got.end()), kept);
    std::erase(kept, 0.0f);
    EXPECT_EQ(std::vector<float>(z.begin(), z.end()), kept) << count;
  }
}

TEST(DataSizes, ErrorsBehindThemNameTheNode) {
  ModelBuilder b;
  const int x = b.input("x", {1, 8}), at = b.tensor("at", {2, -1}, DType::s64), y = b.tensor("y", {-1, 3}, DType::s64);
  b.node("at", schema::NonZeroT{}, {x}, at);
  schema::ReshapeT by_three;
  by_three.shape = {-1, 3};
  b.node("in threes", by_three, {at}, y);
  b.model.outputs = {y};
  auto model = Model::from_bytes(b.finish(), "m.octet");
  ASSERT_TRUE(model) << model.error().text;
  auto session = Session::create(*model, {.precision = Precision::kF32});
  ASSERT_TRUE(session) << session.error().text;  // the largest size does not go, others do
  const auto run = [&](int nonzeros) {
    const auto v = session->input(0).f32();
    for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<int>(i) < nonzeros ? 1.0f : 0.0f;
    return session->run();
  };
  const auto bad = run(4);
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().text.find("in threes"), std::string::npos) << bad.error().text;
  ASSERT_TRUE(run(6));
  EXPECT_EQ(session->output(0).shape, Shape({4, 3}));
}

struct NmsCase {
  int64_t images, classes, boxes, most;
  bool center;
  float iou, score;
};

// Straight from ONNX' description: boxes by falling score, each kept unless it overlaps one that is.
std::vector<int64_t> expected_nms(const NmsCase& c, const std::vector<float>& boxes, const std::vector<float>& scores) {
  auto corners = [&](int64_t image, int64_t i) {
    const float* b = &boxes[static_cast<size_t>((image * c.boxes + i) * 4)];
    if (c.center) return std::array{b[0] - b[2] / 2, b[1] - b[3] / 2, b[0] + b[2] / 2, b[1] + b[3] / 2};
    return std::array{std::min(b[1], b[3]), std::min(b[0], b[2]), std::max(b[1], b[3]), std::max(b[0], b[2])};
  };
  auto iou = [](const std::array<float, 4>& a, const std::array<float, 4>& b) {
    const float w = std::min(a[2], b[2]) - std::max(a[0], b[0]), h = std::min(a[3], b[3]) - std::max(a[1], b[1]);
    if (w <= 0 || h <= 0) return 0.0f;
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h);
  };
  std::vector<int64_t> rows;
  for (int64_t image = 0; image < c.images; ++image)
    for (int64_t k = 0; k < c.classes; ++k) {
      const float* s = &scores[static_cast<size_t>((image * c.classes + k) * c.boxes)];
      std::vector<int64_t> order, kept;
      for (int64_t i = 0; i < c.boxes; ++i)
        if (s[i] > c.score) order.push_back(i);
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return s[a] > s[b]; });
      for (int64_t i : order) {
        if (static_cast<int64_t>(kept.size()) == c.most) break;
        if (std::none_of(kept.begin(), kept.end(),
                         [&](int64_t o) { return iou(corners(image, o), corners(image, i)) > c.iou; }))
          kept.push_back(i);
      }
      for (int64_t i : kept) rows.insert(rows.end(), {image, k, i});
    }
  return rows;
}

TEST(NonMaxSuppression, KeepsWhatTheDescriptionKeeps) {
  const NmsCase cases[] = {{1, 1, 40, 100, false, 0.5f, 0.1f},  {2, 3, 60, 5, false, 0.3f, 0.0f},
                           {2, 2, 50, 20, true, 0.6f, 0.4f},    {1, 4, 30, 0, true, 0.5f, 0.1f},
                           {1, 2, 25, 25, true, 0.0f, 2.0f},    {3, 1, 0, 10, false, 0.5f, 0.1f},
                           {1, 3, 700, 400, false, 0.9f, 0.0f}, {2, 1, 129, 129, true, 1.0f, -1.0f}};
  for (const NmsCase& c : cases)
    for (int threads : {1, 3}) {
      ModelBuilder b;
      const int boxes = b.input("boxes", {c.images, -1, 4}), scores = b.input("scores", {c.images, c.classes, -1});
      const int most = b.constant<int64_t>("most", {1}, {c.most}, DType::s64);
      const int iou = b.f32("iou", {1}, {c.iou}), score = b.f32("score", {}, {c.score});
      const int y = b.tensor("y", {-1, 3}, DType::s64);
      schema::NonMaxSuppressionT op;
      op.center_point_box = c.center;
      b.node("nms", op, {boxes, scores, most, iou, score}, y);
      b.model.outputs = {y};
      auto model = Model::from_bytes(b.finish(), "m.octet");
      ASSERT_TRUE(model) << model.error().text;
      auto session = Session::create(*model, {.threads = threads, .precision = Precision::kF32});
      ASSERT_TRUE(session) << session.error().text;
      if (c.boxes == 0) {  // an input cannot be empty, and need not be
        EXPECT_FALSE(session->resize_input(0, {c.images, 0, 4}));
        continue;
      }
      ASSERT_TRUE(session->resize_input(0, {c.images, c.boxes, 4}));
      ASSERT_TRUE(session->resize_input(1, {c.images, c.classes, c.boxes}));
      ASSERT_TRUE(session->prepare());
      std::mt19937 random(static_cast<unsigned>(c.boxes));
      for (float& v : session->input(0).f32()) v = static_cast<float>(random() % 64) / 4;
      for (float& v : session->input(1).f32()) v = static_cast<float>(random() % 16) / 16;  // with equals
      const auto x = session->input(0).f32(), s = session->input(1).f32();
      const auto expected = expected_nms(c, {x.begin(), x.end()}, {s.begin(), s.end()});
      ASSERT_TRUE(session->run());
      const auto got = session->output(0).s64();
      EXPECT_EQ(std::vector<int64_t>(got.begin(), got.end()), expected);
      EXPECT_EQ(session->output(0).shape, Shape({static_cast<int64_t>(expected.size() / 3), 3}));
    }
}

// k as the caller's input, or as a constant: the text of the refusal has room for any number of elements.
TEST(TopK, RefusesAKThatIsManyNumbers) {
  for (int64_t declared : {int64_t{20}, int64_t{-1}})
    for (bool constant : {false, true}) {
      if (constant && declared < 0) continue;
      ModelBuilder b;
      const int x = b.input("x", {5});
      const int k = constant ? b.constant<int64_t>("k", {20}, std::vector<int64_t>(20, 4), DType::s64)
                             : b.input("k", {declared}, DType::s64);
      const int values = b.tensor("values", {-1}), indices = b.tensor("indices", {-1}, DType::s64);
      b.node("top", schema::TopKT{}, {x, k}, std::vector<int>{values, indices});
      b.model.outputs = {values};
      auto model = Model::from_bytes(b.finish(), "m.octet");
      std::string text;
      if (!model) {
        text = model.error().text;
      } else {
        auto session = Session::create(*model, {.precision = Precision::kF32});
        ASSERT_TRUE(session) << session.error().text;
        ASSERT_TRUE(session->resize_input(1, {20}));
        ASSERT_TRUE(session->prepare());
        for (int64_t& v : session->input(1).s64()) v = 4;
        const auto ran = session->run();
        ASSERT_FALSE(ran);
        text = ran.error().text;
      }
      EXPECT_NE(text.find("'top'"), std::string::npos) << text;
      EXPECT_NE(text.find("k must be one number"), std::string::npos) << text;
    }
}

TEST(Shape, OfMoreSizesThanThereAreDimsIsUnknown) {
  const std::vector<int64_t> many(20, 3);
  const Shape whole{std::span<const int64_t>(many)};
  EXPECT_EQ(whole.rank(), kMaxRank);
  EXPECT_EQ(whole.elements(), -1);
  Shape grown;
  for (int64_t size : many) grown.push_back(size);
  EXPECT_EQ(grown, whole);
  EXPECT_EQ(Shape(std::span<const int64_t>(many).first(kMaxRank)).elements(), 6561);
}

TEST(TopK, PicksTheBestAndTheFirstOfEquals) {
  for (bool largest : {true, false})
    for (int axis : {0, 1, -1}) {
      ModelBuilder b;
      const Shape shape = {5, 7, 6};
      const int x = b.input("x", {5, 7, 6}), k = b.constant<int64_t>("k", {1}, {4}, DType::s64);
      const int values = b.tensor("values", {-1, -1, -1}), indices = b.tensor("indices", {-1, -1, -1}, DType::s64);
      schema::TopKT op;
      op.axis = axis, op.largest = largest;
      b.node("top", op, {x, k}, std::vector<int>{values, indices});
      b.model.outputs = {indices, values};
      auto model = Model::from_bytes(b.finish(), "m.octet");
      ASSERT_TRUE(model) << model.error().text;
      auto session = Session::create(*model, {.threads = 2, .precision = Precision::kF32});
      ASSERT_TRUE(session) << session.error().text;
      std::mt19937 random(3);
      for (float& v : session->input(0).f32()) v = static_cast<float>(random() % 5);
      ASSERT_TRUE(session->run());
      const auto in = session->input(0).f32();
      const int dim = axis < 0 ? 2 : axis;
      int64_t inner = 1;
      for (int d = dim + 1; d < 3; ++d) inner *= shape[d];
      const int64_t size = shape[dim], outer = shape.elements() / size / inner;
      for (int64_t c = 0; c < outer * inner; ++c) {
        auto at = [&](int64_t i, int64_t n) {
          return static_cast<size_t>(c / inner * n * inner + i * inner + c % inner);
        };
        std::vector<int64_t> order(static_cast<size_t>(size));
        for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
        std::stable_sort(order.begin(), order.end(), [&](int64_t l, int64_t r) {
          return largest ? in[at(l, size)] > in[at(r, size)] : in[at(l, size)] < in[at(r, size)];
        });
        for (int64_t i = 0; i < 4; ++i) {
          EXPECT_EQ(session->output(0).s64()[at(i, 4)], order[static_cast<size_t>(i)]);
          EXPECT_EQ(session->output(1).f32()[at(i, 4)], in[at(order[static_cast<size_t>(i)], size)]);
        }
      }
    }
}

}  // namespace
}  // namespace octet
