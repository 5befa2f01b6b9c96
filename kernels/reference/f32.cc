// The oracle of the float kernels: sums in one order, rounded once a product, so that every instruction set gives the same bits.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/math.h"
#include "kernels/owed.h"
#include "kernels/quant.h"
#include "kernels/reference/reference.h"

namespace octet::kernels::reference {
namespace {

float finish(float v, const Activation& act, const float* residual, bool relu_after) {
  v = act_accurate(act, v);
  if (residual) v = v + *residual;
  return relu_after ? max_of(v, 0.0f) : v;
}

// Calls visit(offset of the input pixel) for each tap inside the image.
template <class Geometry, class Visit>
void for_taps(const Geometry& p, int64_t pixel, Visit visit) {
  for (int tap = 0; tap < p.kernel_h * p.kernel_w; ++tap) {
    const int64_t y = pixel / p.out_w * p.stride_h - p.pad_top + tap / p.kernel_w * p.dilation_h;
    const int64_t x = pixel % p.out_w * p.stride_w - p.pad_left + tap % p.kernel_w * p.dilation_w;
    if (y >= 0 && y < p.in_h && x >= 0 && x < p.in_w) visit((y * p.in_w + x) * p.input_pitch, tap);
  }
}

}  // namespace

void conv_tile_f32(const ConvTileF32& tile) {
  assert(owed(tile, kMaxRows));
  for (int r = 0; r < tile.rows; ++r) {
    for (int n = 0; n < tile.channels; ++n) {
      const float* block = tile.weights + int64_t{n / kBlock} * tile.taps * tile.in_channels * kBlock;
      float sum = tile.bias[n];
      for (int t = 0; t < tile.taps; ++t) {
        const float* x = tile.input[t * tile.rows + r];
        const float* w = block + int64_t{t} * tile.in_channels * kBlock + n % kBlock;
        for (int c = 0; c < tile.in_channels; ++c) sum = std::fma(x[c], w[c * kBlock], sum);
      }
      const float* residual = tile.residual ? tile.residual + r * tile.residual_pitch + n : nullptr;
      tile.output[r * tile.output_pitch + n] = finish(sum, tile.act, residual, tile.relu_after);
    }
  }
}

void depthwise_f32(const DepthwiseF32& d, int y_begin, int y_end) {
  assert(owed(d, y_begin, y_end));
  for (int64_t pixel = int64_t{y_begin} * d.out_w; pixel < int64_t{y_end} * d.out_w; ++pixel) {
    for (int n = 0; n < d.channels; ++n) {
      float sum = d.bias[n];
      for_taps(d, pixel,
               [&](int64_t at, int tap) { sum = std::fma(d.input[at + n], d.weights[tap * d.channels + n], sum); });
      const float* residual = d.residual ? d.residual + pixel * d.residual_pitch + n : nullptr;
      d.output[pixel * d.output_pitch + n] = finish(sum, d.act, residual, d.relu_after);
    }
  }
}

void max_pool_f32(const Pool& p, const float* in, float* out, int y_begin, int y_end) {
  assert(owed(p, y_begin, y_end));
  for (int64_t pixel = int64_t{y_begin} * p.out_w; pixel < int64_t{y_end} * p.out_w; ++pixel) {
    for (int n = 0; n < p.channels; ++n) {
      float best = -std::numeric_limits<float>::infinity();
      for_taps(p, pixel, [&](int64_t at, int) { best = max_of(in[at + n], best); });
      out[pixel * p.output_pitch + n] = best + 0.0f;  // of two zeros either may come first
    }
  }
}

void average_pool_f32(const Pool& p, bool count_include_pad, const float* in, float* out, int y_begin, int y_end) {
  assert(owed(p, y_begin, y_end));
  for (int64_t pixel = int64_t{y_begin} * p.out_w; pixel < int64_t{y_end} * p.out_w; ++pixel) {
    for (int n = 0; n < p.channels; ++n) {
      float sum = 0;
      int inside = 0;
      const int top = static_cast<int>(pixel / p.out_w) * p.stride_h - p.pad_top,
                left = static_cast<int>(pixel % p.out_w) * p.stride_w - p.pad_left;
      for (int j = 0; j < p.kernel_h; ++j) {
        const int y = top + j * p.dilation_h;
        if (y < 0 || y >= p.in_h) continue;
        float row_sum = 0;  // a sum of sums loses less than one long chain
        for (int k = 0; k < p.kernel_w; ++k) {
          const int x = left + k * p.dilation_w;
          if (x < 0 || x >= p.in_w) continue;
          row_sum += in[(int64_t{y} * p.in_w + x) * p.input_pitch + n];
          ++inside;
        }
        sum += row_sum;
      }
      const int count = count_include_pad ? p.kernel_h * p.kernel_w : std::max(inside, 1);
      out[pixel * p.output_pitch + n] = sum * (1.0f / static_cast<float>(count));
    }
  }
}

void binary_f32(BinaryF32 op, const float* a, int a_step, const float* b, int b_step, float* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const float x = a[i * a_step], y = b[i * b_step];
    switch (op) {
      case BinaryF32::kAdd:
        out[i] = x + y;
        break;
      case BinaryF32::kSub:
        out[i] = x - y;
        break;
      case BinaryF32::kMul:
        out[i] = x * y;
        break;
      case BinaryF32::kDiv:
        out[i] = x / y;
        break;
      // Squares and roots, which heads are full of, are exact operations; so every instruction set gives the same bytes.
      case BinaryF32::kPow:
        out[i] = y == 2 ? x * x : y == 0.5f ? std::sqrt(x) : math::pow(x, y);
        break;
      case BinaryF32::kMin:
        out[i] = std::min(x, y);
        break;
      case BinaryF32::kMax:
        out[i] = std::max(x, y);
        break;
    }
  }
}

void unary_f32(UnaryF32 op, Activation act, const float* in, float* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const float x = in[i];
    switch (op) {
      case UnaryF32::kAct:
        out[i] = act_accurate(act, x);
        break;
      case UnaryF32::kExp:
        out[i] = exp_full(x);
        break;
      case UnaryF32::kLog:
        out[i] = math::log(x);
        break;
      case UnaryF32::kSqrt:
        out[i] = std::sqrt(x);
        break;
      case UnaryF32::kNeg:
        out[i] = x * -1.0f;
        break;
      case UnaryF32::kAbs:
        out[i] = std::fabs(x);
        break;
      case UnaryF32::kFloor:
        out[i] = std::floor(x);
        break;
      case UnaryF32::kCeil:
        out[i] = std::ceil(x);
        break;
      case UnaryF32::kRound:
        out[i] = std::nearbyint(x);
        break;
      case UnaryF32::kErf:
        out[i] = math::erf(x);
        break;
      case UnaryF32::kReciprocal:
        out[i] = 1 / x;
        break;
      case UnaryF32::kSin:
        out[i] = math::sin(x);
        break;
      case UnaryF32::kCos:
        out[i] = math::cos(x);
        break;
    }
  }
}

void bilinear_f32(int channels, const float* const corners[4], const float weights[4], float* out) {
  for (int n = 0; n < channels; ++n) {
    out[n] = (corners[0][n] * weights[0] + corners[1][n] * weights[1]) +
             (corners[2][n] * weights[2] + corners[3][n] * weights[3]);
  }
}

void bilinear_row_f32(const BilinearF32& b, int x_begin, int x_end) {
  for (int x = x_begin; x < x_end; ++x) {
    const int64_t left = b.x0[x] * b.input_pitch, right = b.x1[x] * b.input_pitch;
    const float* corners[4] = {b.upper + left, b.upper + right, b.lower + left, b.lower + right};
    const float wx = b.wx[x], wy = b.wy;
    const float weights[4] = {(1 - wy) * (1 - wx), (1 - wy) * wx, wy * (1 - wx), wy * wx};
    bilinear_f32(b.channels, corners, weights, b.output + (x - x_begin) * b.output_pitch);
  }
}

void softmax_f32(const float* in, float* out, int64_t rows, int64_t count) {
  for (int64_t r = 0; r < rows; ++r, in += count, out += count) {
    const float highest = *std::max_element(in, in + count);
    float sums[kPartialSums] = {};
    for (int64_t i = 0; i < count; ++i) {
      out[i] = exp_accurate(in[i] - highest);
      sums[i % kPartialSums] += out[i];
    }
    const float factor = 1 / sum_of(sums);
    for (int64_t i = 0; i < count; ++i) out[i] *= factor;
  }
}

void affine_f32(const AffineF32& a) {
  assert(owed(a));
  for (int64_t r = 0; r < a.rows; ++r) {
    for (int c = 0; c < a.channels; ++c) {
      float y = a.input[r * a.input_pitch + c] * a.scale[c] + a.shift[c];
      if (a.slope) y = max_of(y, 0.0f) + min_of(y, 0.0f) * a.slope[c];
      a.output[r * a.output_pitch + c] = y;
    }
  }
}

void layer_norm_f32(const LayerNormF32& norm, const float* in, float* out) {
  const float count = static_cast<float>(norm.count);
  float sums[kPartialSums] = {}, squares[kPartialSums] = {};
  for (int64_t i = 0; norm.centred && i < norm.count; ++i) sums[i % kPartialSums] += in[i];
  const float mean = norm.centred ? sum_of(sums) / count : 0;
  for (int64_t i = 0; i < norm.count; ++i) {
    out[i] = in[i] - mean;
    squares[i % kPartialSums] += out[i] * out[i];
  }
  const float factor = 1 / std::sqrt(sum_of(squares) / count + norm.epsilon);
  for (int64_t i = 0; i < norm.count; ++i) {
    out[i] *= factor;
    if (norm.scale) out[i] *= norm.scale[i];
    if (norm.bias) out[i] += norm.bias[i];
  }
}

void argmax_f32(const float* in, int64_t in_pitch, int64_t rows, int channels, int64_t* out) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* row = in + r * in_pitch;
    out[r] = std::max_element(row, row + channels) - row;
  }
}

}  // namespace octet::kernels::reference
