// Of moving elements and of argmax, what is in 128 and 256 bits, for every x86 ISA (all have AVX2).
#pragma once
#include <immintrin.h>

#include <cstring>

namespace octet::kernels {
namespace {

using Bytes16 = __m128i;
inline __m128i load_128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
inline void store_128(void* p, __m128i v) { _mm_storeu_si128(static_cast<__m128i*>(p), v); }

inline __m128i zip_low(__m128i a, __m128i b) { return _mm_unpacklo_epi8(a, b); }
inline __m128i zip_high(__m128i a, __m128i b) { return _mm_unpackhi_epi8(a, b); }

// Three planes to pixels of 3 bytes, every 4 (the fourth keeps its value) or every 3 bytes. Returns the columns done.
inline int64_t interleave_planes(const uint8_t* in, int64_t in_pitch, uint8_t* out, int64_t out_pitch,
                                 int64_t columns) {
  const __m128i three = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
  const __m128i keep = _mm_set1_epi32(static_cast<int32_t>(0xff000000));
  int64_t c = 0;
  for (; c + 18 <= columns; c += 16) {  // packed pixels are stored 4 bytes too far, into pixels that follow
    const __m128i x = load_128(in + c), y = load_128(in + in_pitch + c), z = load_128(in + 2 * in_pitch + c);
    const __m128i xy_low = _mm_unpacklo_epi8(x, y), xy_high = _mm_unpackhi_epi8(x, y);
    const __m128i z_low = _mm_unpacklo_epi8(z, _mm_setzero_si128()), z_high = _mm_unpackhi_epi8(z, _mm_setzero_si128());
    const __m128i pixels[4] = {_mm_unpacklo_epi16(xy_low, z_low), _mm_unpackhi_epi16(xy_low, z_low),
                               _mm_unpacklo_epi16(xy_high, z_high), _mm_unpackhi_epi16(xy_high, z_high)};
    for (int i = 0; i < 4; ++i) {
      uint8_t* to = out + (c + 4 * i) * out_pitch;
      store_128(to,
                out_pitch == 4 ? _mm_blendv_epi8(pixels[i], load_128(to), keep) : _mm_shuffle_epi8(pixels[i], three));
    }
  }
  return c;
}

inline __m128i first_dwords(int n) { return _mm_cmpgt_epi32(_mm_set1_epi32(n), _mm_setr_epi32(0, 1, 2, 3)); }

// Up to 4 rows and columns of dwords.
inline void transpose_tile_32(const uint32_t* in, int64_t in_pitch, uint32_t* out, int64_t out_pitch, int rows,
                              int columns) {
  const __m128i width = first_dwords(columns), height = first_dwords(rows);
  __m128 r[4];
  for (int i = 0; i < 4; ++i) {
    const auto* from = reinterpret_cast<const int*>(in + (i < rows ? i : rows - 1) * in_pitch);
    r[i] = _mm_castsi128_ps(columns == 4 ? load_128(from) : _mm_maskload_epi32(from, width));
  }
  _MM_TRANSPOSE4_PS(r[0], r[1], r[2], r[3]);
  for (int i = 0; i < columns; ++i) {
    auto* to = reinterpret_cast<int*>(out + i * out_pitch);
    rows == 4 ? store_128(to, _mm_castps_si128(r[i])) : _mm_maskstore_epi32(to, height, _mm_castps_si128(r[i]));
  }
}

// Same as reference::transpose_32, in squares of 16 so that whole cache lines are read and written.
void transpose_32(const uint32_t* in, int64_t in_pitch, uint32_t* out, int64_t out_pitch, int64_t rows,
                  int64_t columns) {
  for (int64_t r0 = 0; r0 < rows; r0 += 16) {
    for (int64_t c0 = 0; c0 < columns; c0 += 16) {
      for (int64_t r = r0; r < rows && r < r0 + 16; r += 4) {
        for (int64_t c = c0; c < columns && c < c0 + 16; c += 4) {
          transpose_tile_32(in + r * in_pitch + c, in_pitch, out + c * out_pitch + r, out_pitch,
                            rows - r < 4 ? static_cast<int>(rows - r) : 4,
                            columns - c < 4 ? static_cast<int>(columns - c) : 4);
        }
      }
    }
  }
}

inline int highest_byte(__m256i v) {
  const __m128i lowest =
      _mm_xor_si128(_mm_max_epu8(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)), _mm_set1_epi8(-1));
  return 255 - _mm_extract_epi16(_mm_minpos_epu16(_mm_min_epu8(lowest, _mm_srli_epi16(lowest, 8))), 0);
}

alignas(64) constexpr uint8_t kFirst32[64] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                              255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                              255, 255, 255, 255, 255, 255, 255, 255, 255, 255};

// 32 bytes of a row from c on, zero past its end: zeros there come later than any real zero.
inline __m256i load_row(const uint8_t* row, int c, int channels) {
  const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + c));
  if (channels - c >= 32) return v;
  return _mm256_and_si256(v, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kFirst32 + 32 - (channels - c))));
}

// Same as reference::argmax_u8.
void argmax_u8(const uint8_t* in, int64_t in_pitch, int64_t rows, int channels, int64_t* out) {
  for (int64_t r = 0; r < rows; ++r) {
    const uint8_t* row = in + r * in_pitch;
    __m256i best = load_row(row, 0, channels);
    for (int c = 32; c < channels; c += 32) best = _mm256_max_epu8(best, load_row(row, c, channels));
    const __m256i wanted = _mm256_set1_epi8(static_cast<char>(highest_byte(best)));
    for (int c = 0;; c += 32) {
      const uint32_t found =
          static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(load_row(row, c, channels), wanted)));
      if (found) {
        out[r] = c + __builtin_ctz(found);
        break;
      }
    }
  }
}

}  // namespace
}  // namespace octet::kernels
