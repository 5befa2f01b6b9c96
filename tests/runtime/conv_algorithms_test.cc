// The algorithms of a layer: each on every shape that it fits against the definition, and the choice among them.
#include <atomic>
#include <cstdlib>

#include "tests/runtime/conv2d_rig.h"

namespace octet {
namespace {

using conv::Algorithm;

template <class F>
void for_each_fitting(ConvRig& rig, const kernels::Isa& isa, bool int8, const F& body) {
  Step step;
  std::vector<const Algorithm*> fitting;
  rig.with_layer(isa, 1, int8, true, step, [&](const conv::Layer& l) {
    for (const Algorithm* a : conv::algorithms())
      if (a->fits(l)) fitting.push_back(a);
  });
  ASSERT_FALSE(fitting.empty()) << rig.c.text();
  for (const Algorithm* a : fitting) body(*a);
}

// Few channels and wide windows, so that merged runs are among them; every third without a gap between pixels.
ConvCase small_case(unsigned seed) {
  ConvCase c = random_case(seed);
  if (seed % 2 == 0) {
    c.groups = 1, c.in = 1 + seed % 17, c.kernel_w = 2 + static_cast<int>(seed % 4), c.dilation_w = 1;
    c.in_gap = seed % 3 ? (4 - c.in % 4) % 4 : 0;
    c.pad_right = std::max<int>(c.pad_right, c.kernel_w);
  }
  return c;
}

TEST(Algorithms, EachGivesTheBytesOfTheDefinitionInInt8) {
  std::map<std::string, int> tried;
  for (unsigned seed = 1; seed <= 150; ++seed) {
    ConvRig rig(small_case(seed + 5000), seed);
    const auto expected = rig.expected_int8();
    for (const kernels::Isa* isa : isas())
      for_each_fitting(rig, *isa, true, [&](const Algorithm& a) {
        ++tried[a.name];
        EXPECT_EQ(rig.run(*isa, seed % 3 ? 1 : 3, true, true, nullptr, &a), expected)
            << a.name << " " << isa->name << ": " << rig.c.text();
      });
    if (HasFailure()) return;
  }
  for (const char* name : {"int8_gemm", "int8_merged", "int8_merged_repacked", "int8_depthwise"})
    EXPECT_GT(tried[name], 10 * static_cast<int>(isas().size())) << name;
  const auto all = isas();
  if (std::any_of(all.begin(), all.end(), [](const kernels::Isa* isa) { return isa->gemm_wide.run; })) {
    EXPECT_GT(tried["int8_wide"], 10);
  }
  if (std::any_of(all.begin(), all.end(), [](const kernels::Isa* isa) { return isa->gemm_tiles.run; })) {
    for (const char* name : {"int8_tiles", "int8_tiles_merged", "int8_tiles_merged_repacked"})
      EXPECT_GT(tried[name], 10) << name;
  }
}

// Layers whose taps fill whole tiles: read where they lie, copied at borders, ends of lines and for strides that share places of
// the cache, cut into slices and among threads.
TEST(Algorithms, WholeTilesOfInput) {
  const ConvCase cases[] = {
      layer(6, 40, 64, 48, 3, 1),
      layer(7, 20, 128, 33, 3, 1, 1, [](ConvCase& c) { c.act = schema::ActKind::silu, c.residual = true; }),
      layer(9, 37, 64, 80, 3, 1, 2, [](ConvCase& c) { c.batch = 2, c.out_per_channel = true; }),
      layer(9, 33, 64, 16, 3, 2, 1, [](ConvCase& c) { c.dilation_h = c.dilation_w = 2; }),
      layer(5, 33, 256, 64, 1, 0, 1, [](ConvCase& c) { c.groups = 2, c.in_gap = 16; }),
      layer(4, 17, 2048, 300, 1, 0, 1, [](ConvCase& c) { c.f32_out = true; }),
      layer(3, 8, 448, 40, 3, 1),
      layer(1, 1, 512, 100),
  };
  for (const ConvCase& c : cases) {
    ConvRig rig(c, 11);
    const auto expected = rig.expected_int8();
    for (const kernels::Isa* isa : isas())
      for_each_fitting(rig, *isa, true, [&](const Algorithm& a) {
        for (int threads : {1, 3})
          EXPECT_EQ(rig.run(*isa, threads, true, true, nullptr, &a), expected)
              << a.name << " " << isa->name << ": " << c.text();
      });
  }
}

TEST(Algorithms, EachIsTheDefinitionInFloat) {
  std::map<std::string, int> tried;
  for (unsigned seed = 1; seed <= 100; ++seed) {
    ConvCase c = random_case(seed + 6000);
    c.s8 = seed % 3 == 0;
    if (seed % 2) c.in_gap = c.out_gap = 0;
    ConvRig rig(c, seed);
    for_each_fitting(rig, kernels::best_isa(), false, [&](const Algorithm& a) {
      Step step;  // oneDNN may find that it has no code
      bool prepared = false;
      rig.with_layer(kernels::best_isa(), 1, false, true, step,
                     [&](const conv::Layer& l) { prepared = conv::prepare_by(a, l); });
      if (!prepared) return;
      ++tried[a.name];
      const auto got = rig.run(kernels::best_isa(), 1, false, true, nullptr, &a);
      for (int64_t p = 0; p < c.batch * c.out_h() * c.out_w(); ++p)
        for (int64_t n = 0; n < c.out; ++n) {
          float v;
          std::memcpy(&v, got.data() + static_cast<size_t>(p * (c.out + c.out_gap) + n) * 4, 4);
          const double want = rig.expected_f32(p, n);
          ASSERT_NEAR(v, want, 1e-5 * (1 + std::abs(want))) << a.name << " seed " << seed << ": " << c.text();
        }
    });
    if (HasFailure()) return;
  }
  for (const char* name : {"f32_gemm", "f32_depthwise"}) EXPECT_GT(tried[name], 5) << name;
}

// What is chosen, whatever the instruction set and the number of threads.
TEST(Algorithms, TheChoice) {
  struct Row {
    ConvCase c;
    bool int8;
    const char* expected;
    const char* with_tiles = expected;  // where the instruction set has a tile unit
  };
  const auto depthwise = [](ConvCase& c) { c.groups = c.in; };
  const auto gap = [](int64_t bytes) { return [bytes](ConvCase& c) { c.in_gap = bytes; }; };
  const Row rows[] = {
      {layer(20, 20, 3, 16, 3, 1, 2), true, "int8_merged_repacked", "int8_tiles_merged_repacked"},
      {layer(20, 20, 3, 16, 3, 1, 2, gap(1)), true, "int8_merged", "int8_tiles_merged"},
      {layer(20, 20, 3, 16, 3, 1, 2, gap(2)), true, "int8_gemm"},
      {layer(20, 20, 64, 16, 3, 1), true, "int8_merged", "int8_tiles_merged"},
      {layer(20, 20, 61, 16, 3, 1), true, "int8_merged_repacked", "int8_tiles_merged_repacked"},
      {layer(20, 20, 68, 16, 3, 1), true, "int8_gemm", "int8_tiles"},
      {layer(20, 20, 16, 16), true, "int8_gemm"},
      {layer(20, 20, 64, 32), true, "int8_gemm", "int8_tiles"},
      {layer(1, 1, 512, 512), true, "int8_gemm"},
      {layer(1, 16, 512, 512), true, "int8_gemm", "int8_tiles"},
      {layer(20, 20, 16, 16, 3, 1, 1, [](ConvCase& c) { c.dilation_w = 2; }), true, "int8_gemm", "int8_tiles"},
      {layer(20, 20, 16, 16, 3, 1, 1, [](ConvCase& c) { c.groups = 2; }), true, "int8_gemm", "int8_tiles"},
      {layer(20, 20, 16, 16, 3, 1, 1, depthwise), true, "int8_depthwise"},
      {layer(20, 20, 16, 16, 3, 1), false, "f32_gemm"},
      {layer(20, 20, 1, 1, 3, 1), false, "f32_gemm"},
      {layer(20, 20, 16, 16, 3, 1, 1, depthwise), false, "f32_depthwise"},
  };
  for (const Row& row : rows)
    for (const kernels::Isa* isa : isas())
      for (int threads : {1, 4}) {
        Step step;
        ConvRig rig(row.c, 1);
        rig.with_layer(*isa, threads, row.int8, false, step, [&](const conv::Layer& l) {
          const char* expected = isa->gemm_tiles.run ? row.with_tiles : row.expected;
          EXPECT_STREQ(conv::candidates(l).front()->name, expected) << isa->name << ": " << row.c.text();
        });
      }
#ifdef OCTET_HAVE_ONEDNN
  for (const ConvCase& c : {layer(20, 20, 16, 16, 3, 1), layer(1, 1, 1, 1), layer(9, 9, 16, 16, 3, 1, 1, depthwise)}) {
    Step step;
    ConvRig(c, 1).with_layer(kernels::best_isa(), 1, false, true, step,
                             [&](const conv::Layer& l) { EXPECT_STREQ(conv::candidates(l).front()->name, "onednn"); });
  }
#endif
}

// Where tiles compute directly, Winograd's products would take longer.
TEST(Algorithms, TilesLeaveNothingToWinograd) {
  for (const kernels::Isa* isa : isas())
    for (const int64_t channels : {32, 64, 128}) {
      Step step;
      ConvRig rig(layer(40, 40, channels, channels, 3, 1), 1);
      rig.with_layer(*isa, 1, true, false, step, [&](const conv::Layer& l) {
        if (isa->gemm_tiles.run) {
          EXPECT_TRUE(conv::offers(l).empty()) << isa->name << " " << channels;
        }
      });
    }
}

thread_local int inside = 0;
std::atomic<int> stays{0}, tiles{0}, outside{0};
void (*real_tile)(const kernels::ConvTile&) = nullptr;

// What a kernel sets up for a thread stands around all of its tiles of a step.
TEST(Algorithms, ThreadsEnterAndLeaveAKernel) {
  kernels::Isa isa = kernels::best_isa();
  isa.gemm_tiles = {};
  real_tile = isa.gemm_s8.run;
  isa.gemm_s8.enter = [] { ++inside, ++stays; };
  isa.gemm_s8.leave = [] { --inside; };
  isa.gemm_s8.run = [](const kernels::ConvTile& t) {
    ++tiles;
    outside += inside != 1;
    real_tile(t);
  };
  for (int threads : {1, 3}) {
    stays = tiles = outside = 0;
    ConvRig rig(layer(40, 40, 32, 64, 3, 1), 3);
    EXPECT_EQ(rig.run(isa, threads, true, false), rig.expected_int8());
    EXPECT_EQ(outside, 0);
    EXPECT_EQ(inside, 0);
    EXPECT_GT(stays, 0);
    EXPECT_LE(stays, threads);
    EXPECT_GT(tiles, 100);
  }
}

TEST(AlgorithmsDeathTest, AForcedOneMustExist) {
  const auto forced = [](const char* name) {
    setenv("OCTET_CONV", name, 1);  // of this test's own process, which has not read it yet
    Step step;
    ConvRig rig(layer(20, 20, 16, 16, 3, 1), 1);
    rig.with_layer(kernels::best_isa(), 1, true, false, step, [&](const conv::Layer& l) {
      const auto done = conv::prepare(l);
      std::fprintf(stderr, "%s then %s", conv::candidates(l).front()->name, done ? "ok" : done.error().text.c_str());
    });
    std::exit(0);
  };
  EXPECT_EXIT(forced("int8_gemm"), testing::ExitedWithCode(0), "int8_gemm then ok");
  EXPECT_EXIT(forced("f32_gemm"), testing::ExitedWithCode(0), "int8_merged then ok");  // does not fit this layer
  EXPECT_EXIT(forced("fft"), testing::ExitedWithCode(0), "OCTET_CONV names no algorithm of this build: fft");
}

}  // namespace
}  // namespace octet
