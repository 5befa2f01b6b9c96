// Resizing along one dim of a known size in ONNX Runtime's own float arithmetic.
#include "converter/import/onnx/ops/resize_axis.h"

#include <algorithm>
#include <cmath>

namespace octet::convert {
namespace {

using Coordinates = schema::CoordinateMode;
using schema::NearestMode;

float as_float(int64_t v) { return static_cast<float>(v); }

// Where output x stands in the input.
float origin(const ResizeAxis& a, Coordinates mode, float x) {
  const float in = as_float(a.in), out = as_float(a.out);
  if (a.crop) {
    if (a.out > 1) return a.start * (in - 1) + x * (a.end - a.start) * (in - 1) / (out - 1);
    return 0.5f * (a.start + a.end) * (in - 1);
  }
  switch (mode) {
    case Coordinates::asymmetric:
      return x / a.scale;
    case Coordinates::pytorch_half_pixel:
      return a.out > 1 ? (x + 0.5f) / a.scale - 0.5f : 0.0f;
    case Coordinates::tf_half_pixel_for_nn:
      return (x + 0.5f) / a.scale;
    case Coordinates::align_corners:
      return a.out > 1 ? x * (in - 1) / (out - 1) : 0.0f;
    case Coordinates::half_pixel_symmetric: {
      const float centre = in / 2, offset = centre * (1 - out / (a.scale * in));
      return offset + (x + 0.5f) / a.scale - 0.5f;
    }
    case Coordinates::half_pixel:
      break;
  }
  return (x + 0.5f) / a.scale - 0.5f;
}

int64_t clamped(double x, int64_t in) { return static_cast<int64_t>(std::clamp(x, 0.0, static_cast<double>(in - 1))); }

double rounded(NearestMode mode, double x) {
  switch (mode) {
    case NearestMode::round_prefer_floor:
      return std::ceil(x - 0.5);
    case NearestMode::round_prefer_ceil:
      return std::floor(x + 0.5);
    case NearestMode::floor:
      return std::floor(x);
    case NearestMode::ceil:
      break;
  }
  return std::ceil(x);
}

float triangle(float x) { return std::max(0.0f, 1 - std::fabs(x)); }

float cubic(float x, float a) {
  x = std::fabs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

// What an output at `at` has of its neighbours: those within the filter's reach, which antialiasing widens by the scale. Beyond the
// edges stand their pixels, or nothing where they are excluded.
void add_row(const ResizeAxis& a, const schema::ResizeT& op, float at, float* row) {
  const bool is_cubic = op.mode == schema::ResizeMode::cubic;
  const float wide = a.antialias ? std::max(1.0f, 1 / a.scale) : 1, reach = (is_cubic ? 2.0f : 1.0f) * wide;
  const auto first = static_cast<int64_t>(std::floor(at - reach)), last = static_cast<int64_t>(std::ceil(at + reach));
  const bool excluded = a.exclude_outside || op.exclude_outside;
  float sum = 0;
  for (int64_t i = first; i <= last; ++i) {
    const float distance = (as_float(i) - at) / wide;
    const float weight = is_cubic ? cubic(distance, op.cubic_a) : triangle(distance);
    if ((i < 0 || i >= a.in) && excluded) continue;
    row[std::clamp<int64_t>(i, 0, a.in - 1)] += weight;
    sum += weight;
  }
  if (sum != 0 && (a.antialias || op.exclude_outside))
    for (int64_t i = 0; i < a.in; ++i) row[i] /= sum;
}

}  // namespace

std::vector<int64_t> nearest_places(const ResizeAxis& a, const schema::ResizeT& op) {
  std::vector<int64_t> places;
  for (int64_t x = 0; x < a.out; ++x)
    places.push_back(
        clamped(rounded(op.nearest_mode, static_cast<double>(origin(a, op.coordinate_mode, as_float(x)))), a.in));
  return places;
}

std::vector<int64_t> runtime_places(const ResizeAxis& a, const schema::ResizeT& op) {
  const double in = static_cast<double>(a.in), out = static_cast<double>(a.out);
  const auto scaled = [&](double at) {
    return a.given_scale ? static_cast<double>(static_cast<float>(at) / a.scale) : at * in / out;
  };
  std::vector<int64_t> places;
  for (int64_t x = 0; x < a.out; ++x) {
    const double at = static_cast<double>(x);
    double found = op.coordinate_mode == Coordinates::asymmetric ? scaled(at) : scaled(at + 0.5) - 0.5;
    if (op.coordinate_mode == Coordinates::pytorch_half_pixel && a.out == 1) found = 0;
    if (op.coordinate_mode == Coordinates::half_pixel_symmetric)
      found += in / 2 * (1 - out / (a.given_scale ? double{a.scale} * in : out));
    const double exact = std::nearbyint(found * 2) / 2;
    places.push_back(clamped(rounded(op.nearest_mode, std::fabs(found - exact) < 2e-5 ? exact : found), a.in));
  }
  return places;
}

std::vector<float> resize_matrix(const ResizeAxis& a, const schema::ResizeT& op) {
  std::vector<float> all(static_cast<size_t>(a.in * a.out), 0.0f);
  if (op.mode == schema::ResizeMode::nearest) {
    const std::vector<int64_t> places = nearest_places(a, op);
    for (size_t x = 0; x < places.size(); ++x) all[x * static_cast<size_t>(a.in) + static_cast<size_t>(places[x])] = 1;
    return all;
  }
  for (int64_t x = 0; x < a.out; ++x) {
    const float at = origin(a, op.coordinate_mode, as_float(x)), last = as_float(a.in - 1);
    const bool clamps = op.mode == schema::ResizeMode::linear && !a.antialias;
    add_row(a, op, clamps ? std::clamp(at, 0.0f, last) : at, all.data() + x * a.in);
  }
  return all;
}

std::vector<bool> outside(const ResizeAxis& a, const schema::ResizeT& op) {
  std::vector<bool> all;
  for (int64_t x = 0; x < a.out; ++x) {
    const float at = origin(a, op.coordinate_mode, as_float(x));
    all.push_back(a.crop && !(at >= 0 && at <= as_float(a.in - 1)));
  }
  return all;
}

}  // namespace octet::convert
