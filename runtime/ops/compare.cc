// Comparisons and logic of two tensors with NumPy's broadcasting.
#include "runtime/ops/binary.h"
#include "runtime/ops/common.h"

namespace octet {
namespace {

using Kind = schema::CompareKind;
using Names = std::span<const std::string_view>;

Names names(const NodeDef& n) {
  static constexpr std::string_view kEqual[] = {"equal", "Equal"};
  static constexpr std::string_view kLess[] = {"less", "Less", "less_than"};
  static constexpr std::string_view kGreater[] = {"greater", "Greater", "greater_than"};
  static constexpr std::string_view kLessEqual[] = {"less_equal", "LessOrEqual"};
  static constexpr std::string_view kGreaterEqual[] = {"greater_equal", "GreaterOrEqual"};
  static constexpr std::string_view kAnd[] = {"and", "And", "logical_and"};
  static constexpr std::string_view kOr[] = {"or", "Or", "logical_or"};
  static constexpr std::string_view kXor[] = {"xor", "Xor", "logical_xor"};
  static constexpr Names kAll[] = {kEqual, kLess, kGreater, kLessEqual, kGreaterEqual, kAnd, kOr, kXor};
  const auto kind = n.attributes<schema::Compare>().kind();
  return kAll[valid_enum(kind) ? static_cast<int>(kind) : 0];
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  const auto kind = n.attributes<schema::Compare>().kind();
  if (!valid_enum(kind)) return bad_node(n, "unknown comparison");
  OCTET_TRY(check_type(n, m, 0, {DType::kF32, DType::kS64, DType::kS32, DType::kBool}));
  if (m.input(n, 0).dtype != m.input(n, 1).dtype) return bad_node(n, "operands of different types");
  if (kind >= Kind::logical_and) return check_type(n, m, 0, {DType::kBool});
  return {};
}

Result<void> infer(Inference& inf) {
  const auto out = broadcast(inf.shape(0), inf.shape(1));
  if (!out) return inf.error("cannot broadcast " + inf.shape(0).text() + " with " + inf.shape(1).text());
  inf.out(0, *out);
  return {};
}

template <class T>
bool compare(Kind kind, T a, T b) {
  switch (kind) {
    case Kind::equal:
      return a == b;
    case Kind::less:
      return a < b;
    case Kind::greater:
      return a > b;
    case Kind::less_equal:
      return a <= b;
    case Kind::greater_equal:
      return a >= b;
    case Kind::logical_and:
      return a != 0 && b != 0;
    case Kind::logical_or:
      return a != 0 || b != 0;
    case Kind::logical_xor:
      return (a != 0) != (b != 0);
  }
  return false;
}

template <class T>
void prepare_typed(Prepare& p) {
  const Broadcast rows = broadcast_rows(p.in(0), p.in(1), p.out());
  p.step.run = [rows, kind = p.node->attributes<schema::Compare>().kind(), a = p.in(0).id, b = p.in(1).id,
                out = p.out().id](const RunContext& ctx) {
    rows.for_runs(0, rows.rows, [&](int64_t first, int64_t count, int64_t at_a, int64_t at_b) {
      const auto last = static_cast<size_t>(rows.rank - 1);
      for (int64_t r = 0; r < count; ++r) {
        const T *x = ctx.data<T>(a) + at_a + r * rows.a[last], *y = ctx.data<T>(b) + at_b + r * rows.b[last];
        uint8_t* z = ctx.data<uint8_t>(out) + (first + r) * rows.channels;
        for (int64_t c = 0; c < rows.channels; ++c) z[c] = compare(kind, x[c * rows.a_step], y[c * rows.b_step]);
      }
    });
  };
  p.step.kernel = "compare";
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  switch (p.in(0).dtype) {
    case DType::kF32:
      return prepare_typed<float>(p), Result<void>();
    case DType::kS64:
      return prepare_typed<int64_t>(p), Result<void>();
    case DType::kS32:
      return prepare_typed<int32_t>(p), Result<void>();
    default:
      return prepare_typed<uint8_t>(p), Result<void>();
  }
}

}  // namespace

extern const OpKind kCompare;
const OpKind kCompare = {.type = schema::Op::Compare,
                         .names = names,
                         .min_inputs = 2,
                         .max_inputs = 2,
                         .check = check,
                         .infer = infer,
                         .prepare = prepare,
                         .dtype = always<DType::kBool>};

}  // namespace octet
