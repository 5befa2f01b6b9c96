// What many ops share: texts of errors, checks of operands, activations, arrays for each channel.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/core/op.h"

namespace octet {

// For OpKind::check; the loader adds the file's name.
inline Error bad_node(const NodeDef& node, const std::string& what) {
  return error(Code::kBadModel, node.kind->names(node)[0], " '", node.name, "': ", what);
}

inline bool is_one_of(DType type, std::initializer_list<DType> types) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

inline Result<void> check_type(const NodeDef& node, const ModelData& m, int input, std::initializer_list<DType> types) {
  const DType type = m.input(node, input).dtype;
  if (is_one_of(type, types)) return {};
  return bad_node(node, "input " + std::to_string(input) + " is " + name_of(type));
}

// Any type that the ops which only move elements take: all, but weights in a kernel's order.
inline Result<void> check_dense(const NodeDef& node, const ModelData& m, int input) {
  if (m.input(node, input).packing == schema::Packing::dense) return {};
  return bad_node(node, "input " + std::to_string(input) + " is packed for a convolution");
}

// An axis in [-rank, rank) as one in [0, rank); -1 where it is not.
inline int axis_of(int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) return -1;
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

inline std::string text_of(int64_t v) { return std::to_string(v); }

// "{1, 3, 640}" of any number of values; of many the first ones and how many there are.
inline std::string text_of(std::span<const int64_t> values) {
  const size_t shown = std::min<size_t>(values.size(), kMaxRank);
  std::string s = "{";
  for (size_t i = 0; i < shown; ++i) s += (i ? ", " : "") + text_of(values[i]);
  if (shown < values.size()) s += ", ... " + text_of(static_cast<int64_t>(values.size())) + " in all";
  return s + "}";
}

template <class T>
bool valid_enum(T value) {
  return value >= T::MIN && value <= T::MAX;
}

inline kernels::Activation activation(const schema::Activation* act) {
  if (!act) return {};
  return {static_cast<kernels::Act>(act->kind()), act->a(), act->b()};
}

inline Result<void> check_activation(const NodeDef& node, const schema::Activation* act) {
  if (!act) return {};
  if (!valid_enum(act->kind())) return bad_node(node, "unknown activation");
  const bool bounds = act->kind() == schema::ActKind::clip;  // may be open to one side
  if (bounds ? std::isnan(act->a()) || std::isnan(act->b()) : !std::isfinite(act->a()) || !std::isfinite(act->b()))
    return bad_node(node,
                    "activation with parameters " + std::to_string(act->a()) + " and " + std::to_string(act->b()));
  return {};
}

inline std::span<const float> values_of(const flatbuffers::Vector<float>* v) {
  return v ? std::span<const float>(v->data(), v->size()) : std::span<const float>();
}
inline std::span<const int64_t> values_of(const flatbuffers::Vector<int64_t>* v) {
  return v ? std::span<const int64_t>(v->data(), v->size()) : std::span<const int64_t>();
}
inline std::span<const int32_t> values_of(const flatbuffers::Vector<int32_t>* v) {
  return v ? std::span<const int32_t>(v->data(), v->size()) : std::span<const int32_t>();
}

// The elements of an s64 operand that infer has asked to be known.
inline std::span<const int64_t> known_s64(const Value& v) {
  return {reinterpret_cast<const int64_t*>(v.constant), static_cast<size_t>(v.shape.elements())};
}

// Whether int8 execution has a form of this tensor.
inline bool quantised(const TensorDef& t) { return t.dtype == DType::kF32 && !t.quant.empty(); }
inline bool quantised_alike(const TensorDef& a, const TensorDef& b) {
  return quantised(a) && quantised(b) && same(a.quant, b.quant);
}

// value(c) for each channel, padded with zeros to a multiple of 16 as kernels want it.
template <class T, class F>
std::vector<T> per_channel(int64_t channels, F value) {
  std::vector<T> v(static_cast<size_t>((channels + kernels::kBlock - 1) / kernels::kBlock * kernels::kBlock));
  for (int64_t c = 0; c < channels; ++c) v[static_cast<size_t>(c)] = static_cast<T>(value(c));
  return v;
}

// The step of a node whose output is empty.
inline bool nothing_to_do(Prepare& p) {
  if (p.out().shape.elements() != 0) return false;
  p.step.run = [](const RunContext&) {};
  p.step.kernel = "none";
  return true;
}

// Makes Prepare::rows of a function of f32 rows that gives rows as long: body(in, out, rows, channels), out being in where others take
// them in turn.
template <class F>
void take_rows(Prepare& p, F body) {
  const int64_t channels = p.in(0).channels();
  if (p.tail) {
    *p.rows = [=, tail = *p.tail](const RunContext& ctx, std::byte* rows, int64_t first, int64_t count) {
      body(reinterpret_cast<const float*>(rows), reinterpret_cast<float*>(rows), count, channels);
      tail(ctx, rows, first, count);
    };
    return;
  }
  *p.rows = [=, to = p.out().id](const RunContext& ctx, std::byte* rows, int64_t first, int64_t count) {
    body(reinterpret_cast<const float*>(rows), ctx.data<float>(to) + first * channels, count, channels);
  };
}

// Rows that make a chunk worth a thread's attention.
inline int64_t grain_of(int64_t elements_per_row) {
  return std::max<int64_t>(1, 16384 / std::max<int64_t>(1, elements_per_row));
}

// Splits rows [0, rows) of all images and calls body(image, y_begin, y_end) with parts that stay within one image.
template <class F>
void parallel_image_rows(Threads& threads, int64_t images, int64_t rows, int64_t grain, const F& body) {
  parallel_rows(threads, images * rows, grain, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t n = begin / rows, stop = std::min(end, (n + 1) * rows);
      body(n, static_cast<int>(begin - n * rows), static_cast<int>(stop - n * rows));
      begin = stop;
    }
  });
}

inline constexpr int64_t kMacsForThreads = 200000;  // below this, waking a thread takes longer than the work
inline int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

inline bool fits_int(int64_t v) { return v >= 0 && v <= std::numeric_limits<int32_t>::max(); }

// Sizes, either of which may be unknown.
inline bool may_equal(int64_t a, int64_t b) { return a < 0 || b < 0 || a == b; }

// Of a size that may be unknown.
inline bool may_fit_int(int64_t size) { return size < 0 || fits_int(size); }

// One dim of a result that NumPy's rules broadcast from two; nothing where they do not fit. A size that is unknown may
// turn out to be 1, so the other one counts, unless that is 1.
inline std::optional<int64_t> broadcast(int64_t a, int64_t b) {
  if (a == 1 || b == 1) return a == 1 ? b : a;
  if (a < 0 || b < 0) return std::max(a, b);
  return a == b ? std::optional(a) : std::nullopt;
}

// The same for shapes.
inline std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  Shape out = a.rank() >= b.rank() ? a : b;
  const Shape& other = a.rank() >= b.rank() ? b : a;
  for (int d = 1; d <= other.rank(); ++d) {
    const auto size = broadcast(out[-d], other[-d]);
    if (!size) return std::nullopt;
    out[-d] = *size;
  }
  return out;
}

}  // namespace octet
