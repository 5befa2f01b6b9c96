// Conversions between a tensor's float and u8 forms, which the planner puts where int8 and float nodes meet.
#include "runtime/ops/common.h"

namespace octet {
namespace {

struct Arrays {
  std::vector<float> scale;  // or its inverse
  std::vector<int32_t> zero_point;
};

// Rows as the kernels see them: those of the tensor, or longer ones where the channels do not matter.
struct Rows {
  int64_t count = 0, from_pitch = 0, to_pitch = 0;
  int channels = 0;
  int rest = 0;  // elements after the last row
};

Result<Rows> rows_of(const Prepare& p, const Quant& quant) {
  constexpr int64_t kLong = 1024;
  const Value &in = p.in(0), &out = p.out();
  if (quant.per_channel() && static_cast<int64_t>(quant.scale.size()) != in.channels())
    return p.error("scales for other channels");
  if (!quant.per_channel() && in.dense() && out.dense()) {
    const int64_t total = in.shape.elements();
    return Rows{total / kLong, kLong, kLong, kLong, static_cast<int>(total % kLong)};
  }
  if (!fits_int(in.channels())) return p.error("rows of " + text_of(in.channels()) + " elements are too long");
  return Rows{in.rows(), in.pitch, out.pitch, static_cast<int>(in.channels()), 0};
}

// Calls body(offset in, offset out, rows, channels).
template <class F>
void for_rows(Threads& threads, const Rows& r, const F& body) {
  parallel_rows(threads, r.count, grain_of(r.channels), [&](int64_t begin, int64_t end) {
    body(begin * r.from_pitch, begin * r.to_pitch, end - begin, r.channels);
  });
  if (r.rest) body(r.count * r.from_pitch, r.count * r.to_pitch, 1, r.rest);
}

}  // namespace

Result<void> prepare_quantize(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const Quant& q = p.out().quant;
  auto rows = rows_of(p, q);
  if (!rows) return rows.error();
  auto arrays = std::make_shared<Arrays>();
  arrays->scale = per_channel<float>(rows->channels, [&](int64_t c) { return 1.0f / q.scale_at(c); });
  arrays->zero_point = per_channel<int32_t>(rows->channels, [&](int64_t c) { return q.zero_at(c); });
  p.step.kernel = std::string("quantize ") + p.isa.name;
  p.step.run = [arrays, r = *rows, isa = &p.isa, in = p.in(0).id, out = p.out().id](const RunContext& ctx) {
    for_rows(ctx.threads, r, [&](int64_t from, int64_t to, int64_t count, int channels) {
      isa->quantize(ctx.data<float>(in) + from, r.from_pitch, ctx.data<uint8_t>(out) + to, r.to_pitch, count, channels,
                    arrays->scale.data(), arrays->zero_point.data());
    });
  };
  return {};
}

Result<void> prepare_dequantize(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const Quant& q = p.in(0).quant;
  auto rows = rows_of(p, q);
  if (!rows) return rows.error();
  auto arrays = std::make_shared<Arrays>();
  arrays->scale = per_channel<float>(rows->channels, [&](int64_t c) { return q.scale_at(c); });
  arrays->zero_point = per_channel<int32_t>(rows->channels, [&](int64_t c) { return q.zero_at(c); });
  p.step.kernel = std::string("dequantize ") + p.isa.name;
  p.step.run = [arrays, r = *rows, isa = &p.isa, in = p.in(0).id, out = p.out().id](const RunContext& ctx) {
    for_rows(ctx.threads, r, [&](int64_t from, int64_t to, int64_t count, int channels) {
      isa->dequantize(ctx.data<uint8_t>(in) + from, r.from_pitch, ctx.data<float>(out) + to, r.to_pitch, count,
                      channels, arrays->scale.data(), arrays->zero_point.data());
    });
  };
  return {};
}

}  // namespace octet
