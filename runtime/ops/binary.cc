// Arithmetic of two tensors with NumPy's broadcasting: float by the kernels, integers for shape arithmetic.
#include "runtime/ops/binary.h"

#include "runtime/ops/common.h"
#include "runtime/ops/move.h"

namespace octet {
namespace {

static_assert(static_cast<int>(schema::BinaryKind::add) == static_cast<int>(kernels::BinaryF32::kAdd) &&
              static_cast<int>(schema::BinaryKind::max) == static_cast<int>(kernels::BinaryF32::kMax));

using Names = std::span<const std::string_view>;

Names names(const NodeDef& n) {
  static constexpr std::string_view kAdd[] = {"add", "Add", "elementwise_add"};
  static constexpr std::string_view kSub[] = {"sub", "Sub", "elementwise_sub"};
  static constexpr std::string_view kMul[] = {"multiply", "Mul", "elementwise_mul"};  // "mul" is Paddle's matmul
  static constexpr std::string_view kDiv[] = {"div", "Div", "elementwise_div"};
  static constexpr std::string_view kPow[] = {"pow", "Pow", "elementwise_pow"};
  static constexpr std::string_view kMin[] = {"min", "Min", "elementwise_min"};
  static constexpr std::string_view kMax[] = {"max", "Max", "elementwise_max"};
  static constexpr Names kAll[] = {kAdd, kSub, kMul, kDiv, kPow, kMin, kMax};
  const auto kind = n.attributes<schema::Binary>().kind();
  return kAll[valid_enum(kind) ? static_cast<int>(kind) : 0];
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  const auto& a = n.attributes<schema::Binary>();
  if (!valid_enum(a.kind())) return bad_node(n, "unknown arithmetic");
  OCTET_TRY(check_activation(n, a.act()));
  for (int i : {0, 1}) OCTET_TRY(check_type(n, m, i, {DType::kF32, DType::kS64, DType::kS32}));
  if (m.input(n, 0).dtype != m.input(n, 1).dtype) return bad_node(n, "operands of different types");
  if (m.input(n, 0).dtype != DType::kF32 && a.act() && a.act()->kind() != schema::ActKind::none)
    return bad_node(n, "an activation of integers");
  return {};
}

Result<void> infer(Inference& inf) {
  const auto out = broadcast(inf.shape(0), inf.shape(1));
  if (!out) return inf.error("cannot broadcast " + inf.shape(0).text() + " with " + inf.shape(1).text());
  inf.out(0, *out);
  return {};
}

Int8Rule int8(const NodeDef& n, const ModelData&) {
  const auto kind = n.attributes<schema::Binary>().kind();
  const bool can =
      kind == schema::BinaryKind::add || kind == schema::BinaryKind::sub || kind == schema::BinaryKind::mul;
  return {.kind = can ? Int8Rule::Kind::kOwn : Int8Rule::Kind::kFloat};
}

Unknowns unknowns(const NodeDef&, int, const Value& in, const Value& out) {
  return out.shape.rank() <= 1 && in.dtype != DType::kF32 ? Unknowns::kSpread : Unknowns::kRefused;
}

// Wraps on overflow; x / 0 is 0: whatever a file says, nothing here traps.
template <class T>
T integer(kernels::BinaryF32 op, T x, T y) {
  using U = std::make_unsigned_t<T>;
  const U a = static_cast<U>(x), b = static_cast<U>(y);
  switch (op) {
    case kernels::BinaryF32::kAdd:
      return static_cast<T>(a + b);
    case kernels::BinaryF32::kSub:
      return static_cast<T>(a - b);
    case kernels::BinaryF32::kMul:
      return static_cast<T>(a * b);
    case kernels::BinaryF32::kDiv:
      return y == 0 ? T{0} : y == -1 ? static_cast<T>(U{0} - a) : static_cast<T>(x / y);
    case kernels::BinaryF32::kMin:
      return std::min(x, y);
    case kernels::BinaryF32::kMax:
      return std::max(x, y);
    case kernels::BinaryF32::kPow:
      break;
  }
  if (y < 0) return x == 1 ? T{1} : x == -1 ? (y % 2 ? T{-1} : T{1}) : T{0};
  U result = 1, square = a;
  for (U e = b; e; e >>= 1, square *= square)
    if (e & 1) result *= square;
  return static_cast<T>(result);
}

template <class T>
void prepare_integers(Prepare& p, kernels::BinaryF32 op, const Broadcast& rows) {
  p.step.run = [=, a = p.in(0).id, b = p.in(1).id, out = p.out().id, pitch = p.out().pitch](const RunContext& ctx) {
    rows.for_runs(0, rows.rows, [&](int64_t first, int64_t count, int64_t at_a, int64_t at_b) {
      const auto last = static_cast<size_t>(rows.rank - 1);
      for (int64_t r = 0; r < count; ++r) {
        const T *x = ctx.data<T>(a) + at_a + r * rows.a[last], *y = ctx.data<T>(b) + at_b + r * rows.b[last];
        T* z = ctx.data<T>(out) + (first + r) * pitch;
        for (int64_t c = 0; c < rows.channels; ++c) z[c] = integer(op, x[c * rows.a_step], y[c * rows.b_step]);
      }
    });
  };
  p.step.kernel = "binary integer";
}

// Whether an operand's rows join into one long row of the output, all of it one by one or all of it one element.
bool joins(int64_t row_step, int step, int64_t channels) { return step == 0 ? row_step == 0 : row_step == channels; }

constexpr int64_t kNarrow = 16, kGathered = 512;  // rows that are shorter than a vector go into one that is long

// Rows of two elements, of boxes' centres and sizes, from one step to another.
void copy_pairs(const float* from, int64_t from_step, float* to, int64_t to_step, int64_t rows) {
  for (int64_t r = 0; r < rows; ++r)
    to[r * to_step] = from[r * from_step], to[r * to_step + 1] = from[r * from_step + 1];
}

// An operand of `rows` narrow rows that do not join, element after element.
const float* gather(const float* from, int64_t row_step, int step, int64_t rows, int64_t channels, float* to) {
  if (channels == 2 && step == 1) return copy_pairs(from, row_step, to, 2, rows), to;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < channels; ++c) to[r * channels + c] = from[r * row_step + c * step];
  return to;
}

void prepare_f32(Prepare& p, kernels::BinaryF32 op, const kernels::Activation& act, Broadcast rows) {
  const Value& out = p.out();
  auto last = static_cast<size_t>(rows.rank - 1);
  if (rows.channels == 1) {  // one element a row: a row that repeats is a scalar
    if (rows.a[last] == 0) rows.a_step = 0;
    if (rows.b[last] == 0) rows.b_step = 0;
  }
  const bool a_joins = joins(rows.a[last], rows.a_step, rows.channels),
             b_joins = joins(rows.b[last], rows.b_step, rows.channels), joined = out.dense() && a_joins && b_joins;
  p.step.run = [=, isa = &p.isa, a = p.in(0).id, b = p.in(1).id, z = out.id, pitch = out.pitch](const RunContext& ctx) {
    const auto compute_steps = [&](const float* x, int a_step, const float* y, int b_step, float* to, int64_t count) {
      isa->binary_f32(op, x, a_step, y, b_step, to, count);
      if (act.kind != kernels::Act::kNone) isa->unary_f32(kernels::UnaryF32::kAct, act, to, to, count);
    };
    const auto compute = [&](const float* x, const float* y, float* to, int64_t count) {
      compute_steps(x, rows.a_step, y, rows.b_step, to, count);
    };
    const auto compute_narrow = [&](const float* x, const float* y, float* to, int64_t count) {
      float gathered[3][kGathered];
      const int64_t c = rows.channels, a_row = rows.a[last], b_row = rows.b[last];
      for (int64_t r = 0; r < count; r += kGathered / c) {
        const int64_t n = std::min(count - r, kGathered / c);
        const float* from_a = a_joins ? x + r * a_row : gather(x + r * a_row, a_row, rows.a_step, n, c, gathered[0]);
        const float* from_b = b_joins ? y + r * b_row : gather(y + r * b_row, b_row, rows.b_step, n, c, gathered[1]);
        float* result = pitch == c ? to + r * pitch : gathered[2];
        compute_steps(from_a, a_joins ? rows.a_step : 1, from_b, b_joins ? rows.b_step : 1, result, n * c);
        if (c == 2 && pitch != c) copy_pairs(result, 2, to + r * pitch, pitch, n);
        for (int64_t i = 0; i < n && pitch != c && c != 2; ++i)
          for (int64_t k = 0; k < c; ++k) to[(r + i) * pitch + k] = result[i * c + k];
      }
    };
    parallel_rows(ctx.threads, rows.rows, grain_of(rows.channels), [&](int64_t begin, int64_t end) {
      rows.for_runs(begin, end, [&](int64_t first, int64_t count, int64_t at_a, int64_t at_b) {
        const float *x = ctx.data<float>(a) + at_a, *y = ctx.data<float>(b) + at_b;
        float* to = ctx.data<float>(z) + first * pitch;
        if (joined) return compute(x, y, to, count * rows.channels);
        if (rows.channels < kNarrow) return compute_narrow(x, y, to, count);
        for (int64_t r = 0; r < count; ++r)
          compute(x + r * rows.a[last], y + r * rows.b[last], to + r * pitch, rows.channels);
      });
    });
  };
  p.step.kernel = std::string("binary f32 ") + p.isa.name;
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const auto& a = p.node->attributes<schema::Binary>();
  if (p.int8()) return prepare_binary_u8(p), Result<void>();
  const auto op = static_cast<kernels::BinaryF32>(a.kind());
  Broadcast rows = broadcast_rows(p.in(0), p.in(1), p.out());
  if (p.in(0).dtype == DType::kS64)
    prepare_integers<int64_t>(p, op, rows);
  else if (p.in(0).dtype == DType::kS32)
    prepare_integers<int32_t>(p, op, rows);
  else
    prepare_f32(p, op, activation(a.act()), rows);
  return {};
}

// Steps of an operand along the output's row dims.
std::array<int64_t, kMaxRank> row_steps(const Value& operand, const Shape& out) {
  const auto strides = strides_of(operand.shape, operand.pitch);
  std::array<int64_t, kMaxRank> steps{};
  const int missing = out.rank() - operand.shape.rank();
  for (int d = std::max(0, missing); d < out.rank() - 1; ++d)
    if (operand.shape[d - missing] != 1) steps[static_cast<size_t>(d)] = strides[static_cast<size_t>(d - missing)];
  return steps;
}

}  // namespace

Broadcast broadcast_rows(const Value& a, const Value& b, const Value& out) {
  Broadcast r;
  r.channels = out.channels();
  r.rows = out.rows();
  r.a_step = a.channels() == 1 && r.channels > 1 ? 0 : 1;
  r.b_step = b.channels() == 1 && r.channels > 1 ? 0 : 1;
  r.rank = 0;
  const auto a_steps = row_steps(a, out.shape), b_steps = row_steps(b, out.shape);
  for (int d = 0; d < out.shape.rank() - 1; ++d) {
    const auto from = static_cast<size_t>(d);
    const int64_t size = out.shape[d];
    if (size == 1) continue;
    const auto before = static_cast<size_t>(r.rank - 1);
    if (r.rank > 0 && r.a[before] == a_steps[from] * size && r.b[before] == b_steps[from] * size) {
      r.size[before] *= size;
      r.a[before] = a_steps[from], r.b[before] = b_steps[from];
      continue;
    }
    const auto to = static_cast<size_t>(r.rank++);
    r.size[to] = size, r.a[to] = a_steps[from], r.b[to] = b_steps[from];
  }
  if (r.rank == 0) {  // one row: its steps are never taken, but tell that it is whole
    r.rank = 1;
    r.size[0] = 1;
    r.a[0] = r.a_step ? r.channels : 0, r.b[0] = r.b_step ? r.channels : 0;
  }
  return r;
}

extern const OpKind kBinary;
const OpKind kBinary = {.type = schema::Op::Binary,
                        .names = names,
                        .min_inputs = 2,
                        .max_inputs = 2,
                        .check = check,
                        .infer = infer,
                        .prepare = prepare,
                        .int8 = int8,
                        .unknowns = unknowns,
                        .pitched_in = true,
                        .pitched_out = true,
                        .elementwise = true};

}  // namespace octet
