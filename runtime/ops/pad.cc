// More elements around a tensor (a constant, its mirror image or its edge), or fewer where a size is negative.
#include "kernels/quant.h"
#include "runtime/ops/common.h"
#include "runtime/ops/move.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"pad", "Pad", "pad3d"};
  return kNames;
}

constexpr int64_t kMaxPad = int64_t{1} << 32;

Result<void> check(const NodeDef& n, const ModelData& m) {
  OCTET_TRY(check_dense(n, m, 0));
  const auto& a = n.attributes<schema::Pad>();
  if (!valid_enum(a.mode())) return bad_node(n, "unknown mode");
  if (!a.before() || !a.after()) {
    const bool scalar = m.input(n, 0).shape.rank() == 0;
    if (a.before() || a.after() || (!n.has_input(1) && !scalar)) return bad_node(n, "no sizes are given");
    if (!n.has_input(1)) return {};
    return check_type(n, m, 1, {DType::kS64});
  }
  const auto rank = static_cast<unsigned>(m.input(n, 0).shape.rank());
  if (a.before()->size() != rank || a.after()->size() != rank)
    return bad_node(n, "sizes for another rank than " + text_of(rank));
  return {};
}

struct Sizes {
  std::array<int64_t, kMaxRank> before{}, after{};
};

// From the attributes or the known operand; false where their number is not the rank's.
bool sizes_of(const NodeDef& n, std::span<const int64_t> operand, int rank, Sizes* sizes) {
  const auto& a = n.attributes<schema::Pad>();
  const auto count = static_cast<size_t>(rank);
  if (a.before() ? a.before()->size() != count || a.after()->size() != count : operand.size() != 2 * count)
    return false;
  for (size_t d = 0; d < count; ++d) {
    sizes->before[d] = a.before() ? a.before()->Get(static_cast<unsigned>(d)) : operand[d];
    sizes->after[d] = a.before() ? a.after()->Get(static_cast<unsigned>(d)) : operand[count + d];
  }
  return true;
}

Result<void> infer(Inference& inf) {
  const auto& a = inf.node.attributes<schema::Pad>();
  const Shape& in = inf.shape(0);
  std::span<const int64_t> operand;
  if (!a.before() && inf.node.has_input(1)) {
    const auto known = inf.known_s64(1);
    if (!known) return known.error();
    operand = *known;
  }
  Sizes sizes;
  if (!sizes_of(inf.node, operand, in.rank(), &sizes))
    return inf.error("sizes for another rank than that of " + in.text());
  Shape out;
  for (int d = 0; d < in.rank(); ++d) {
    const int64_t before = sizes.before[static_cast<size_t>(d)], after = sizes.after[static_cast<size_t>(d)];
    auto error = [&] {
      return inf.error("cannot pad axis " + text_of(d) + " of " + in.text() + " by " + text_of(before) + " and " +
                       text_of(after));
    };
    if (in[d] < 0 || before == kUnknown || after == kUnknown) {
      out.push_back(-1);
      continue;
    }
    if (std::min(before, after) < -in[d] || std::max(before, after) > kMaxPad) return error();
    const int64_t kept = in[d] + std::min<int64_t>(before, 0) + std::min<int64_t>(after, 0);  // of the input
    const int64_t most = std::max(before, after);
    if (kept < 0 || (a.mode() == schema::PadMode::edge && most > 0 && kept == 0)) return error();
    if (a.mode() == schema::PadMode::reflect && most > std::max<int64_t>(kept - 1, 0)) return error();
    out.push_back(in[d] + before + after);
  }
  inf.out(0, out);
  return {};
}

Int8Rule int8(const NodeDef& n, const ModelData& m) {
  const auto& a = n.attributes<schema::Pad>();
  const auto before = values_of(a.before()), after = values_of(a.after());
  Int8Rule rule = same_scales(n, m, before.empty() || before.back() != 0 || after.empty() || after.back() != 0);
  rule.given_only = a.mode() == schema::PadMode::constant && a.value() != 0;  // may lie outside the range
  return rule;
}

// For each index of the output along each dim, that of the input; -1: the constant.
struct Tables {
  std::array<std::vector<int64_t>, kMaxRank> source;
  std::vector<std::byte> constant_row;  // of the output
  std::array<int64_t, kMaxRank> strides{};
  Shape shape;
  int64_t pitch = 0;
  size_t element = 0;
  int64_t first = 0, kept = 0;  // of a row: the run [first, first + kept) that is one piece of the input's row
};

std::vector<int64_t> sources(schema::PadMode mode, int64_t in, int64_t before, int64_t after) {
  const int64_t low = std::max<int64_t>(-before, 0), high = in - 1 + std::min<int64_t>(after, 0);  // what is kept
  std::vector<int64_t> table;
  table.reserve(static_cast<size_t>(in + before + after));
  for (int64_t i = 0; i < in + before + after; ++i) {
    int64_t at = i - before;
    if (at < low || at > high) {
      if (mode == schema::PadMode::constant)
        at = -1;
      else if (mode == schema::PadMode::edge)
        at = std::clamp(at, low, high);
      else
        at = at < low ? 2 * low - at : 2 * high - at;
    }
    table.push_back(at);
  }
  return table;
}

template <class T>
void fill(std::vector<std::byte>& row, int64_t count, const std::function<T(int64_t)>& value) {
  row.resize(static_cast<size_t>(count) * sizeof(T));
  for (int64_t i = 0; i < count; ++i) {
    const T v = value(i);
    std::memcpy(row.data() + static_cast<size_t>(i) * sizeof(T), &v, sizeof(T));
  }
}

void fill_constant(Tables& t, const Value& out, float value) {
  const int64_t count = out.channels();
  const auto integer = static_cast<int64_t>(std::clamp(value == value ? value : 0.0f, -2147483648.0f, 2147483520.0f));
  if (!out.quant.empty())
    fill<uint8_t>(t.constant_row, count, [&](int64_t c) {
      return kernels::quantize_u8(value, 1.0f / out.quant.scale_at(c), out.quant.zero_at(c));
    });
  else if (out.dtype == DType::kF32)
    fill<float>(t.constant_row, count, [&](int64_t) { return value; });
  else if (t.element == 8)
    fill<int64_t>(t.constant_row, count, [&](int64_t) { return integer; });
  else if (t.element == 4)
    fill<int32_t>(t.constant_row, count, [&](int64_t) { return static_cast<int32_t>(integer); });
  else
    fill<uint8_t>(t.constant_row, count, [&](int64_t) { return static_cast<uint8_t>(integer); });
}

void pad_row(const Tables& t, const std::byte* in, std::byte* out) {
  const std::vector<int64_t>& source = t.source[static_cast<size_t>(t.shape.rank() - 1)];
  auto one = [&](int64_t c) {
    const auto at = source[static_cast<size_t>(c)];
    const std::byte* from =
        at < 0 ? t.constant_row.data() + static_cast<size_t>(c) * t.element : in + static_cast<size_t>(at) * t.element;
    std::memcpy(out + static_cast<size_t>(c) * t.element, from, t.element);
  };
  for (int64_t c = 0; c < t.first; ++c) one(c);
  if (t.kept > 0)
    std::memcpy(out + static_cast<size_t>(t.first) * t.element,
                in + static_cast<size_t>(source[static_cast<size_t>(t.first)]) * t.element,
                static_cast<size_t>(t.kept) * t.element);
  for (int64_t c = t.first + t.kept; c < t.shape[-1]; ++c) one(c);
}

void pad_rows(const Tables& t, int64_t begin, int64_t end, const std::byte* in, std::byte* out) {
  for (int64_t r = begin; r < end; ++r) {
    int64_t at = 0, rest = r;
    bool inside = true;
    for (int d = t.shape.rank() - 2; d >= 0; --d) {
      const int64_t source = t.source[static_cast<size_t>(d)][static_cast<size_t>(rest % t.shape[d])];
      inside = inside && source >= 0;
      at += source * t.strides[static_cast<size_t>(d)];
      rest /= t.shape[d];
    }
    std::byte* to = out + static_cast<size_t>(r * t.pitch) * t.element;
    if (inside)
      pad_row(t, in + static_cast<size_t>(at) * t.element, to);
    else
      std::memcpy(to, t.constant_row.data(), t.constant_row.size());
  }
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const auto& a = p.node->attributes<schema::Pad>();
  const Value &in = p.in(0), &out = p.out();
  if (in.shape.rank() == 0) return step_of_move(p, box_move(out.shape, in, out, p.isa), "copy"), Result<void>();
  Sizes sizes;
  if (!sizes_of(*p.node, a.before() ? std::span<const int64_t>() : known_s64(p.in(1)), in.shape.rank(), &sizes))
    return p.error("sizes of another rank");
  int64_t entries = 0;
  for (int64_t d : out.shape) entries += d;
  OCTET_TRY(p.take(static_cast<size_t>(entries + out.channels()) * sizeof(int64_t)));
  auto t = std::make_shared<Tables>();
  for (int d = 0; d < in.shape.rank(); ++d) {
    const auto i = static_cast<size_t>(d);
    t->source[i] = sources(a.mode(), in.shape[d], sizes.before[i], sizes.after[i]);
  }
  const auto last = static_cast<size_t>(in.shape.rank() - 1);
  t->strides = strides_of(in.shape, in.pitch);
  t->shape = out.shape;
  t->pitch = out.pitch;
  t->element = size_of(out.dtype);
  t->first = std::max<int64_t>(sizes.before[last], 0);
  t->kept = in.shape[-1] + std::min<int64_t>(sizes.before[last], 0) + std::min<int64_t>(sizes.after[last], 0);
  fill_constant(*t, out, a.value());
  p.step.run = [t, from = in.id, to = out.id, rows = out.rows()](const RunContext& ctx) {
    parallel_rows(ctx.threads, rows, grain_of(t->shape[-1]), [&](int64_t begin, int64_t end) {
      pad_rows(*t, begin, end, ctx.data<std::byte>(from), ctx.data<std::byte>(to));
    });
  };
  p.step.kernel = "pad";
  return {};
}

}  // namespace

extern const OpKind kPad;
const OpKind kPad = {.type = schema::Op::Pad,
                     .names = names,
                     .min_inputs = 1,
                     .max_inputs = 2,
                     .check = check,
                     .infer = infer,
                     .prepare = prepare,
                     .int8 = int8,
                     .pitched_in = true,
                     .pitched_out = true,
                     .moves_only = true};

}  // namespace octet
