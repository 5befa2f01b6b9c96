// The list of ISAs and the choice among them.
#include <cstdlib>
#include <cstring>

#include "kernels/isa/row.h"
#include "tests/kernels/support.h"

namespace octet::kernels::test {
namespace {

TEST(Isa, TablesAreCompleteAndScalarIsLast) {
  ASSERT_FALSE(all_isas().empty());
  EXPECT_STREQ(all_isas().back()->name, "scalar");
  EXPECT_TRUE(supported(*all_isas().back()));
  for (const Isa* isa : all_isas()) {
    EXPECT_GE(isa->gemm_s8.rows, 1) << isa->name;
    EXPECT_LE(isa->gemm_s8.rows, kMaxRows) << isa->name;
    EXPECT_EQ(isa->gemm_s8.channels % kBlock, 0) << isa->name;
    EXPECT_GT(isa->gemm_s8.cost, 0) << isa->name;
    EXPECT_NE(isa->gemm_s8.run, nullptr) << isa->name;
    EXPECT_LE(isa->conv_rows_f32, kMaxRows) << isa->name;
    EXPECT_NE(isa->depthwise_s8.packed_bytes, nullptr) << isa->name;
    EXPECT_NE(isa->depthwise_s8.pack, nullptr) << isa->name;
    EXPECT_NE(isa->depthwise_s8.run, nullptr) << isa->name;
    for (int offset : {isa->gemm_s8.activation_offset, isa->depthwise_s8.activation_offset})
      EXPECT_TRUE(offset == 0 || offset == 128) << isa->name;
    EXPECT_FALSE(isa->gemm_s8.wide) << isa->name;
    if (const GemmS8& wide = isa->gemm_wide; wide.run) {
      EXPECT_TRUE(wide.wide) << isa->name;
      EXPECT_LE(wide.rows, kMaxRows) << isa->name;
      EXPECT_LT(wide.cost, isa->gemm_s8.cost) << isa->name;
    }
    EXPECT_EQ(isa->needs, isa->gemm_s8.needs | isa->gemm_wide.needs | isa->depthwise_s8.needs | isa->vectors_need)
        << isa->name;
    const VectorKernels& vectors = *isa;
    void (*const* entry)() = reinterpret_cast<void (*const*)()>(&vectors.finish);
    for (; static_cast<const void*>(entry) < static_cast<const void*>(&vectors + 1); ++entry)
      EXPECT_NE(*entry, nullptr) << isa->name;
  }
}

void other_tile(const ConvTile&) {}

// What a row leaves out is the slower one's, and needs what that needs.
TEST(Isa, WhatARowLeavesOutIsTheSlowerOnes) {
  static constexpr GemmS8 kTile = {.needs = 1u << 31, .rows = 3, .channels = 32, .cost = 1, .run = other_tile};
  const IsaRow& scalar = *isa_rows().back();
  const Isa slower = complete(scalar), isa = complete({.name = "other", .slower = &scalar, .gemm_s8 = &kTile});
  EXPECT_STREQ(isa.name, "other");
  EXPECT_EQ(isa.gemm_s8.run, other_tile);
  EXPECT_EQ(isa.gemm_s8.rows, 3);
  EXPECT_EQ(isa.depthwise_s8.run, slower.depthwise_s8.run);
  EXPECT_EQ(isa.finish, slower.finish);
  EXPECT_EQ(isa.argmax_f32, slower.argmax_f32);
  EXPECT_EQ(isa.needs, slower.needs | 1u << 31);
  EXPECT_FALSE(supported(isa));
}

TEST(Isa, EnvironmentNamesOne) {
  setenv("OCTET_CPU", "scalar", 1);
  EXPECT_EQ(isa_choice_error(), nullptr);
  EXPECT_STREQ(best_isa().name, "scalar");
  setenv("OCTET_CPU", "z80", 1);
  EXPECT_NE(isa_choice_error(), nullptr);
  unsetenv("OCTET_CPU");
  EXPECT_EQ(isa_choice_error(), nullptr);
  EXPECT_STREQ(best_isa().name, "scalar") << "chosen once";
}

}  // namespace
}  // namespace octet::kernels::test
