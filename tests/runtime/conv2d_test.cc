// Convolution against its definition: int8 byte for byte on every ISA, float within rounding, and files that are refused.
#include <functional>

#include "tests/runtime/conv2d_rig.h"

namespace octet {
namespace {

using schema::ActKind;

std::vector<const kernels::Isa*> isas() {
  std::vector<const kernels::Isa*> all;
  for (const kernels::Isa* isa : kernels::all_isas())
    if (kernels::supported(*isa)) all.push_back(isa);
  return all;
}

void expect_int8(const ConvCase& c, unsigned seed, int threads) {
  ConvRig rig(c, seed);
  const auto expected = rig.expected_int8();
  for (const kernels::Isa* isa : isas()) {
    const auto got = rig.run(*isa, threads, true, false);
    ASSERT_EQ(got.size(), expected.size());
    size_t wrong = 0, first = 0;
    for (size_t i = got.size(); i-- > 0;)
      if (got[i] != expected[i]) ++wrong, first = i;
    ASSERT_EQ(wrong, 0u) << isa->name << " seed " << seed << ": " << c.text() << "; first at " << first << ": "
                         << static_cast<int>(got[first]) << " for " << static_cast<int>(expected[first]);
  }
}

void expect_f32(const ConvCase& c, unsigned seed, const kernels::Isa& isa, bool onednn, int threads = 1) {
  ConvRig rig(c, seed);
  std::string kernel;
  const auto got = rig.run(isa, threads, false, onednn, &kernel);
  const int64_t pitch = c.out + c.out_gap;
  for (int64_t p = 0; p < c.batch * c.out_h() * c.out_w(); ++p)
    for (int64_t n = 0; n < c.out; ++n) {
      float v;
      std::memcpy(&v, got.data() + static_cast<size_t>(p * pitch + n) * 4, 4);
      const double want = rig.expected_f32(p, n);
      ASSERT_NEAR(v, want, 1e-5 * (1 + std::abs(want)))
          << kernel << " seed " << seed << ": " << c.text() << " at " << p << "," << n;
    }
}

ConvCase random_case(unsigned seed) {
  std::mt19937 random(seed);
  const auto pick = [&](std::initializer_list<int> list) { return list.begin()[random() % list.size()]; };
  const auto chance = [&](unsigned of) { return random() % of == 0; };
  ConvCase c;
  c.batch = pick({1, 1, 2, 3});
  c.h = pick({1, 3, 5, 8, 13}), c.w = pick({1, 2, 7, 16, 17, 33});
  c.in = pick({1, 2, 3, 4, 5, 8, 15, 16, 17, 24, 32, 33, 40}),
  c.out = pick({1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 40, 64, 70});
  if (chance(4)) c.groups = pick({2, 3, 5}), c.in *= c.groups, c.out *= c.groups;
  if (chance(4)) c.groups = c.in = c.out = pick({2, 3, 15, 16, 17, 32, 33, 40, 64, 70});
  c.kernel_h = pick({1, 1, 2, 3, 3, 5, 6}), c.kernel_w = pick({1, 1, 2, 3, 3, 5, 6});
  c.stride_h = pick({1, 1, 2, 3}), c.stride_w = pick({1, 1, 2, 3});
  if (chance(5)) c.dilation_h = pick({1, 2, 3}), c.dilation_w = pick({1, 2, 3});
  if (!chance(3))
    c.pad_top = pick({0, 1, 2, 5}), c.pad_left = pick({0, 1, 2, 7}), c.pad_bottom = pick({0, 1, 2, 4}),
    c.pad_right = pick({0, 1, 3});
  c.pad_bottom +=
      std::max<int>(0, c.dilation_h * (c.kernel_h - 1) + 1 - static_cast<int>(c.h) - c.pad_top - c.pad_bottom);
  c.pad_right +=
      std::max<int>(0, c.dilation_w * (c.kernel_w - 1) + 1 - static_cast<int>(c.w) - c.pad_left - c.pad_right);
  c.act = static_cast<ActKind>(chance(3) ? 0 : random() % 9);
  if (c.act == ActKind::clip) c.a = chance(2) ? 0.0f : -1.25f, c.b = chance(2) ? 6.0f : 1.3f;
  if (c.act == ActKind::leaky_relu) c.a = 0.1f;
  if (c.act == ActKind::hard_swish || c.act == ActKind::hard_sigmoid) c.a = chance(2) ? 1.0f / 6 : 0.2f, c.b = 0.5f;
  c.residual = chance(3), c.relu_after = chance(4), c.bias = !chance(4);
  c.in_per_channel = chance(3), c.out_per_channel = chance(3), c.f32_out = chance(5);
  if (chance(4)) c.in_zero = pick({0, 255, 128});
  if (chance(3)) c.in_gap = pick({1, 3, 16});
  if (chance(3)) c.out_gap = pick({1, 5, 16});
  return c;
}

// A layer with a square window, the same stride and padding both ways; `more` sets the rest.
ConvCase layer(int64_t h, int64_t w, int64_t in, int64_t out, int kernel = 1, int pad = 0, int stride = 1,
               const std::function<void(ConvCase&)>& more = {}) {
  ConvCase c;
  c.h = h, c.w = w, c.in = in, c.out = out;
  c.kernel_h = c.kernel_w = kernel, c.stride_h = c.stride_w = stride;
  c.pad_top = c.pad_left = c.pad_bottom = c.pad_right = pad;
  if (more) more(c);
  return c;
}

TEST(Conv2dInt8, EqualsDefinitionRandom) {
  for (unsigned seed = 1; seed <= 400; ++seed) {
    expect_int8(random_case(seed), seed, seed % 3 == 0 ? 3 : 1);
    if (HasFatalFailure()) return;
  }
}

TEST(Conv2dInt8, EqualsDefinitionNamed) {
  struct Named {
    ConvCase c;
    const char* why;
  };
  const Named cases[] = {
      {layer(24, 34, 3, 16, 6, 2, 2, [](ConvCase& c) { c.act = ActKind::silu; }), "stem"},
      {layer(24, 34, 3, 16, 6, 2, 2, [](ConvCase& c) { c.in_gap = 1; }), "stem, 4 bytes a pixel: merged rows"},
      {layer(9, 3, 8, 40, 5, 2, 1, [](ConvCase& c) { c.kernel_h = 3, c.pad_top = c.pad_bottom = 1, c.in_zero = 255; }),
       "merged rows, all windows cross both borders"},
      {layer(4, 4, 4, 16, 3, 9, 1, [](ConvCase& c) { c.in_zero = 200; }), "windows that see padding only"},
      {layer(20, 20, 256, 256, 3, 1), "weights over the cache's share: units"},
      {layer(1, 1, 512, 1000), "one pixel: threads take channels"},
      {layer(2, 2, 48, 144, 3, 1, 1, [](ConvCase& c) { c.groups = 3; }),
       "groups of 48 channels, no multiple of a unit"},
  };
  for (const Named& n : cases)
    for (int threads : {1, 2, 5}) {
      SCOPED_TRACE(n.why);
      expect_int8(n.c, 7, threads);
      if (HasFatalFailure()) return;
    }
}

TEST(Conv2dF32, OwnEqualsDefinition) {
  for (unsigned seed = 1; seed <= 250; ++seed) {
    ConvCase c = random_case(seed + 1000);
    c.s8 = seed % 3 == 0;
    for (const kernels::Isa* isa : isas()) expect_f32(c, seed, *isa, false, seed % 4 == 0 ? 3 : 1);
    if (HasFatalFailure()) return;
  }
}

#ifdef OCTET_HAVE_ONEDNN
TEST(Conv2dF32, OnednnEqualsDefinition) {
  for (unsigned seed = 1; seed <= 250; ++seed) {
    ConvCase c = random_case(seed + 2000);
    c.s8 = seed % 3 == 0;
    if (seed % 2) c.in_gap = c.out_gap = 0;
    expect_f32(c, seed, kernels::best_isa(), true, seed % 4 == 0 ? 2 : 1);
    if (HasFatalFailure()) return;
  }
}

// Large enough that threads share a layer: by lines, or by images.
TEST(Conv2dF32, OnednnTakesTheUsualLayers) {
  const ConvCase cases[] = {
      layer(20, 20, 32, 64, 3, 1, 1, [](ConvCase& c) { c.act = ActKind::silu; }),
      layer(21, 20, 32, 64, 5, 2, 2),
      layer(20, 20, 32, 64, 1, 0, 1, [](ConvCase& c) { c.act = ActKind::relu; }),
      layer(9, 9, 64, 64, 3, 0, 1, [](ConvCase& c) { c.batch = 5, c.pad_top = c.pad_bottom = 1; }),
      layer(20, 20, 64, 64, 1, 0, 1, [](ConvCase& c) { c.act = ActKind::silu, c.relu_after = c.residual = true; }),
      layer(20, 20, 64, 64, 3, 0, 1,
            [](ConvCase& c) { c.groups = 64, c.act = ActKind::hard_swish, c.a = 1.0f / 6, c.b = 0.5f; }),
  };
  for (ConvCase c : cases)
    for (int threads : {1, 2, 3}) {
      std::string kernel;
      c.s8 = false;
      ConvRig(c, 1).run(kernels::best_isa(), threads, false, true, &kernel);
      EXPECT_EQ(kernel, "conv f32 onednn") << c.text();
      expect_f32(c, 1, kernels::best_isa(), true, threads);
    }
}
#endif

// Each row breaks a sound model in one way.
TEST(Conv2dCheck, RefusesDamage) {
  struct Damage {
    const char* expected;
    void (*apply)(ConvRig&);
  };
  const Damage damages[] = {
      {"bytes for weights", [](ConvRig& r) { r.model.tensors[1].bytes -= 64; }},
      {"bytes for weights",
       [](ConvRig& r) {
         r.model.tensors[1].shape = {8, 3, 3, 9};
       }},
      {"bytes for weights",
       [](ConvRig& r) {
         r.model.tensors[1].shape = {8, 1 << 20, 1, 1 << 20};
       }},
      {"weights {8, 0, 3, 8}",
       [](ConvRig& r) {
         r.model.tensors[1].shape = {8, 0, 3, 8};
       }},
      {"rank 4",
       [](ConvRig& r) {
         r.model.tensors[1].shape = {8, 8};
       }},
      {"not constant", [](ConvRig& r) { r.model.tensors[1].constant = false; }},
      {"weights of type", [](ConvRig& r) { r.model.tensors[1].dtype = DType::kS32; }},
      {"not packed",
       [](ConvRig& r) {
         r.model.tensors[1].packing = schema::Packing::dense;
         r.model.tensors[1].bytes = 8 * 9 * 8;
       }},
      {"-128", [](ConvRig& r) { r.packed[5] = -128; }},
      {"not zero", [](ConvRig& r) { r.packed[8 * 4] = 1; }},
      {"weight scales", [](ConvRig& r) { r.model.tensors[1].weight_scale = std::span(r.weight_scale).first(7); }},
      {"not positive", [](ConvRig& r) { r.weight_scale[3] = 0; }},
      {"not positive", [](ConvRig& r) { r.weight_scale[3] = NAN; }},
      {"biases", [](ConvRig& r) { r.model.tensors[2].bytes = 28; }},
      {"finite", [](ConvRig& r) { r.bias[1] = INFINITY; }},
      {"float constant", [](ConvRig& r) { r.model.tensors[2].constant = false; }},
      {"channels in 'x'", [](ConvRig& r) { r.model.tensors[0].shape[3] = 9; }},
      {"channels in 'y'", [](ConvRig& r) { r.model.tensors[4].shape[3] = 9; }},
  };
  for (const Damage& d : damages) {
    ConvRig rig({.kernel_h = 3, .kernel_w = 3, .pad_top = 1}, 1);
    d.apply(rig);
    auto checked = kConv2d.check(rig.node, rig.model);
    if (checked) checked = kConv2d.check_data(rig.node, rig.model);
    ASSERT_FALSE(checked) << d.expected;
    EXPECT_NE(checked.error().text.find(d.expected), std::string::npos) << checked.error().text;
  }
}

TEST(Conv2dCheck, RefusesAttributes) {
  struct Row {
    const char* expected;
    void (*apply)(schema::Conv2dT&);
  };
  const Row rows[] = {
      {"stride", [](schema::Conv2dT& a) { a.stride_h = 0; }},
      {"dilation", [](schema::Conv2dT& a) { a.dilation_w = 1 << 30; }},
      {"padding", [](schema::Conv2dT& a) { a.pad_left = -1; }},
      {"padding", [](schema::Conv2dT& a) { a.pad_bottom = 1 << 17; }},
      {"groups", [](schema::Conv2dT& a) { a.groups = 0; }},
      {"groups", [](schema::Conv2dT& a) { a.groups = 3; }},
      {"activation", [](schema::Conv2dT& a) { a.act = schema::Activation(static_cast<ActKind>(77), 0, 0); }},
  };
  for (const Row& row : rows) {
    ConvRig rig({}, 1);
    schema::Conv2dT a;
    a.act = schema::Activation(ActKind::none, 0, 0);
    row.apply(a);
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(schema::Conv2d::Pack(builder, &a));
    rig.node.op = flatbuffers::GetRoot<schema::Conv2d>(builder.GetBufferPointer());
    auto checked = kConv2d.check(rig.node, rig.model);
    ASSERT_FALSE(checked) << row.expected;
    EXPECT_NE(checked.error().text.find(row.expected), std::string::npos) << checked.error().text;
  }
}

TEST(Conv2dInfer, RefusesSizes) {
  ConvRig rig({.kernel_h = 3, .kernel_w = 3, .pad_top = 1}, 1);
  for (auto [x, residual, expected] : {std::tuple{Shape{1, 1, 9, 8}, Shape{}, "smaller than the window"},
                                       std::tuple{Shape{1, 9, 9, 7}, Shape{}, "input {1, 9, 9, 7}"},
                                       std::tuple{Shape{9, 9, 8}, Shape{}, "input {9, 9, 8}"},
                                       std::tuple{Shape{1, 9, 9, 8}, Shape{1, 9, 7, 8}, "residual"}}) {
    std::vector<Value> values(5);
    values[0].shape = x, values[1].shape = rig.model.tensors[1].shape, values[3].shape = residual;
    rig.node.inputs = {0, 1, 2, residual.rank() ? 3 : -1};
    Inference inference{rig.model, rig.node, values};
    auto inferred = kConv2d.infer(inference);
    ASSERT_FALSE(inferred) << expected;
    EXPECT_NE(inferred.error().text.find(expected), std::string::npos) << inferred.error().text;
  }
}

}  // namespace
}  // namespace octet
