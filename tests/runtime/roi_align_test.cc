// RoiAlign against its definition, with loops in double; boxes as a hostile model may give them.
#include "tests/runtime/op_rig.h"

namespace octet {
extern const OpKind kRoiAlign;

namespace {

using schema::PoolKind;

double pixel(const Operand& x, int64_t image, int64_t row, int64_t column, int64_t channel) {
  return double{x.values<float>()[static_cast<size_t>(ravel({image, row, column, channel}, x.shape))]};
}

// Neighbours along an axis and how much of each; nothing outside.
struct Pair {
  int64_t place[2];
  double weight[2];
};

std::optional<Pair> pair_at(double at, int64_t size) {
  if (at < -1 || at > static_cast<double>(size)) return std::nullopt;
  at = std::max(at, 0.0);
  const auto low = static_cast<int64_t>(at);
  if (low >= size - 1) return Pair{{size - 1, size - 1}, {1, 0}};
  return Pair{{low, low + 1}, {static_cast<double>(low + 1) - at, at - static_cast<double>(low)}};
}

double bin(const schema::RoiAlignT& a, const Operand& x, int64_t image, const float* box, int64_t py, int64_t px,
           int64_t channel) {
  const double shift = a.half_pixel ? 0.5 : 0;
  double start[2], size[2];
  int64_t samples[2];
  for (int k = 0; k < 2; ++k) {  // down, right
    start[k] = double{box[1 - k]} * double{a.scale} - shift;
    size[k] = double{box[3 - k]} * double{a.scale} - shift - start[k];
    if (!a.half_pixel) size[k] = std::max(size[k], 1.0);
    size[k] /= k ? a.out_w : a.out_h;
    samples[k] = a.samples ? a.samples : static_cast<int64_t>(std::ceil(size[k]));
  }
  double sum = 0, most = -INFINITY;
  for (int64_t iy = 0; iy < samples[0]; ++iy)
    for (int64_t ix = 0; ix < samples[1]; ++ix) {
      const auto place = [&](int k, int64_t p, int64_t i) {
        return start[k] +
               (static_cast<double>(p) + (static_cast<double>(i) + 0.5) / static_cast<double>(samples[k])) * size[k];
      };
      const auto down = pair_at(place(0, py, iy), x.shape[1]), right = pair_at(place(1, px, ix), x.shape[2]);
      if (!down || !right) {
        most = std::max(most, 0.0);
        continue;
      }
      for (int r = 0; r < 2; ++r)
        for (int c = 0; c < 2; ++c) {
          const double term =
              down->weight[r] * right->weight[c] * pixel(x, image, down->place[r], right->place[c], channel);
          sum += term;
          most = std::max(most, term);
        }
    }
  const int64_t all = std::max<int64_t>(samples[0] * samples[1], 1);
  return a.kind == PoolKind::max ? (std::isinf(most) ? 0 : most) : sum / static_cast<double>(all);
}

struct Case {
  schema::RoiAlignT attributes;
  int64_t h, w, c;
  const char* why;
};

const Case kCases[] = {
    {{.kind = PoolKind::average, .out_h = 2, .out_w = 3}, 9, 11, 5, "as many samples as pixels"},
    {{.kind = PoolKind::average, .out_h = 7, .out_w = 7, .samples = 2, .scale = .5f, .half_pixel = true},
     8,
     8,
     16,
     "detectors'"},
    {{.kind = PoolKind::average, .out_h = 1, .out_w = 1, .samples = 3, .scale = .25f},
     5,
     4,
     300,
     "more channels than pass at once"},
    {{.kind = PoolKind::max, .out_h = 3, .out_w = 2, .samples = 2, .half_pixel = true}, 7, 6, 17, "the largest"},
    {{.kind = PoolKind::max, .out_h = 2, .out_w = 2}, 6, 6, 3, "the largest, as many samples as pixels"},
    {{.kind = PoolKind::average, .out_h = 4, .out_w = 4, .samples = 1}, 1, 1, 4, "one pixel"},
};

const std::vector<float> kBoxes = {0, 0, 4, 4, 1.25f, 2.5f, 7.75f, 6.1f, 3, 3, 3,   3,   -5,  -4, 20,  30,
                                   5, 5, 2, 1, -9,    -9,   -6,    -6,   0, 0, .3f, .2f, 100, 90, 140, 120};

Operand boxes() { return operand<float>({static_cast<int64_t>(kBoxes.size() / 4), 4}, kBoxes); }

TEST(RoiAlign, IsItsDefinition) {
  const std::vector<int64_t> owners = {0, 1, 1, 0, 0, 1, 0, 1};
  for (const Case& c : kCases)
    for (int64_t gap : {0, 3}) {
      const Operand x = noise<float>({2, c.h, c.w, c.c}, 1);
      OpRig rig(kRoiAlign, c.attributes, {Operand(x).apart(gap), boxes().apart(gap), operand<int64_t>({8}, owners)},
                Operand{.gap = gap});
      const Operand y = run_everywhere(rig, c.why);
      ASSERT_EQ(y.shape, (Shape{8, c.attributes.out_h, c.attributes.out_w, c.c})) << c.why;
      for (int64_t i = 0; i < y.shape.elements(); ++i) {
        const int64_t channel = i % c.c, place = i / c.c, px = place % y.shape[2], py = place / y.shape[2] % y.shape[1];
        const auto box = static_cast<size_t>(place / y.shape[2] / y.shape[1]);
        ASSERT_NEAR(double{y.values<float>()[static_cast<size_t>(i)]},
                    bin(c.attributes, x, owners[box], kBoxes.data() + 4 * box, py, px, channel), 2e-5)
            << c.why << ": box " << box << " bin " << py << "," << px << " channel " << channel;
      }
    }
}

TEST(RoiAlign, NoBoxesGiveNoRows) {
  OpRig rig(kRoiAlign, schema::RoiAlignT{.out_h = 2, .out_w = 2},
            {noise<float>({1, 4, 4, 3}, 1), operand<float>({0, 4}, {}), operand<int64_t>({0}, {})}, Operand{});
  ASSERT_TRUE(rig.run()) << rig.error();
  EXPECT_EQ(rig.out().shape, (Shape{0, 2, 2, 3}));
}

// Whatever boxes and images a model computes: what is not there holds nothing, and the time is bounded.
TEST(RoiAlign, BoxesThatMakeNoSense) {
  constexpr float kWild[] = {0, -1, 1, INFINITY, -INFINITY, NAN, 1e30f, -1e30f, 4e6f, -4e6f, 1e-30f};
  constexpr int64_t kOwners[] = {0, 1, 2, -1, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()};
  std::mt19937 random(1);
  std::vector<float> edges;
  std::vector<int64_t> owners;
  for (int i = 0; i < 300; ++i) {
    for (int k = 0; k < 4; ++k) edges.push_back(kWild[random() % std::size(kWild)]);
    owners.push_back(kOwners[random() % std::size(kOwners)]);
  }
  for (PoolKind kind : {PoolKind::average, PoolKind::max})
    for (bool half : {false, true}) {
      const schema::RoiAlignT a{.kind = kind, .out_h = 2, .out_w = 2, .scale = half ? 1.0f : 0.5f, .half_pixel = half};
      OpRig rig(kRoiAlign, a,
                {noise<float>({2, 3, 4, 5}, 1), operand<float>({300, 4}, edges), operand<int64_t>({300}, owners)},
                Operand{});
      const Operand y = run_everywhere(rig, "wild boxes");
      for (size_t i = 0; i < y.values<float>().size(); ++i) {
        ASSERT_TRUE(std::isfinite(y.values<float>()[i])) << i;
        const size_t box = i / 20;
        ASSERT_TRUE((owners[box] >= 0 && owners[box] < 2) || y.values<float>()[i] == 0) << box;
      }
    }
}

TEST(RoiAlign, AttributesOutOfRangeAreRefused) {
  using A = schema::RoiAlignT;
  for (const A& a : {A{.out_h = 0}, A{.out_w = -1}, A{.out_h = 1 << 30}, A{.samples = -1}, A{.samples = 1 << 30},
                     A{.scale = NAN}, A{.kind = static_cast<PoolKind>(7)}}) {
    OpRig rig(kRoiAlign, a, {noise<float>({1, 4, 4, 3}, 1), boxes(), operand<int64_t>({8}, std::vector<int64_t>(8))},
              Operand{});
    EXPECT_FALSE(rig.run());
  }
  OpRig rig(kRoiAlign, A{}, {noise<float>({1, 4, 4, 3}, 1), boxes(), operand<int64_t>({7}, std::vector<int64_t>(7))},
            Operand{});
  EXPECT_FALSE(rig.run()) << "an image for each box";
}

}  // namespace
}  // namespace octet
