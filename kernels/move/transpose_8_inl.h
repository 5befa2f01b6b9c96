// Transposes of bytes, by interleaving vectors of 16.
#pragma once
#include <cstring>

#if defined(__x86_64__)
#include "kernels/move/movement_x86_inl.h"
#else
#include "kernels/move/movement_neon_inl.h"
#endif
#include "kernels/isa/unroll_inl.h"

namespace octet::kernels {
namespace {

// Each step interleaves the first half of the bytes with the second, which moves the highest bit of their addresses to the
// lowest place: as many steps as there are bits in a row's number turn a matrix.
template <int kVectors, int kSteps>
[[gnu::always_inline]] inline void interleave_halves(Bytes16 (&v)[kVectors]) {
  unroll<kSteps>([&](auto) __attribute__((always_inline)) {
    Bytes16 to[kVectors];
    unroll<kVectors / 2>([&](auto i) __attribute__((always_inline)) {
      to[2 * i] = zip_low(v[i], v[i + kVectors / 2]);
      to[2 * i + 1] = zip_high(v[i], v[i + kVectors / 2]);
    });
    unroll<kVectors>([&](auto i) __attribute__((always_inline)) { v[i] = to[i]; });
  });
}

// f(at) for pieces of 16 out of `count` >= 16, the last of which may overlap the one before it.
template <class F>
[[gnu::always_inline]] inline void pieces_of_16(int64_t count, F f) {
  int64_t at = 0;
  for (; at + 16 <= count; at += 16) f(at);
  if (at < count) f(count - 16);
}

constexpr int bits_of(int count) { return count == 1 ? 0 : 1 + bits_of(count / 2); }

// A few rows to columns that follow each other, as in a channel shuffle.
template <int kRows>
void zip_rows(const uint8_t* in, int64_t in_pitch, uint8_t* out, int64_t columns) {
  pieces_of_16(
      columns, [=](int64_t c) __attribute__((always_inline)) {
        Bytes16 v[kRows];
        unroll<kRows>([&](auto r) __attribute__((always_inline)) { v[r] = load_128(in + r * in_pitch + c); });
        interleave_halves<kRows, bits_of(kRows)>(v);
        unroll<kRows>([&](auto r) __attribute__((always_inline)) { store_128(out + c * kRows + r * 16, v[r]); });
      });
}

// Two rows of 8 to 15 columns; loads 16 bytes of each.
inline void zip_two_short_rows(const uint8_t* in, int64_t in_pitch, uint8_t* out, int64_t columns) {
  for (const int64_t c : {int64_t{0}, columns - 8})
    store_128(out + 2 * c, zip_low(load_128(in + c), load_128(in + in_pitch + c)));
}

// The reverse: a few columns of rows that follow each other.
template <int kColumns>
void unzip_columns(const uint8_t* in, uint8_t* out, int64_t out_pitch, int64_t rows) {
  pieces_of_16(
      rows, [=](int64_t r) __attribute__((always_inline)) {
        Bytes16 v[kColumns];
        unroll<kColumns>([&](auto c) __attribute__((always_inline)) { v[c] = load_128(in + r * kColumns + c * 16); });
        interleave_halves<kColumns, bits_of(16)>(v);
        unroll<kColumns>([&](auto c) __attribute__((always_inline)) { store_128(out + c * out_pitch + r, v[c]); });
      });
}

// Up to 16 rows and columns; loads 16 bytes of each row.
inline void transpose_tile_8(const uint8_t* in, int64_t in_pitch, uint8_t* out, int64_t out_pitch, int rows,
                             int columns) {
  Bytes16 v[16];
  for (int i = 0; i < 16; ++i) v[i] = load_128(in + (i < rows ? i : rows - 1) * in_pitch);
  interleave_halves<16, bits_of(16)>(v);
  if (rows == 16 && columns == 16) {
    for (int i = 0; i < 16; ++i) store_128(out + i * out_pitch, v[i]);
    return;
  }
  alignas(16) uint8_t copy[16][16];
  for (int i = 0; i < 16; ++i) store_128(copy[i], v[i]);
  for (int i = 0; i < columns; ++i) std::memcpy(out + i * out_pitch, copy[i], static_cast<size_t>(rows));
}

// Same as reference::transpose_8.
void transpose_8(const uint8_t* in, int64_t in_pitch, uint8_t* out, int64_t out_pitch, int64_t rows, int64_t columns) {
  if (rows == 2 && out_pitch == 2 && columns >= 8 && columns < 16)
    return zip_two_short_rows(in, in_pitch, out, columns);
  if (columns >= 16 && out_pitch == rows) {
    if (rows == 2) return zip_rows<2>(in, in_pitch, out, columns);
    if (rows == 4) return zip_rows<4>(in, in_pitch, out, columns);
    if (rows == 8) return zip_rows<8>(in, in_pitch, out, columns);
  }
  if (rows >= 16 && in_pitch == columns) {
    if (columns == 2) return unzip_columns<2>(in, out, out_pitch, rows);
    if (columns == 4) return unzip_columns<4>(in, out, out_pitch, rows);
    if (columns == 8) return unzip_columns<8>(in, out, out_pitch, rows);
  }
  if (rows == 3 && (out_pitch == 4 || out_pitch == 3)) {
    const int64_t done = interleave_planes(in, in_pitch, out, out_pitch, columns);
    in += done, out += done * out_pitch, columns -= done;
  }
  for (int64_t r = 0; r < rows; r += 16) {
    const int height = rows - r < 16 ? static_cast<int>(rows - r) : 16;
    for (int64_t c = 0; c < columns; c += 16) {
      const int width = columns - c < 16 ? static_cast<int>(columns - c) : 16;
      transpose_tile_8(in + r * in_pitch + c, in_pitch, out + c * out_pitch + r, out_pitch, height, width);
    }
  }
}

}  // namespace
}  // namespace octet::kernels
