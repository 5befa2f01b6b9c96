// The list of ISAs and the choice among them.
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
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
    if (const GemmS8& tiles = isa->gemm_tiles; tiles.run) {
      EXPECT_FALSE(tiles.wide) << isa->name;
      EXPECT_LE(tiles.rows, kMaxRows) << isa->name;
      EXPECT_EQ(tiles.activation_offset, 0) << isa->name;
      EXPECT_LT(tiles.cost, isa->gemm_s8.cost) << isa->name;
    }
    EXPECT_EQ(isa->needs, isa->gemm_s8.needs | isa->gemm_wide.needs | isa->gemm_tiles.needs | isa->depthwise_s8.needs |
                              isa->vectors_need)
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

int asked = 0;

template <int kError>
long answer(int code, uint64_t argument) {
  ++asked;
  if (code != 0x1023 || argument != 18) return 0;  // not the question: would read as granted
  errno = kError;
  return kError ? -1 : 0;
}

TEST(Isa, TilesAreUsedOnlyWhereTheSystemGrantsThem) {
  constexpr int kNotSupported = 524;  // the kernel's ENOTSUPP: an alternate signal stack too small for the frame
  asked = 0;
  EXPECT_TRUE(ask_for_tiles(answer<0>));
  EXPECT_FALSE(ask_for_tiles(answer<EPERM>));
  EXPECT_FALSE(ask_for_tiles(answer<EINVAL>)) << "a kernel that does not know the question";
  EXPECT_FALSE(ask_for_tiles(answer<kNotSupported>));
  EXPECT_EQ(asked, 4) << "one question each";
}

// What needs tiles is supported where the CPU has them and the system grants them, in a child as in its parent.
TEST(Isa, SupportOfTilesIsInheritedByFork) {
  Isa isa = *all_isas().back();
  isa.needs |= kAmx;
  const bool here = supported(isa);
  EXPECT_EQ(here, (cpu_features() & kAmx) && tiles_permitted());
  if (!(cpu_features() & kAmx)) {
    EXPECT_FALSE(tiles_permitted()) << "never asked for where the CPU has none";
  }
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(supported(isa) == here ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
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
