// A straight line for each channel, bent at 0 where there is a slope: batch normalisation and PReLU.
#include "runtime/ops/common.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef& n) {
  static constexpr std::string_view kAffine[] = {"affine", "BatchNormalization", "batch_norm"};
  static constexpr std::string_view kPrelu[] = {"prelu", "PRelu"};
  if (n.has_input(3)) return kPrelu;
  return kAffine;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  OCTET_TRY(check_type(n, m, 0, {DType::kF32}));
  for (int i = 1; i < 4; ++i) {
    if (!n.has_input(i)) continue;
    const TensorDef& t = m.input(n, i);
    if (!t.constant || t.dtype != DType::kF32 || t.shape.rank() != 1 || t.shape != m.input(n, 1).shape)
      return bad_node(n, "input " + std::to_string(i) + " is no constant with a number for each channel");
    for (float v : t.values<float>())
      if (!std::isfinite(v)) return bad_node(n, "input " + std::to_string(i) + " holds numbers that are not finite");
  }
  return {};
}

Result<void> infer(Inference& inf) {
  const Shape& x = inf.shape(0);
  const int64_t channels = inf.shape(1)[0];
  if (x.rank() == 0 || (x[-1] >= 0 && x[-1] != channels))
    return inf.error(std::to_string(channels) + " channels for " + x.text());
  inf.out(0, x);
  return {};
}

Int8Rule int8(const NodeDef&, const ModelData&) {
  return {.kind = Int8Rule::Kind::kOwn, .f32_inputs = 0b1110, .channelwise = true};
}

std::span<const float> operand(const Prepare& p, int i) {
  return p.has_in(i) ? p.tensor(i).values<float>() : std::span<const float>();
}

// As an addition of the input, times 0.
void prepare_u8(Prepare& p) {
  struct Arrays {
    std::vector<float> a, b, offset, slope, out, low, high;
    std::vector<int32_t> zero;
  };
  const Value &in = p.in(0), &out = p.out();
  const Quant &x = in.quant, &y = out.quant;
  const auto scale = operand(p, 1), shift = operand(p, 2), slope = operand(p, 3);
  const int64_t channels = in.channels();
  const auto at = [](std::span<const float> v, int64_t c) { return double{v[static_cast<size_t>(c)]}; };
  const auto unit = [&](int64_t c) { return slope.empty() ? double{y.scale_at(c)} : 1.0; };
  auto of = std::make_shared<Arrays>();
  of->a = per_channel<float>(channels, [&](int64_t c) { return x.scale_at(c) * at(scale, c) / unit(c); });
  of->b = per_channel<float>(channels, [](int64_t) { return 0.0f; });
  of->offset = per_channel<float>(channels, [&](int64_t c) {
    return at(shift, c) / unit(c) - x.zero_at(c) * double{of->a[static_cast<size_t>(c)]};
  });
  if (!slope.empty()) of->slope = per_channel<float>(channels, [&](int64_t c) { return at(slope, c); });
  of->out = per_channel<float>(channels, [&](int64_t c) { return 1.0f / y.scale_at(c); });
  of->low = per_channel<float>(channels, [&](int64_t c) { return -y.zero_at(c); });
  of->high = per_channel<float>(channels, [&](int64_t c) { return 255 - y.zero_at(c); });
  of->zero = per_channel<int32_t>(channels, [&](int64_t c) { return y.zero_at(c); });
  p.step.kernel = std::string("affine int8 ") + p.isa.name;
  p.step.run = [=, add = p.isa.add, from = in.id, to = out.id, from_pitch = in.pitch, to_pitch = out.pitch,
                rows = in.rows()](const RunContext& ctx) {
    parallel_rows(ctx.threads, rows, grain_of(channels), [&](int64_t begin, int64_t end) {
      kernels::BinaryU8 k;
      k.rows = end - begin;
      k.channels = static_cast<int>(channels);
      k.a = k.b = ctx.data<uint8_t>(from) + begin * from_pitch;
      k.a_pitch = k.b_pitch = from_pitch;
      k.a_multiplier = of->a.data(), k.b_multiplier = of->b.data(), k.offset = of->offset.data();
      k.slope = of->slope.empty() ? nullptr : of->slope.data();
      k.out_multiplier = of->out.data();
      k.low = of->low.data(), k.high = of->high.data(), k.zero_point = of->zero.data();
      k.output = ctx.data<uint8_t>(to) + begin * to_pitch;
      k.output_pitch = to_pitch;
      add(k);
    });
  };
}

void prepare_f32(Prepare& p) {
  const Value &in = p.in(0), &out = p.out();
  p.step.kernel = std::string("affine f32 ") + p.isa.name;
  const kernels::AffineF32 all = {.rows = in.rows(),
                                  .channels = static_cast<int>(in.channels()),
                                  .input_pitch = in.pitch,
                                  .scale = operand(p, 1).data(),
                                  .shift = operand(p, 2).data(),
                                  .slope = operand(p, 3).data(),
                                  .output_pitch = out.pitch};
  p.step.run = [all, affine = p.isa.affine_f32, from = in.id, to = out.id](const RunContext& ctx) {
    parallel_rows(ctx.threads, all.rows, grain_of(all.channels), [&](int64_t begin, int64_t end) {
      kernels::AffineF32 part = all;
      part.rows = end - begin;
      part.input = ctx.data<float>(from) + begin * all.input_pitch;
      part.output = ctx.data<float>(to) + begin * all.output_pitch;
      affine(part);
    });
  };
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  p.int8() ? prepare_u8(p) : prepare_f32(p);
  return {};
}

}  // namespace

extern const OpKind kAffine;
const OpKind kAffine = {.type = schema::Op::Affine,
                        .names = names,
                        .min_inputs = 3,
                        .max_inputs = 4,
                        .check = check,
                        .infer = infer,
                        .prepare = prepare,
                        .int8 = int8,
                        .pitched_in = true,
                        .pitched_out = true,
                        .elementwise = true};

}  // namespace octet
