// Transposes and argmax of every ISA against the reference.
#include <cmath>
#include <cstring>
#include <limits>

#include "tests/kernels/support.h"

namespace octet::kernels::test {
namespace {

struct Shape {
  int64_t rows, columns, in_extra, out_extra;
  const char* why;
};
constexpr Shape kShapes[] = {
    {3, 100, 0, 1, "planes to padded pixels"},
    {3, 101, 0, 0, "planes to pixels"},
    {3, 17, 2, 5, "planes, odd pitch"},
    {3, 16, 0, 0, "planes to pixels, whole vectors"},
    {100, 3, 0, 0, "pixels to planes"},
    {1, 50, 0, 0, "one row"},
    {50, 1, 0, 0, "one column"},
    {16, 16, 0, 0, "one tile"},
    {17, 15, 1, 2, "tile +1 -1"},
    {33, 47, 3, 1, "tails"},
    {64, 85, 0, 0, "detector head"},
    {4, 40, 0, 0, "four planes"},
    {2, 9, 0, 2, "two planes"},
    {2, 16, 0, 0, "shuffle of two groups, one vector"},
    {2, 61, 7, 0, "shuffle of two groups, tail"},
    {2, 7, 0, 0, "shuffle of two groups of 7"},
    {2, 8, 0, 0, "shuffle of two groups of 8"},
    {2, 9, 3, 0, "shuffle of two groups of 9"},
    {2, 12, 0, 0, "shuffle of two groups of 12"},
    {2, 15, 0, 0, "shuffle of two groups of 15"},
    {4, 33, 1, 0, "shuffle of four groups"},
    {8, 58, 0, 0, "shuffle of eight groups"},
    {8, 15, 0, 0, "shuffle of eight groups, less than a vector"},
    {24, 2, 0, 3, "two groups apart"},
    {16, 2, 0, 0, "two groups apart, one vector"},
    {61, 4, 0, 0, "four groups apart"},
    {47, 8, 0, 1, "eight groups apart"},
    {47, 8, 1, 0, "eight of nine columns"},
};

template <class T>
std::vector<T> values(Random& random, int64_t count) {
  std::vector<T> v(static_cast<size_t>(count) + kReadSlack / sizeof(T));
  for (auto& x : v) x = static_cast<T>(random.integer(0, 1 << 30));
  return v;
}

TEST(Transpose, Shapes) {
  Random random(21);
  for (const Shape& s : kShapes) {
    const int64_t in_pitch = s.columns + s.in_extra, out_pitch = s.rows + s.out_extra;
    const auto bytes = values<uint8_t>(random, s.rows * in_pitch);
    const std::vector<uint32_t> words = values<uint32_t>(random, s.rows * in_pitch);
    const size_t size = static_cast<size_t>(s.columns * out_pitch) + 16;  // and what must stay as it is
    std::vector<uint8_t> bytes_expected(size, 0x3C);
    std::vector<uint32_t> words_expected(size, 0x3C3C);
    reference::transpose_8(bytes.data(), in_pitch, bytes_expected.data(), out_pitch, s.rows, s.columns);
    reference::transpose_32(words.data(), in_pitch, words_expected.data(), out_pitch, s.rows, s.columns);
    for (const Isa* isa : supported_isas()) {
      std::vector<uint8_t> bytes_got(size, 0x3C);
      std::vector<uint32_t> words_got(size, 0x3C3C);
      isa->transpose_8(bytes.data(), in_pitch, bytes_got.data(), out_pitch, s.rows, s.columns);
      isa->transpose_32(words.data(), in_pitch, words_got.data(), out_pitch, s.rows, s.columns);
      ASSERT_TRUE(same(bytes_expected, bytes_got)) << isa->name << " bytes, " << s.why;
      ASSERT_TRUE(same(words_expected, words_got)) << isa->name << " words, " << s.why;
    }
  }
}

TEST(ArgMax, U8AndF32) {
  Random random(22);
  for (int channels = 1; channels <= 150; ++channels) {
    const int64_t rows = 1 + channels % 37, pitch = channels + channels % 3;
    auto bytes = random.bytes(rows * pitch);
    for (int n = 0; n < channels; ++n) bytes[static_cast<size_t>(n)] = 0;  // a row of zeros
    auto reals = random.reals(rows * pitch, -1, 1);
    for (size_t i = 0; i < reals.size(); i += 2) reals[i] = std::nearbyint(reals[i]) - 2 * (i % 5 == 0);
    for (size_t i = 0; i < reals.size(); i += 17)
      reals[i] = i % 4 ? std::numeric_limits<float>::quiet_NaN() : -INFINITY;
    std::vector<int64_t> expected(static_cast<size_t>(rows)), got(expected.size());
    for (const Isa* isa : supported_isas()) {
      reference::argmax_u8(bytes.data(), pitch, rows, channels, expected.data());
      isa->argmax_u8(bytes.data(), pitch, rows, channels, got.data());
      ASSERT_EQ(expected, got) << isa->name << " u8 channels " << channels;
      reference::argmax_f32(reals.data(), pitch, rows, channels, expected.data());
      isa->argmax_f32(reals.data(), pitch, rows, channels, got.data());
      ASSERT_EQ(expected, got) << isa->name << " f32 channels " << channels;
    }
  }
}

}  // namespace
}  // namespace octet::kernels::test
