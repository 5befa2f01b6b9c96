// Conversions between element types, with ONNX' meaning; what ONNX leaves open (NaN, out of range) saturates.
#include <type_traits>

#include "runtime/ops/common.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"cast", "Cast"};
  return kNames;
}

DType target(const NodeDef& n, int) { return dtype_of(n.attributes<schema::Cast>().to()); }

Result<void> check(const NodeDef& n, const ModelData& m) {
  if (!valid_enum(n.attributes<schema::Cast>().to())) return bad_node(n, "to an unknown type");
  return check_dense(n, m, 0);
}

Result<void> infer(Inference& inf) {
  inf.out(0, inf.shape(0));
  return {};
}

Unknowns unknowns(const NodeDef&, int, const Value&, const Value& out) {
  return is_one_of(out.dtype, {DType::kS64, DType::kS32}) ? Unknowns::kMoved : Unknowns::kRefused;
}

struct Bool {  // a byte in memory: 0, or anything else for true
  uint8_t stored;
};

template <class From, class To>
To convert(From value) {
  if constexpr (std::is_same_v<From, Bool>) {
    return convert<uint8_t, To>(value.stored != 0);
  } else if constexpr (std::is_same_v<To, Bool>) {
    return {static_cast<uint8_t>(value != From{0})};
  } else if constexpr (std::is_same_v<From, float> && std::is_integral_v<To>) {
    // 2^31 and 2^63 as limits are exact in float; the largest integers themselves are not.
    constexpr auto kLow = static_cast<double>(std::numeric_limits<To>::min());
    constexpr auto kHigh = static_cast<double>(std::numeric_limits<To>::max());
    const double v = value;
    if (v != v) return 0;
    return v <= kLow    ? std::numeric_limits<To>::min()
           : v >= kHigh ? std::numeric_limits<To>::max()
                        : static_cast<To>(v);
  } else {
    return static_cast<To>(value);  // integers wrap
  }
}

template <class From, class To>
void run(const RunContext& ctx, int in, int out, int64_t count) {
  const From* x = ctx.data<From>(in);
  To* y = ctx.data<To>(out);
  parallel_rows(ctx.threads, count, 65536, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = convert<From, To>(x[i]);
  });
}

using Run = void (*)(const RunContext&, int in, int out, int64_t count);

template <class From>
Run run_to(DType to) {
  switch (to) {
    case DType::kF32:
      return run<From, float>;
    case DType::kU8:
      return run<From, uint8_t>;
    case DType::kS8:
      return run<From, int8_t>;
    case DType::kS32:
      return run<From, int32_t>;
    case DType::kS64:
      return run<From, int64_t>;
    case DType::kBool:
      return run<From, Bool>;
  }
  return nullptr;
}

Run run_for(DType from, DType to) {
  switch (from) {
    case DType::kF32:
      return run_to<float>(to);
    case DType::kU8:
      return run_to<uint8_t>(to);
    case DType::kS8:
      return run_to<int8_t>(to);
    case DType::kS32:
      return run_to<int32_t>(to);
    case DType::kS64:
      return run_to<int64_t>(to);
    case DType::kBool:
      return run_to<Bool>(to);
  }
  return nullptr;
}

Result<void> prepare(Prepare& p) {
  const Run converts = run_for(p.in(0).dtype, p.out().dtype);
  p.step.run = [converts, in = p.in(0).id, out = p.out().id, count = p.out().shape.elements()](const RunContext& ctx) {
    converts(ctx, in, out, count);
  };
  p.step.kernel = "cast";
  return {};
}

}  // namespace

extern const OpKind kCast;
const OpKind kCast = {.type = schema::Op::Cast,
                      .names = names,
                      .min_inputs = 1,
                      .max_inputs = 1,
                      .check = check,
                      .infer = infer,
                      .prepare = prepare,
                      .unknowns = unknowns,
                      .dtype = target};

}  // namespace octet
