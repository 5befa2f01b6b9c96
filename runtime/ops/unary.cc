// Functions of one element: float by the kernels, int8 by tables of all 256 values.
#include "kernels/math.h"
#include "kernels/quant.h"
#include "kernels/reference/reference.h"
#include "runtime/ops/common.h"

namespace octet {
namespace {

static_assert(static_cast<int>(schema::UnaryKind::act) == static_cast<int>(kernels::UnaryF32::kAct) &&
              static_cast<int>(schema::UnaryKind::cos) == static_cast<int>(kernels::UnaryF32::kCos));
static_assert(static_cast<int>(schema::ActKind::none) == static_cast<int>(kernels::Act::kNone) &&
              static_cast<int>(schema::ActKind::gelu_tanh) == static_cast<int>(kernels::Act::kGeluTanh));

using Names = std::span<const std::string_view>;

Names activation_names(schema::ActKind kind) {
  static constexpr std::string_view kIdentity[] = {"identity", "Identity", "assign"};
  static constexpr std::string_view kRelu[] = {"relu", "Relu"};
  static constexpr std::string_view kClip[] = {"clip", "Clip", "relu6"};
  static constexpr std::string_view kSilu[] = {"silu", "Swish", "swish"};
  static constexpr std::string_view kSigmoid[] = {"sigmoid", "Sigmoid"};
  static constexpr std::string_view kHardSwish[] = {"hard_swish", "HardSwish"};
  static constexpr std::string_view kHardSigmoid[] = {"hard_sigmoid", "HardSigmoid"};
  static constexpr std::string_view kLeakyRelu[] = {"leaky_relu", "LeakyRelu"};
  static constexpr std::string_view kTanh[] = {"tanh", "Tanh"};
  static constexpr std::string_view kGelu[] = {"gelu", "Gelu"};
  static constexpr Names kAll[] = {kIdentity,    kRelu,      kClip, kSilu, kSigmoid, kHardSwish,
                                   kHardSigmoid, kLeakyRelu, kTanh, kGelu, kGelu};
  return kAll[valid_enum(kind) ? static_cast<int>(kind) : 0];
}

Names names(const NodeDef& n) {
  static constexpr std::string_view kUnary[] = {"unary"};
  static constexpr std::string_view kExp[] = {"exp", "Exp"};
  static constexpr std::string_view kLog[] = {"log", "Log"};
  static constexpr std::string_view kSqrt[] = {"sqrt", "Sqrt"};
  static constexpr std::string_view kNeg[] = {"neg", "Neg"};
  static constexpr std::string_view kAbs[] = {"abs", "Abs"};
  static constexpr std::string_view kFloor[] = {"floor", "Floor"};
  static constexpr std::string_view kCeil[] = {"ceil", "Ceil"};
  static constexpr std::string_view kRound[] = {"round", "Round"};
  static constexpr std::string_view kErf[] = {"erf", "Erf"};
  static constexpr std::string_view kReciprocal[] = {"reciprocal", "Reciprocal"};
  static constexpr std::string_view kSin[] = {"sin", "Sin"};
  static constexpr std::string_view kCos[] = {"cos", "Cos"};
  static constexpr Names kAll[] = {kUnary, kExp,   kLog, kSqrt,       kNeg, kAbs, kFloor,
                                   kCeil,  kRound, kErf, kReciprocal, kSin, kCos};
  const auto& a = n.attributes<schema::Unary>();
  if (a.kind() == schema::UnaryKind::act && a.act()) return activation_names(a.act()->kind());
  return kAll[valid_enum(a.kind()) ? static_cast<int>(a.kind()) : 0];
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  const auto& a = n.attributes<schema::Unary>();
  if (!valid_enum(a.kind())) return bad_node(n, "unknown function");
  OCTET_TRY(check_activation(n, a.act()));
  const bool integers = a.kind() == schema::UnaryKind::neg || a.kind() == schema::UnaryKind::abs;
  if (integers) return check_type(n, m, 0, {DType::kF32, DType::kS64, DType::kS32});
  return check_type(n, m, 0, {DType::kF32});
}

Result<void> infer(Inference& inf) {
  inf.out(0, inf.shape(0));
  return {};
}

Int8Rule int8(const NodeDef& n, const ModelData&) {
  const auto kind = n.attributes<schema::Unary>().kind();
  const bool gentle =
      kind == schema::UnaryKind::act || kind == schema::UnaryKind::neg || kind == schema::UnaryKind::abs;
  return {.kind = Int8Rule::Kind::kOwn, .channelwise = true, .given_only = !gentle};
}

// The float function, but for exp: a table can afford the better one.
float evaluate(kernels::UnaryF32 op, const kernels::Activation& act, float x) {
  if (op == kernels::UnaryF32::kExp) return kernels::math::exp(x);
  float y;
  kernels::reference::unary_f32(op, act, &x, &y, 1);
  return y;
}

void prepare_u8(Prepare& p, kernels::UnaryF32 op, const kernels::Activation& act) {
  const Value &in = p.in(0), &out = p.out();
  const bool one = !in.quant.per_channel() && !out.quant.per_channel();
  const int64_t channels = in.channels(), count = one ? 1 : channels;
  auto tables = std::make_shared<std::vector<uint8_t>>(static_cast<size_t>(256 * count));
  for (int64_t c = 0; c < count; ++c)
    for (int q = 0; q < 256; ++q) {
      const float x = kernels::dequantize_u8(static_cast<uint8_t>(q), in.quant.scale_at(c), in.quant.zero_at(c));
      (*tables)[static_cast<size_t>(c * 256 + q)] =
          kernels::quantize_u8(evaluate(op, act, x), 1.0f / out.quant.scale_at(c), out.quant.zero_at(c));
    }
  const bool flat = one && in.dense() && out.dense();
  const int64_t row = flat ? 4096 : channels, total = in.shape.elements();
  p.step.run = [=, isa = &p.isa, from = in.id, to = out.id, from_pitch = flat ? row : in.pitch,
                to_pitch = flat ? row : out.pitch,
                rows = flat ? (total + row - 1) / row : in.rows()](const RunContext& ctx) {
    parallel_rows(ctx.threads, rows, grain_of(row), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const uint8_t* x = ctx.data<uint8_t>(from) + r * from_pitch;
        uint8_t* y = ctx.data<uint8_t>(to) + r * to_pitch;
        if (one)
          isa->table(tables->data(), x, y, flat ? std::min(row, total - r * row) : row);
        else
          for (int64_t c = 0; c < channels; ++c) y[c] = (*tables)[static_cast<size_t>(c * 256 + x[c])];
      }
    });
  };
  p.step.kernel = std::string(one ? "table int8 " : "tables int8 ") + p.isa.name;
}

template <class T>
void prepare_integers(Prepare& p, bool neg) {
  p.step.run = [=, in = p.in(0).id, out = p.out().id, count = p.in(0).shape.elements()](const RunContext& ctx) {
    const T* x = ctx.data<T>(in);
    T* y = ctx.data<T>(out);
    using U = std::make_unsigned_t<T>;  // the most negative number stays what it is
    for (int64_t i = 0; i < count; ++i) y[i] = neg || x[i] < 0 ? static_cast<T>(U{0} - static_cast<U>(x[i])) : x[i];
  };
  p.step.kernel = "unary integer";
}

OnRows on_rows(const NodeDef&, const Value& in) { return in.dtype == DType::kF32 ? OnRows::kReplaces : OnRows::kNo; }

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const auto& a = p.node->attributes<schema::Unary>();
  const auto op = static_cast<kernels::UnaryF32>(a.kind());
  const kernels::Activation act = activation(a.act());
  const Value &in = p.in(0), &out = p.out();
  if (p.rows) {
    p.step.kernel = names(*p.node)[0];
    return take_rows(p, [=, unary = p.isa.unary_f32](const float* x, float* y, int64_t rows,
                                                     int64_t channels) { unary(op, act, x, y, rows * channels); }),
           Result<void>();
  }
  if (p.int8()) return prepare_u8(p, op, act), Result<void>();
  const bool integers = in.dtype != DType::kF32;
  if (integers && !(in.dense() && out.dense())) return p.error("integers with rows apart");
  if (in.dtype == DType::kS64) return prepare_integers<int64_t>(p, a.kind() == schema::UnaryKind::neg), Result<void>();
  if (in.dtype == DType::kS32) return prepare_integers<int32_t>(p, a.kind() == schema::UnaryKind::neg), Result<void>();
  const bool flat = in.dense() && out.dense();
  const int64_t row = flat ? 4096 : in.channels(), total = in.shape.elements();
  p.step.kernel = std::string("unary f32 ") + p.isa.name;
  p.step.run = [=, isa = &p.isa, from = in.id, to = out.id, from_pitch = flat ? row : in.pitch,
                to_pitch = flat ? row : out.pitch,
                rows = flat ? (total + row - 1) / row : in.rows()](const RunContext& ctx) {
    parallel_rows(ctx.threads, rows, grain_of(row), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        isa->unary_f32(op, act, ctx.data<float>(from) + r * from_pitch, ctx.data<float>(to) + r * to_pitch,
                       flat ? std::min(row, total - r * row) : row);
    });
  };
  return {};
}

}  // namespace

extern const OpKind kUnary;
const OpKind kUnary = {.type = schema::Op::Unary,
                       .names = names,
                       .min_inputs = 1,
                       .max_inputs = 1,
                       .check = check,
                       .infer = infer,
                       .prepare = prepare,
                       .int8 = int8,
                       .on_rows = on_rows,
                       .pitched_in = true,
                       .pitched_out = true,
                       .elementwise = true};

}  // namespace octet
