// The list of ISAs and the choice among them.
#include <cstdlib>
#include <cstring>

#include "tests/kernels/support.h"

namespace octet::kernels::test {
namespace {

TEST(Isa, TablesAreCompleteAndScalarIsLast) {
  ASSERT_FALSE(all_isas().empty());
  EXPECT_STREQ(all_isas().back()->name, "scalar");
  EXPECT_TRUE(supported(*all_isas().back()));
  for (const Isa* isa : all_isas()) {
    EXPECT_GE(isa->conv_rows, 1) << isa->name;
    EXPECT_LE(isa->conv_rows, kMaxRows) << isa->name;
    EXPECT_LE(isa->conv_rows_f32, kMaxRows) << isa->name;
    EXPECT_TRUE(isa->activation_offset == 0 || isa->activation_offset == 128) << isa->name;
    void (*const* entry)() = reinterpret_cast<void (*const*)()>(&isa->conv_tile);
    for (; static_cast<const void*>(entry) < static_cast<const void*>(isa + 1); ++entry)
      EXPECT_NE(*entry, nullptr) << isa->name;
  }
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
