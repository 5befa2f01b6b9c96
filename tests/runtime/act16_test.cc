// Activations in 16-bit integers, from the fields of a file to bytes: FORMAT.md's definition on every algorithm and instruction set,
// and what the loader refuses.
#include "runtime/ops/conv/act16.h"
#include "tests/runtime/build_model.h"
#include "tests/runtime/conv2d_rig.h"

namespace octet {
namespace {

using schema::ActKind;

// Any curve: what it stands for does not matter here.
schema::Act16 any_curve(std::mt19937& random, bool odd) {
  const auto s16 = [&](int most) { return static_cast<int16_t>(static_cast<int>(random() % (2u * most + 1)) - most); };
  std::array<int16_t, 8> value, slope, bend;
  for (size_t i = 0; i < 8; ++i) value[i] = s16(9000), slope[i] = s16(3000), bend[i] = s16(3000);
  const auto step = static_cast<int16_t>(8 + random() % 100);
  return schema::Act16(odd ? 0.0011f : 0.0f, odd, static_cast<uint8_t>(random() % 7), odd ? s16(5000) : int16_t{0},
                       static_cast<int16_t>(std::min(32767, ((1 << 18) - 1) / step)), step, value, slope, bend);
}

int sat(int v) { return std::min(std::max(v, -32768), 32767); }
int mulr(int a, int b) { return (a * b + (1 << 14)) >> 15; }

// FORMAT.md, line by line.
uint8_t by_definition(const ConvRig& rig, const schema::Act16& a, int64_t pixel, int64_t n) {
  const ConvCase& c = rig.c;
  const auto at = static_cast<size_t>(n);
  const double s_out = rig.y_quant.scale_at(0);
  const double unit = rig.x_quant.scale.size() > 1 ? double{rig.weight_scale[at]}
                                                   : double{rig.x_quant.scale_at(0)} * rig.weight_scale[at];
  int64_t acc = c.bias ? static_cast<int64_t>(std::nearbyint(rig.bias[at] / unit)) : 0;
  acc += rig.sum<int64_t>(pixel, n, [&](int64_t i, int64_t channel, size_t w) {
    return int64_t{rig.x[static_cast<size_t>(i)] - rig.x_quant.zero_at(channel)} * rig.weights[w];
  });
  const auto m = static_cast<float>(unit / (a.odd() ? double{a.unit()} : s_out / (1 << a.shift())));
  const int x = sat(static_cast<int>(std::nearbyintf(static_cast<float>(acc) * m)));
  const int u = std::min<int>(std::abs(x), a.limit()), t = (u * a.step()) & 0x7fff;
  const auto i = static_cast<uint16_t>((u * a.step()) >> 15);
  const int rounding = rig.y_quant.zero_at(0) * (1 << a.shift()) + (a.shift() ? 1 << (a.shift() - 1) : 0);
  const int ratio =
      c.residual ? static_cast<int>(std::nearbyint(rig.r_quant.scale_at(0) / s_out * (1 << (a.shift() + 8)))) : 0;
  const int constant = a.odd() ? 0 : rounding - ((rig.r_quant.zero_at(0) * ratio + 128) >> 8);
  const auto slope = static_cast<int16_t>(a.slope()->Get(i) + mulr(t, a.bend()->Get(i)));
  const auto curve = static_cast<int16_t>(a.value()->Get(i) + constant + mulr(t, slope));
  int y;
  if (a.odd()) {
    y = sat((x < 0 ? -curve : curve) + a.base() + rounding);
  } else {
    const int q = c.residual ? rig.residual[static_cast<size_t>(pixel * (c.out + c.out_gap) + n)] : 0;
    y = sat(std::max(x, 0) + sat(curve + ((q * ratio + 128) >> 8)));
  }
  return static_cast<uint8_t>(std::clamp(y >> a.shift(), c.relu_after ? rig.y_quant.zero_at(0) : 0, 255));
}

TEST(Act16, EveryAlgorithmGivesTheBytesOfTheDefinition) {
  int tried = 0, odd_ones = 0, with_residual = 0;
  for (unsigned seed = 1; seed <= 120; ++seed) {
    ConvCase c = random_case(seed + 9000);
    if (seed % 3 == 0)
      c.kernel_h = c.kernel_w = 3, c.stride_h = c.stride_w = c.dilation_h = c.dilation_w = 1, c.pad_bottom += 2,
      c.pad_right += 2;
    if (c.groups == c.in) c.groups = 1;
    const bool odd = seed % 4 == 0;
    c.act = odd ? ActKind::sigmoid : ActKind::silu, c.out_per_channel = c.f32_out = false;
    if (odd) c.residual = false;
    ConvRig rig(c, seed);
    rig.r_quant.scale.resize(1), rig.r_quant.zero.resize(1);
    rig.model.tensors[3].quant = rig.r_quant.view();
    const schema::Act16 curve = any_curve(rig.random, odd);
    rig.node.act16 = &curve;
    const schema::Activation act(c.act, 0, 0);
    const auto fine = conv::check_act16(
        rig.node, rig.model, conv::geometry_of(rig.node.attributes<schema::Conv2d>(), rig.model.tensors[1].shape), &act,
        c.relu_after);
    if (!fine) continue;  // a value that left s16
    const int64_t pixels = c.batch * c.out_h() * c.out_w(), pitch = c.out + c.out_gap;
    std::vector<std::byte> expected(static_cast<size_t>(pixels * pitch), std::byte{0xAB});
    for (int64_t p = 0; p < pixels; ++p)
      for (int64_t n = 0; n < c.out; ++n)
        expected[static_cast<size_t>(p * pitch + n)] = std::byte{by_definition(rig, curve, p, n)};
    ++tried, odd_ones += odd, with_residual += c.residual;
    for (const kernels::Isa* isa : isas()) {
      Step step;
      std::vector<const conv::Algorithm*> fitting;
      rig.with_layer(*isa, 1, true, false, step, [&](const conv::Layer& l) {
        for (const conv::Algorithm* a : conv::algorithms())
          if (a->fits(l)) fitting.push_back(a);
      });
      for (const conv::Algorithm* a : fitting)
        EXPECT_EQ(rig.run(*isa, seed % 3 ? 1 : 2, true, false, nullptr, a), expected)
            << a->name << " " << isa->name << ": " << c.text();
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(tried, 60);
  EXPECT_GT(odd_ones, 15);
  EXPECT_GT(with_residual, 10);
}

// x {1, 4, 4, 4} -> conv 1x1 with SiLU -> y, quantised, y read as u8 by a pool.
ModelBuilder model_with(const schema::Act16& act,
                        const std::function<void(ModelBuilder&, schema::Conv2dT&)>& change = {}) {
  ModelBuilder b;
  const int x = b.input("x", {1, 4, 4, 4});
  b.quantise(x, {0.02f}, {128});
  const int w = b.conv_weights("w", {4, 1, 1, 4}, std::vector<int8_t>(16, 50), {0.01f, 0.01f, 0.01f, 0.01f});
  const int y = b.tensor("y", {1, 4, 4, 4}), z = b.tensor("z", {1, 2, 2, 4});
  b.quantise(y, {0.05f}, {6});
  b.quantise(z, {0.05f}, {6});
  schema::Conv2dT conv;
  conv.act = schema::Activation(ActKind::silu, 0, 0);
  if (change) change(b, conv);
  b.node("layer", conv, {x, w, -1}, y);
  b.model.nodes.back()->act16 = std::make_unique<schema::Act16>(act);
  schema::Pool2dT pool;
  pool.kernel_h = pool.kernel_w = pool.stride_h = pool.stride_w = 2;
  b.node("pool", pool, {y}, z);
  b.model.outputs = {z};
  b.model.int8_ops = {"conv2d", "pool2d"};
  return b;
}

schema::Act16 curve_of(bool odd, int shift, int limit, int step, int16_t value, float unit = 0, int16_t base = 0) {
  std::array<int16_t, 8> values, zeros{};
  values.fill(value);
  return schema::Act16(unit, odd, static_cast<uint8_t>(shift), base, static_cast<int16_t>(limit),
                       static_cast<int16_t>(step), values, zeros, zeros);
}

TEST(Act16, TheLoaderRefusesWhatLeavesTheBounds) {
  const auto act = [](ActKind kind) {
    return [kind](ModelBuilder&, schema::Conv2dT& c) { c.act = schema::Activation(kind, 0, 0); };
  };
  struct Case {
    const char* why;
    ModelBuilder model;
    const char* says;  // null: it is taken
  };
  const Case cases[] = {
      {"all is well", model_with(curve_of(false, 6, 10000, 26, -100)), nullptr},
      {"the last piece", model_with(curve_of(false, 6, 32767, 8, -100)), nullptr},
      {"a ninth piece", model_with(curve_of(false, 6, 32767, 9, -100)), "limit, step or shift"},
      {"a negative limit", model_with(curve_of(false, 6, -1, 8, -100)), "limit, step or shift"},
      {"a negative step", model_with(curve_of(false, 6, 100, -8, -100)), "limit, step or shift"},
      {"a shift of 15", model_with(curve_of(false, 15, 100, 8, -100)), "limit, step or shift"},
      {"a value that the zero point carries away", model_with(curve_of(false, 6, 100, 8, 32400)), "value"},
      {"the other kind", model_with(curve_of(true, 6, 100, 8, 0, 0.001f)), "another kind"},
      {"no kind", model_with(curve_of(false, 6, 100, 8, 0), act(ActKind::relu)), "another kind"},
      {"sigmoid", model_with(curve_of(true, 6, 100, 8, 0, 0.001f), act(ActKind::sigmoid)), nullptr},
      {"no unit", model_with(curve_of(true, 6, 100, 8, 0, 0), act(ActKind::sigmoid)), "unit"},
      {"a unit that is no number", model_with(curve_of(true, 6, 100, 8, 0, NAN), act(ActKind::sigmoid)), "unit"},
      {"sums beyond 2^31", model_with(curve_of(true, 6, 100, 8, 0, 1e-12f), act(ActKind::sigmoid)), "too large"},
      {"a base beyond s16", model_with(curve_of(true, 6, 100, 8, 0, 0.001f, 32700), act(ActKind::sigmoid)), "base"},
      {"scales by channel",
       model_with(curve_of(false, 6, 100, 8, 0),
                  [](ModelBuilder& b, schema::Conv2dT&) {
                    b.quantise(2, {0.05f, 0.05f, 0.05f, 0.05f}, {6, 6, 6, 6});
                  }),
       "each channel"},
  };
  for (const Case& c : cases) {
    const auto loaded = Model::from_bytes(c.model.finish(), "m.octet");
    EXPECT_EQ(static_cast<bool>(loaded), !c.says) << c.why << (loaded ? "" : ": " + loaded.error().text);
    if (!loaded && c.says) {
      EXPECT_NE(loaded.error().text.find(c.says), std::string::npos) << loaded.error().text;
      EXPECT_NE(loaded.error().text.find("layer"), std::string::npos) << loaded.error().text;
    }
  }
}

TEST(Act16, OtherOpsHaveNone) {
  ModelBuilder b = model_with(curve_of(false, 6, 10000, 26, -100));
  std::swap(b.model.nodes[0]->act16, b.model.nodes[1]->act16);
  const auto loaded = Model::from_bytes(b.finish(), "m.octet");
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().text.find("pool"), std::string::npos) << loaded.error().text;
}

// In float nothing of it counts.
TEST(Act16, FloatSessionsTakeTheActivationAsItIs) {
  const Model with = model_with(curve_of(false, 6, 100, 8, 20000)).loaded();
  ModelBuilder plain = model_with(curve_of(false, 6, 100, 8, 20000));
  plain.model.nodes[0]->act16.reset();
  const Model without = plain.loaded();
  const auto run = [](const Model& m, Precision precision) {
    SessionOptions options;
    options.precision = precision;
    auto s = Session::create(m, options);
    if (!s) ADD_FAILURE() << s.error().text;
    for (size_t i = 0; i < 64; ++i) s->input(0).f32()[i] = static_cast<float>(i) / 32 - 1;
    EXPECT_TRUE(s->run());
    const auto y = s->output(0).f32();
    return std::vector<float>(y.begin(), y.end());
  };
  EXPECT_EQ(run(with, Precision::kF32), run(without, Precision::kF32));
  EXPECT_NE(run(with, Precision::kInt8), run(without, Precision::kInt8));
}

}  // namespace
}  // namespace octet
