// QuantizeLinear (10, 13: axis, 21: output_dtype), DequantizeLinear, DynamicQuantizeLinear (11).
#include "converter/import/onnx/ops/quantised.h"

#include <algorithm>
#include <cmath>

#include "converter/import/build/elements.h"
#include "converter/import/onnx/ops/ops.h"

namespace octet::convert {
namespace {

using schema::BinaryKind;

int64_t integer(const Tensor& t, size_t i) {
  switch (t.dtype) {
    case DType::kU8:
      return t.values<uint8_t>()[i];
    case DType::kS8:
      return t.values<int8_t>()[i];
    case DType::kS32:
      return t.values<int32_t>()[i];
    default:
      return t.values<int64_t>()[i];
  }
}

struct Parameters {
  std::vector<float> scale;         // one or one a channel
  std::vector<int64_t> zero_point;  // as many
  bool one() const { return scale.size() == 1; }
};

Parameters read_parameters(OnnxNode& n, TensorId scale, TensorId zero_point) {
  Parameters p{{1}, {0}};
  if (!n.is_constant_floats(scale) || (zero_point >= 0 && !n.is_constant(zero_point)))
    return n.fail("its scale and zero point must be constant", Code::kUnsupported), p;
  const auto scales = n.at(scale).values<float>();
  if (n.rank(scale) > 1) return n.fail("scales of blocks are not supported", Code::kUnsupported), p;
  if (scales.empty() || !all_finite(scales)) return n.fail("its scale is not a finite number"), p;
  p.scale.assign(scales.begin(), scales.end());
  p.zero_point.assign(p.scale.size(), 0);
  if (zero_point < 0) return p;
  const Tensor& zero = n.at(zero_point);
  const size_t count = static_cast<size_t>(zero.shape.elements());
  if (zero.dtype == DType::kF32) return n.fail("a zero point that is no integer", Code::kUnsupported), p;
  if (p.one() && count > 1) p.scale.assign(count, p.scale[0]), p.zero_point.resize(count);
  if (count != p.scale.size() && count != 1) {
    n.fail(std::to_string(count) + " zero points for " + std::to_string(p.scale.size()) + " scales");
    return p;
  }
  for (size_t i = 0; i < p.scale.size(); ++i) p.zero_point[i] = integer(zero, count == 1 ? 0 : i);
  return p;
}

// f(index, channel) of each element; channels along `axis` where there are several.
template <class F>
void for_elements(OnnxNode& n, TensorId x, const Parameters& p, int64_t axis, const F& f) {
  const Shape& shape = n.shape(x);
  const int64_t channels = static_cast<int64_t>(p.scale.size());
  int64_t inner = std::max<int64_t>(shape.elements(), 1);
  if (channels > 1) {
    const int along = n.axis(axis, shape.rank());
    if (n.failed()) return;
    if (shape[along] != channels)
      return n.fail(std::to_string(channels) + " scales for " + std::to_string(shape[along]) + " channels");
    inner = 1;
    for (int d = along + 1; d < shape.rank(); ++d) inner *= shape[d];
  }
  for (int64_t i = 0; i < shape.elements(); ++i)
    f(static_cast<size_t>(i), static_cast<size_t>(i / std::max<int64_t>(inner, 1) % channels));
}

TensorId dequantised_constant(OnnxNode& n, TensorId x, const Parameters& p, int64_t axis) {
  if (n.at(x).dtype == DType::kF32) return n.refuse("dequantises floats");
  std::vector<float> out(static_cast<size_t>(n.shape(x).elements()));
  for_elements(n, x, p, axis, [&](size_t i, size_t c) {
    out[i] = static_cast<float>(integer(n.at(x), i) - p.zero_point[c]) * p.scale[c];
  });
  if (n.failed() || !all_finite(out)) return n.refuse("makes constants that are not finite");
  return n.constant(make_constant<float>(n.at(x).name, n.shape(x), out));
}

struct Range {
  int low, high;
};

std::optional<Range> range_of(DType dtype) {
  if (dtype == DType::kU8) return Range{0, 255};
  if (dtype == DType::kS8) return Range{-128, 127};
  return std::nullopt;
}

// A tensor of its own, which is stored as nothing; a pass takes the cast away.
TensorId as_real(OnnxNode& n, TensorId x) { return n.emit(schema::CastT{.to = schema::DType::f32}, {x}); }

TensorId rounded(OnnxNode& n, TensorId x, const Stored& s) {
  if (!(s.scale > 0)) return n.refuse("its scale must be above 0");
  const Range r = *range_of(s.dtype);
  n.g.quantised = true;
  return n.emit(schema::FakeQuantizeT{.scale = s.scale, .low = r.low - s.zero_point, .high = r.high - s.zero_point},
                {x});
}

DType quantised_type(OnnxNode& n, TensorId zero_point) {
  if (zero_point >= 0) return n.at(zero_point).dtype;
  const int64_t type = n.i("output_dtype", 0);
  return type == 0 || type == 2 ? DType::kU8 : type == 3 ? DType::kS8 : DType::kS32;
}

// Ops whose results are elements of their operands, moved.
bool moves(OnnxNode& n) {
  static constexpr std::string_view kMoves[] = {
      "Concat",        "DepthToSpace", "Expand",    "Flatten",   "Gather", "GatherElements", "GatherND",
      "GlobalMaxPool", "Identity",     "MaxPool",   "Reshape",   "Slice",  "Split",          "SpaceToDepth",
      "Squeeze",       "Tile",         "Transpose", "Unsqueeze", "Shape"};
  const std::string& type = n.proto.op_type();
  if (type == "Resize" || type == "Upsample") return n.s("mode", "nearest") == "nearest";
  return std::find(std::begin(kMoves), std::end(kMoves), type) != std::end(kMoves);
}

// The first output of DynamicQuantizeLinear is what its scale and zero point make of it, so that its scale is 1.
bool reads_dynamic(const OnnxNode& n) { return n.proto.op_type() == "Mul"; }

}  // namespace

TensorId stored_integers(SourceNode& n, TensorId x, const Stored& stored) {
  TensorId y = n.unary(schema::UnaryKind::round, n.binary(BinaryKind::div, x, n.scalar_like(x, stored.scale)));
  return stored.zero_point ? n.binary(BinaryKind::add, y, n.scalar_like(y, stored.zero_point)) : y;
}

TensorId dequantised(OnnxNode& n, TensorId x, TensorId scale, TensorId zero_point, int64_t axis) {
  const auto found = n.stored.find(x);
  if (found != n.stored.end() && found->second.dynamic) return as_real(n, x);
  const Parameters p = read_parameters(n, scale, zero_point);
  if (n.failed()) return -1;
  if (n.is_constant(x)) return dequantised_constant(n, x, p, axis);
  if (!p.one()) return n.refuse("a scale for each channel of what is not constant", Code::kUnsupported);
  Stored s{p.scale[0], static_cast<int>(p.zero_point[0])};
  TensorId y = n.cast(x, DType::kF32);
  if (found != n.stored.end()) {
    s.dtype = found->second.dtype;
    if (found->second == s) return as_real(n, x);
    y = stored_integers(n, x, found->second);
  }
  const bool bytes = found != n.stored.end() || (zero_point >= 0 && range_of(n.at(zero_point).dtype));
  if (found == n.stored.end() && bytes) s.dtype = n.at(zero_point).dtype;
  if (s.zero_point) y = n.binary(BinaryKind::sub, y, n.scalar_like(y, s.zero_point));
  if (s.scale != 1) y = n.binary(BinaryKind::mul, y, n.scalar_like(y, s.scale));
  return bytes ? rounded(n, y, s) : y;
}

TensorId quantised(OnnxNode& n, TensorId x, TensorId scale, TensorId zero_point, int64_t axis) {
  const Parameters p = read_parameters(n, scale, zero_point);
  const DType dtype = quantised_type(n, zero_point);
  const auto range = range_of(dtype);
  if (!range) return n.refuse("quantises to something else than 8 bits", Code::kUnsupported);
  if (n.failed()) return -1;
  if (n.at(x).dtype != DType::kF32) return n.refuse("needs a float operand", Code::kUnsupported);
  if (n.is_constant(x)) {
    Tensor t{.name = n.at(x).name, .dtype = dtype, .shape = n.shape(x), .constant = true};
    t.data.resize(static_cast<size_t>(t.shape.elements()));
    for_elements(n, x, p, axis, [&](size_t i, size_t c) {
      const float steps = std::nearbyint(n.at(x).values<float>()[i] / p.scale[c]);
      const float low = static_cast<float>(range->low - p.zero_point[c]),
                  high = static_cast<float>(range->high - p.zero_point[c]);
      const int q =
          static_cast<int>(steps == steps ? std::clamp(steps, low, high) : 0) + static_cast<int>(p.zero_point[c]);
      t.data[i] = static_cast<std::byte>(q);
    });
    return n.failed() ? -1 : n.constant(std::move(t));
  }
  if (!p.one()) return n.refuse("a scale for each channel of an activation", Code::kUnsupported);
  const Stored s{p.scale[0], static_cast<int>(p.zero_point[0]), dtype};
  const TensorId y = rounded(n, x, s);
  if (y >= 0) n.stored[y] = s;
  return y;
}

std::optional<Stored> resolve_stored(OnnxNode& n) {
  std::optional<Stored> all;
  bool any = false, alike = moves(n);
  for (TensorId t : n.inputs) {
    const auto found = n.stored.find(t);
    const bool data = found != n.stored.end() || (t >= 0 && range_of(n.at(t).dtype) && n.is_constant(t));
    if (!data) continue;
    any = any || found != n.stored.end();
    if (found == n.stored.end() || (all && *all != found->second)) alike = false;
    if (found != n.stored.end() && !all) all = found->second;
  }
  if (!any && moves(n) && n.proto.op_type() != "Identity")  // bytes exist as constants alone
    for (TensorId& t : n.inputs)
      if (t >= 0 && range_of(n.at(t).dtype)) t = n.cast(t, DType::kF32);
  if (!any) return std::nullopt;
  if (alike) return n.proto.op_type() == "Shape" ? std::nullopt : all;
  for (TensorId& t : n.inputs) {
    const auto found = n.stored.find(t);
    if (found == n.stored.end()) {
      if (t >= 0 && range_of(n.at(t).dtype)) t = n.cast(t, DType::kF32);
    } else if (!found->second.dynamic) {
      t = stored_integers(n, t, found->second);
    } else if (!reads_dynamic(n)) {
      n.fail("reads what DynamicQuantizeLinear makes", Code::kUnsupported);
    }
  }
  return std::nullopt;
}

static void import_quantize_linear(OnnxNode& n) { n.result(quantised(n, n.in(0), n.in(1), n.in(2), n.i("axis", 1))); }

static void import_dequantize_linear(OnnxNode& n) {
  const auto found = n.stored.find(n.in(0));
  if (found == n.stored.end() && !n.is_constant(n.in(1)))
    return n.fail("its scale must be constant", Code::kUnsupported);
  n.result(dequantised(n, n.in(0), n.in(1), n.in(2), n.i("axis", 1)));
}

// What reads the integers multiplies with the scale later; here they hold what they stand for, so that the scale is 1.
static void import_dynamic_quantize_linear(OnnxNode& n) {
  if (n.at(n.in(0)).dtype != DType::kF32) return n.fail("needs a float operand");
  const TensorId y = n.emit(schema::FakeQuantizeT{.scale = 0}, {n.in(0)});
  if (n.failed()) return;
  n.g.quantised = true;
  const uint8_t zero = 0;
  n.result(y);
  n.result(n.scalar_like(y, 1));
  n.result(n.constant(make_constant<uint8_t>("zero_point", {}, std::span(&zero, 1))));
  for (TensorId t : n.results) n.stored[t] = {.dynamic = true};
}

static constexpr OnnxOp kOnnxQuantisedRows[] = {
    {"DequantizeLinear", import_dequantize_linear, 2, 3, "", true},
    {"DequantizeLinear", import_dequantize_linear, 2, 3, kMicrosoft, true},
    {"DynamicQuantizeLinear", import_dynamic_quantize_linear, 1, 1, "", true},
    {"QuantizeLinear", import_quantize_linear, 2, 3, "", true},
    {"QuantizeLinear", import_quantize_linear, 2, 3, kMicrosoft, true},
};
extern constinit const OnnxRows kOnnxQuantised{kOnnxQuantisedRows};

}  // namespace octet::convert
