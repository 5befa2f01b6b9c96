// Addition, subtraction and multiplication of u8 tensors.
#include "runtime/ops/binary.h"
#include "runtime/ops/common.h"

namespace octet {
namespace {

// The kernels' arrays, one entry a channel.
struct Arrays {
  std::vector<float> a_multiplier, b_multiplier, offset, a_zero, b_zero, out_multiplier, low, high;
  std::vector<int32_t> zero_point;
};

// Rectifiers and clips of the result are narrower bounds of what is stored.
bool is_bounds(const kernels::Activation& act) {
  return act.kind == kernels::Act::kRelu || act.kind == kernels::Act::kClip;
}

std::shared_ptr<const Arrays> make_arrays(const Prepare& p, int64_t channels, bool mul, bool sub,
                                          const kernels::Activation& act) {
  const Quant &a = p.in(0).quant, &b = p.in(1).quant, &out = p.out().quant;
  const bool real = act.kind != kernels::Act::kNone && !is_bounds(act);  // the multipliers give real units
  auto unit = [&](int64_t c) { return real ? 1.0 : double{out.scale_at(c)}; };
  auto of = std::make_shared<Arrays>();
  of->a_multiplier = per_channel<float>(
      channels, [&](int64_t c) { return a.scale_at(c) * (mul ? double{b.scale_at(c)} : 1.0) / unit(c); });
  of->b_multiplier =
      per_channel<float>(channels, [&](int64_t c) { return (sub ? -1.0 : 1.0) * b.scale_at(c) / unit(c); });
  of->offset = per_channel<float>(channels, [&](int64_t c) {
    const auto i = static_cast<size_t>(c);
    return -(a.zero_at(c) * double{of->a_multiplier[i]} + b.zero_at(c) * double{of->b_multiplier[i]});
  });
  of->a_zero = per_channel<float>(channels, [&](int64_t c) { return a.zero_at(c); });
  of->b_zero = per_channel<float>(channels, [&](int64_t c) { return b.zero_at(c); });
  of->out_multiplier = per_channel<float>(channels, [&](int64_t c) { return 1.0f / out.scale_at(c); });
  of->zero_point = per_channel<int32_t>(channels, [&](int64_t c) { return out.zero_at(c); });
  auto bound = [&](int64_t c, bool upper) {
    const float plain = static_cast<float>(upper ? 255 - out.zero_at(c) : -out.zero_at(c));
    if (!is_bounds(act)) return plain;
    const bool relu = act.kind == kernels::Act::kRelu;
    const float real_bound = upper ? (relu ? std::numeric_limits<float>::infinity() : act.b) : (relu ? 0.0f : act.a);
    return std::clamp(real_bound / out.scale_at(c), static_cast<float>(-out.zero_at(c)),
                      static_cast<float>(255 - out.zero_at(c)));
  };
  of->low = per_channel<float>(channels, [&](int64_t c) { return bound(c, false); });
  of->high = per_channel<float>(channels, [&](int64_t c) { return bound(c, true); });
  return of;
}

struct Form {
  Broadcast rows;
  bool mul = false;
  kernels::Activation act;
  int64_t out_pitch = 0;
  const kernels::Isa* isa = nullptr;
  std::shared_ptr<const Arrays> arrays;
};

kernels::BinaryU8 block(const Form& f, int64_t first_channel, int64_t channels) {
  const Arrays& of = *f.arrays;
  kernels::BinaryU8 k;
  k.channels = static_cast<int>(channels);
  k.a_multiplier = of.a_multiplier.data() + first_channel;
  k.b_multiplier = of.b_multiplier.data() + first_channel;
  k.offset = of.offset.data() + first_channel;
  k.a_zero = of.a_zero.data() + first_channel;
  k.b_zero = of.b_zero.data() + first_channel;
  k.act = f.act;
  k.out_multiplier = of.out_multiplier.data() + first_channel;
  k.low = of.low.data() + first_channel;
  k.high = of.high.data() + first_channel;
  k.zero_point = of.zero_point.data() + first_channel;
  k.output_pitch = f.out_pitch;
  return k;
}

void call(const Form& f, const kernels::BinaryU8& k) { f.mul ? f.isa->mul(k) : f.isa->add(k); }

// One operand has one channel: it is spread over a block of rows and channels at a time.
void spread(const Form& f, const uint8_t* a, const uint8_t* b, uint8_t* out, int64_t count) {
  constexpr int64_t kRows = 16, kChannels = 256;
  uint8_t wide[kRows * kChannels + kernels::kReadSlack];
  std::memset(wide + kRows * kChannels, 0, kernels::kReadSlack);
  const auto last = static_cast<size_t>(f.rows.rank - 1);
  const bool is_a = f.rows.a_step == 0;
  const uint8_t* narrow = is_a ? a : b;
  const int64_t narrow_step = is_a ? f.rows.a[last] : f.rows.b[last];
  for (int64_t r = 0; r < count; r += kRows)
    for (int64_t c = 0; c < f.rows.channels; c += kChannels) {
      kernels::BinaryU8 k = block(f, c, std::min(kChannels, f.rows.channels - c));
      k.rows = std::min(kRows, count - r);
      for (int64_t i = 0; i < k.rows; ++i) std::memset(wide + i * kChannels, narrow[(r + i) * narrow_step], kChannels);
      k.a = is_a ? wide : a + r * f.rows.a[last] + c;
      k.a_pitch = is_a ? kChannels : f.rows.a[last];
      k.b = is_a ? b + r * f.rows.b[last] + c : wide;
      k.b_pitch = is_a ? f.rows.b[last] : kChannels;
      k.output = out + r * f.out_pitch + c;
      call(f, k);
    }
}

// Where channels do not matter and nothing is apart or repeated, rows are as long as is good for the kernels.
void lengthen(Form& f, const Prepare& p) {
  constexpr int64_t kLong = 1024;
  const Value &a = p.in(0), &b = p.in(1), &out = p.out();
  const bool plain = a.dense() && b.dense() && out.dense() && a.shape == b.shape && a.shape == out.shape;
  if (!plain || a.quant.per_channel() || b.quant.per_channel() || out.quant.per_channel()) return;
  const int64_t total = out.shape.elements(), row = total % kLong == 0 ? kLong
                                                    : total % 256 == 0 ? 256
                                                    : total % 64 == 0  ? 64
                                                                       : 0;
  if (row == 0 || row <= f.rows.channels) return;
  f.rows.rank = 1;
  f.rows.size[0] = f.rows.rows = total / row;
  f.rows.channels = f.rows.a[0] = f.rows.b[0] = f.out_pitch = row;
}

}  // namespace

void prepare_binary_u8(Prepare& p) {
  const auto& attributes = p.node->attributes<schema::Binary>();
  Form f;
  f.rows = broadcast_rows(p.in(0), p.in(1), p.out());
  f.mul = attributes.kind() == schema::BinaryKind::mul;
  f.out_pitch = p.out().pitch;
  f.isa = &p.isa;
  lengthen(f, p);
  const kernels::Activation act = activation(attributes.act());
  f.act = is_bounds(act) ? kernels::Activation{} : act;
  f.arrays = make_arrays(p, f.rows.channels, f.mul, attributes.kind() == schema::BinaryKind::sub, act);
  p.step.kernel = std::string(f.mul ? "mul int8 " : "add int8 ") + p.isa.name;
  p.step.run = [f, a = p.in(0).id, b = p.in(1).id, out = p.out().id](const RunContext& ctx) {
    parallel_rows(ctx.threads, f.rows.rows, grain_of(f.rows.channels), [&](int64_t begin, int64_t end) {
      f.rows.for_runs(begin, end, [&](int64_t first, int64_t count, int64_t at_a, int64_t at_b) {
        const uint8_t *x = ctx.data<uint8_t>(a) + at_a, *y = ctx.data<uint8_t>(b) + at_b;
        uint8_t* z = ctx.data<uint8_t>(out) + first * f.out_pitch;
        if (f.rows.a_step == 0 || f.rows.b_step == 0) return spread(f, x, y, z, count);
        kernels::BinaryU8 k = block(f, 0, f.rows.channels);
        const auto last = static_cast<size_t>(f.rows.rank - 1);
        k.rows = count;
        k.a = x, k.a_pitch = f.rows.a[last];
        k.b = y, k.b_pitch = f.rows.b[last];
        k.output = z;
        call(f, k);
      });
    });
  };
}

}  // namespace octet
