// Convolution against its definition: int8 byte for byte on every ISA, float within rounding, and files that are refused.
#include "tests/runtime/conv2d_rig.h"

namespace octet {
namespace {

using schema::ActKind;

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
extern "C" {
__attribute__((weak)) int omp_get_max_threads();
__attribute__((weak)) void omp_set_num_threads(int);
}

// OpenMP's setting belongs to the application.
TEST(Conv2dF32, OnednnLeavesOpenMpAsItWas) {
  if (!omp_get_max_threads || !omp_set_num_threads) GTEST_SKIP() << "oneDNN does not bring OpenMP";
  const int before = omp_get_max_threads();
  for (int threads : {1, 3}) {
    omp_set_num_threads(3);
    std::string kernel;
    ConvRig(layer(20, 20, 32, 64, 3, 1), 1).run(kernels::best_isa(), threads, false, true, &kernel);
    EXPECT_EQ(kernel, std::string("conv onednn ") + kernels::best_isa().name);
    EXPECT_EQ(omp_get_max_threads(), 3);
  }
  omp_set_num_threads(before);
}

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
      EXPECT_EQ(kernel, std::string("conv onednn ") + kernels::best_isa().name) << c.text();
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

// Each byte of packed weights alone: padding must be zero, and no weight -128.
TEST(Conv2dCheck, LooksAtEveryPackedByte) {
  for (auto [in, out, kernel, groups] : {std::tuple{3, 5, 2, 1},
                                         {4, 16, 1, 1},
                                         {9, 17, 1, 1},
                                         {10, 66, 3, 2},
                                         {8, 33, 2, 1},
                                         {6, 48, 1, 3},
                                         {66, 16, 1, 1}}) {
    ConvRig rig(layer(4, 4, in, out, kernel, 0, 1, [count = groups](ConvCase& c) { c.groups = count; }), 1);
    const schema::PackedShape s{groups, out / groups, int64_t{kernel} * kernel, in / groups};
    std::vector<bool> real(rig.packed.size(), false);
    for (int64_t g = 0; g < groups; ++g)
      for (int64_t o = 0; o < s.out; ++o)
        for (int64_t t = 0; t < s.taps; ++t)
          for (int64_t k = 0; k < s.in; ++k) real[static_cast<size_t>(s.at(g, o, t, k))] = true;
    for (size_t i = 0; i < rig.packed.size(); ++i)
      for (int8_t v : {1, -127, -128}) {
        const int8_t before = std::exchange(rig.packed[i], v);
        EXPECT_EQ(static_cast<bool>(kConv2d.check_data(rig.node, rig.model)), real[i] && v != -128)
            << rig.c.text() << " byte " << i << ": " << int{v};
        rig.packed[i] = before;
      }
    EXPECT_TRUE(kConv2d.check_data(rig.node, rig.model));
  }
}

TEST(Conv2dCheck, LooksAtEveryFloatWeight) {
  ConvRig rig(layer(4, 4, 7, 5, 1, 0, 1, [](ConvCase& c) { c.s8 = false; }), 1);
  for (float& w : rig.weights_f32)
    for (float v : {NAN, INFINITY, -INFINITY}) {
      const float before = std::exchange(w, v);
      EXPECT_FALSE(kConv2d.check_data(rig.node, rig.model));
      w = before;
    }
  EXPECT_TRUE(kConv2d.check_data(rig.node, rig.model));
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
