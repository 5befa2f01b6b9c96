// What callers owe to kernels.
#include "kernels/owed.h"

namespace octet::kernels {
namespace {

template <class... Pointers>
bool given(const Pointers*... pointers) {
  return ((pointers != nullptr) && ...);
}

bool owed(const Epilogue& e, const uint8_t* residual) {
  return given(e.acc0, e.multiplier, e.low, e.high) && (e.act.kind == Act::kNone || e.act16 || e.out_multiplier) &&
         (!e.res_multiplier || given(e.res_offset, residual));
}

template <class Window>
bool owed_window(const Window& w, int y_begin, int y_end) {
  return w.kernel_h > 0 && w.kernel_w > 0 && w.stride_h > 0 && w.stride_w > 0 && w.dilation_h > 0 && w.dilation_w > 0 &&
         w.in_h > 0 && w.in_w > 0 && w.out_w > 0 && w.channels > 0 && w.input_pitch >= w.channels &&
         w.output_pitch >= w.channels && 0 <= y_begin && y_begin <= y_end && y_end <= w.out_h;
}

}  // namespace

bool owed(const ConvTile& t, int conv_rows) {
  return t.rows > 0 && t.rows <= conv_rows && t.taps > 0 && t.groups > 0 && t.channels > 0 &&
         given(t.input, t.weights, t.output) && t.output_pitch >= t.channels && owed(t.epilogue, t.residual);
}

bool owed(const ConvTileF32& t, int conv_rows) {
  return t.rows > 0 && t.rows <= conv_rows && t.taps > 0 && t.in_channels > 0 && t.channels > 0 &&
         given(t.input, t.weights, t.bias, t.output) && t.output_pitch >= t.channels;
}

bool owed(const Depthwise& d, int y_begin, int y_end) {
  return owed_window(d, y_begin, y_end) && given(d.input, d.zero_row, d.weights, d.output) &&
         owed(d.epilogue, d.residual);
}

bool owed(const DepthwiseF32& d, int y_begin, int y_end) {
  return owed_window(d, y_begin, y_end) && given(d.input, d.weights, d.bias, d.output);
}

bool owed(const Pool& p, int y_begin, int y_end) { return owed_window(p, y_begin, y_end); }

bool owed(const AveragePool& p, int y_begin, int y_end) {
  return owed(p.pool, y_begin, y_end) && given(p.multiplier, p.zero_point_in, p.zero_point_out);
}

bool owed(const BinaryU8& b, bool is_add) {
  const bool real = b.act.kind != Act::kNone || b.slope;
  return b.rows >= 0 && b.channels > 0 && given(b.a, b.b, b.a_multiplier, b.low, b.high, b.zero_point, b.output) &&
         (is_add ? given(b.b_multiplier, b.offset) : given(b.a_zero, b.b_zero)) && (!real || b.out_multiplier);
}

bool owed(const BilinearU8& b, int y_begin, int y_end) {
  return b.channels > 0 && b.out_w > 0 && 0 <= y_begin && y_begin <= y_end &&
         given(b.input, b.y0, b.y1, b.wy, b.x0, b.x1, b.wx, b.output);
}

bool owed(const BilinearF32& b, int x_begin, int x_end) {
  return b.channels > 0 && b.output_pitch >= b.channels && 0 <= x_begin && x_begin <= x_end &&
         given(b.upper, b.lower, b.x0, b.x1, b.wx, b.output);
}

bool owed(const AffineF32& a) { return a.rows >= 0 && a.channels > 0 && given(a.input, a.scale, a.shift, a.output); }

}  // namespace octet::kernels
