// Winograd's algorithm of a layer: every shape that it fits against the definition, the bound that it needs, and the memory that
// a plan gives it.
#include "runtime/core/memory.h"
#include "tests/runtime/build_model.h"
#include "tests/runtime/conv2d_rig.h"

namespace octet {
namespace conv {
extern const Algorithm kInt8Winograd;
}
namespace {

using conv::kInt8Winograd;

// What random_case gives, with the one window that there is.
ConvCase winograd_case(unsigned seed) {
  ConvCase c = random_case(seed);
  if (c.groups == c.in) c.groups = 1;
  c.kernel_h = c.kernel_w = 3;
  c.stride_h = c.stride_w = c.dilation_h = c.dilation_w = 1;
  c.pad_bottom += std::max<int>(0, 3 - static_cast<int>(c.h) - c.pad_top - c.pad_bottom);
  c.pad_right += std::max<int>(0, 3 - static_cast<int>(c.w) - c.pad_left - c.pad_right);
  return c;
}

bool fits(ConvRig& rig, const kernels::Isa& isa) {
  Step step;
  bool fitting = false;
  rig.with_layer(isa, 1, true, false, step, [&](const conv::Layer& l) { fitting = kInt8Winograd.fits(l); });
  return fitting;
}

std::vector<const kernels::Isa*> with_winograd() {
  std::vector<const kernels::Isa*> offering;
  for (const kernels::Isa* isa : isas())
    if (isa->winograd_s8.output) offering.push_back(isa);
  return offering;
}

TEST(Winograd, GivesTheBytesOfTheDefinition) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    ConvRig rig(winograd_case(seed + 7000), seed);
    const auto expected = rig.expected_int8();
    for (const kernels::Isa* isa : with_winograd()) {
      ASSERT_TRUE(fits(rig, *isa)) << rig.c.text();
      EXPECT_EQ(rig.run(*isa, seed % 3 ? 1 : 3, true, false, nullptr, &kInt8Winograd), expected)
          << isa->name << ": " << rig.c.text();
    }
    if (HasFailure()) return;
  }
}

// Strips of tiles, chunks of channels, few tiles and many.
TEST(Winograd, ThreadsShareALayer) {
  for (const auto& [h, w, in, out] : {std::array<int64_t, 4>{40, 40, 32, 64}, {9, 8, 16, 200}, {4, 4, 64, 130}})
    for (int threads : {1, 2, 3, 5}) {
      ConvRig rig(layer(h, w, in, out, 3, 1), 9);
      const auto expected = rig.expected_int8();
      for (const kernels::Isa* isa : with_winograd())
        EXPECT_EQ(rig.run(*isa, threads, true, false, nullptr, &kInt8Winograd), expected)
            << isa->name << " " << threads << " threads: " << rig.c.text();
    }
}

TEST(Winograd, NeedsItsWindow) {
  const auto changed = [](const std::function<void(ConvCase&)>& change) {
    return layer(9, 9, 16, 16, 3, 1, 1, change);
  };
  for (const ConvCase& c :
       {changed([](ConvCase& l) { l.stride_h = 2; }), changed([](ConvCase& l) { l.stride_w = 2; }),
        changed([](ConvCase& l) { l.dilation_h = 2; }), changed([](ConvCase& l) { l.dilation_w = 2; }),
        changed([](ConvCase& l) { l.kernel_h = 2; }), changed([](ConvCase& l) { l.kernel_w = 4; }),
        changed([](ConvCase& l) { l.groups = 16; })}) {
    ConvRig rig(c, 1);
    for (const kernels::Isa* isa : isas()) EXPECT_FALSE(fits(rig, *isa)) << isa->name << ": " << c.text();
  }
}

// Weights of one output channel whose positive (or negative) ones sum to `sum`, and the largest input.
struct AtSum : ConvRig {
  AtSum(int64_t sum, int sign, int64_t channel) : ConvRig(layer(6, 5, 120, 20, 3, 1), 3) {
    std::fill(x.begin(), x.end(), uint8_t{255});
    const auto depth = static_cast<size_t>(9 * c.in), first = static_cast<size_t>(channel) * depth;
    for (size_t i = first; i < first + depth; ++i) {
      const int64_t w = std::min<int64_t>(sum, 127);
      weights[i] = static_cast<int8_t>(sign * w), sum -= w;
    }
    EXPECT_EQ(sum, 0);
    schema::pack_conv_s8({1, c.out, 9, c.in}, weights.data(), packed.data());
  }
};

TEST(Winograd, NeedsSumsBelow2To25) {
  constexpr int64_t kMost = 131586;  // times 255: just below 2^25
  for (int sign : {1, -1})
    for (int64_t channel : {0, 19}) {
      AtSum below(kMost, sign, channel), above(kMost + 1, sign, channel);
      const auto expected = below.expected_int8();
      for (const kernels::Isa* isa : with_winograd()) {
        EXPECT_TRUE(fits(below, *isa));
        EXPECT_EQ(below.run(*isa, 1, true, false, nullptr, &kInt8Winograd), expected) << isa->name;
        EXPECT_FALSE(fits(above, *isa)) << isa->name << ": that layer is direct";
      }
    }
}

// Convolutions one behind the other, of {channels in, out}, over a square image.
ModelBuilder layers(int64_t side, const std::vector<std::array<int64_t, 2>>& channels) {
  ModelBuilder b;
  int x = b.input("x", {1, side, side, channels[0][0]});
  b.quantise(x, {0.02f}, {128});
  for (size_t i = 0; i < channels.size(); ++i) {
    const auto [in, out] = channels[i];
    std::vector<int8_t> weights(static_cast<size_t>(out * 9 * in));
    for (size_t k = 0; k < weights.size(); ++k) weights[k] = static_cast<int8_t>(static_cast<int>(k * 7919 % 127) - 63);
    const std::string name = "conv" + std::to_string(i);
    const int w =
        b.conv_weights(name + ".w", {out, 3, 3, in}, weights, std::vector<float>(static_cast<size_t>(out), 0.0004f));
    const int y = b.tensor(name, {1, side, side, out});
    schema::Conv2dT attributes;
    attributes.pad_top = attributes.pad_left = attributes.pad_bottom = attributes.pad_right = 1;
    b.node(name, attributes, {x, w}, y);
    if (i + 1 < channels.size()) b.quantise(y, {0.02f}, {120});
    x = y;
  }
  b.model.outputs = {x};
  b.model.int8_ops = {"conv2d"};
  return b;
}

// The layers that run by Winograd, one letter each.
std::string transformed(const Session& session) {
  std::string which;
  for (const StepProfile& s : session.profile())
    if (s.kernel.find("winograd") != std::string::npos) which += s.node.back();
  return which;
}

std::vector<float> output(Session& session) {
  float next = 0;
  for (float& v : session.input(0).f32()) v = next = next > 2 ? -2 : next + 0.13f;
  EXPECT_TRUE(session.run());
  const auto y = session.output(0).f32();
  return {y.begin(), y.end()};
}

// What a plan accepts says the cost model of this CPU; some have faster products.
bool pays(const Model& model) {
  const auto session = Session::create(model, {.profile = true});
  EXPECT_TRUE(session) << session.error().text;
  return session && !transformed(*session).empty();
}

// The middle layer saves most for a byte, then the last; where there is no room for it, another takes what there is.
TEST(WinogradMemory, GoesToTheLargestSavingsFirst) {
  const Model model = layers(32, {{64, 128}, {128, 128}, {128, 64}}).loaded();
  if (!pays(model)) GTEST_SKIP() << "direct products are faster on this CPU";
  std::vector<std::string> seen;
  std::vector<float> expected;
  for (size_t limit = 100 << 10; limit < size_t{12} << 20; limit += 200 << 10) {
    auto session = Session::create(model, {.memory_limit = limit, .profile = true});
    if (!session) {
      EXPECT_EQ(session.error().code, Code::kMemory);
      EXPECT_TRUE(seen.empty()) << "refused at " << limit << " where less was enough";
      continue;
    }
    EXPECT_LE(session->memory_bytes(), limit);
    const std::string now = transformed(*session);
    if (seen.empty() || seen.back() != now) seen.push_back(now);
    const auto y = output(*session);
    if (expected.empty()) expected = y;
    EXPECT_EQ(y, expected) << limit;
    const auto again = Session::create(model, {.memory_limit = limit, .profile = true});
    ASSERT_TRUE(again) << again.error().text;
    EXPECT_EQ(transformed(*again), now) << "the same choice on every run";
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"", "2", "1", "12", "012"}));
}

// Beside a matmul whose weights take 4 MiB in the order of its kernel: the convolution takes no memory that the rest needs.
TEST(WinogradMemory, IsLeftToWhatCannotDoWithout) {
  ModelBuilder b = layers(16, {{128, 128}});
  constexpr int64_t kSide = 1024;
  const int v = b.input("v", {1, kSide}), y = b.tensor("y", {1, kSide});
  const int w = b.f32("w", {kSide, kSide}, std::vector<float>(kSide * kSide, 0.5f));
  schema::MatMulT product;
  product.transpose_b = true;
  b.node("fc", product, {v, w}, y);
  b.model.outputs.push_back(y);
  const Model model = b.loaded();
  if (!pays(model)) GTEST_SKIP() << "direct products are faster on this CPU";
  std::string seen;
  for (size_t limit = size_t{4} << 20; limit < size_t{8} << 20; limit += 50 << 10) {
    const auto session = Session::create(model, {.memory_limit = limit, .profile = true, .use_onednn = false});
    EXPECT_TRUE(session || seen.empty()) << "refused at " << limit << " where less was enough";
    if (session) seen = transformed(*session).empty() ? "direct" : "winograd";
  }
  EXPECT_EQ(seen, "winograd");
}

TEST(WinogradMemory, IsLimitedByDefaultAndSharedAndDropped) {
  // 18 MiB each; three times the weights are 20 MiB, where one is within.
  const Model model = layers(24, {{512, 512}, {512, 512}, {512, 512}}).loaded();
  if (!pays(model)) GTEST_SKIP() << "direct products are faster on this CPU";
  {
    const auto first = Session::create(model, {.profile = true}), second = Session::create(model, {.profile = true});
    ASSERT_TRUE(first && second);
    EXPECT_EQ(transformed(*first), "0");
    EXPECT_EQ(transformed(*second), "0");
    EXPECT_GT(model.data().constants.bytes(), size_t{18} << 20);
    EXPECT_LT(model.data().constants.bytes(), size_t{19} << 20);
    EXPECT_EQ(first->memory_bytes(), second->memory_bytes());
  }
  EXPECT_EQ(model.data().constants.bytes(), 0u);
}

TEST(WinogradMemory, OptionalBytesFollowTheWeights) {
  constexpr size_t kMiB = size_t{1} << 20;
  EXPECT_EQ(optional_bytes(0), 16 * kMiB);
  EXPECT_EQ(optional_bytes(7 * kMiB), 21 * kMiB);
  EXPECT_EQ(optional_bytes(16 * kMiB), 48 * kMiB);
  EXPECT_EQ(optional_bytes(~size_t{0}), 48 * kMiB);
}

}  // namespace
}  // namespace octet
