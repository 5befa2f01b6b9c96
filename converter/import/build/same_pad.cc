// SAME padding of an image whose size is open.
#include "converter/import/build/build.h"

namespace octet::convert {

using schema::BinaryKind;

TensorId build_same_pad(SourceNode& n, TensorId x, const SamePad& same) {
  const TensorId image = n.nhwc(x), size = n.emit(schema::ShapeOfT{.start = 1, .end = 3}, {image});
  const auto pair = [&](int64_t a, int64_t b) { return n.integers(std::array<int64_t, 2>{a, b}); };
  const TensorId stride = pair(same.stride[0], same.stride[1]), zero = n.integers(std::array<int64_t, 1>{0});
  // From the first pixel that begins a window to the last one that ends one: (ceil(size / stride) - 1) * stride + reach.
  const TensorId begun = n.binary(BinaryKind::add, size, pair(same.stride[0] - 1, same.stride[1] - 1));
  const TensorId windows = n.binary(BinaryKind::sub, n.binary(BinaryKind::div, begun, stride), pair(1, 1));
  const TensorId last = n.binary(BinaryKind::mul, windows, stride);
  const TensorId needed = n.binary(BinaryKind::add, last, pair(same.reach[0], same.reach[1]));
  const TensorId total = n.binary(BinaryKind::max, n.binary(BinaryKind::sub, needed, size), zero);
  const int64_t odd = same.more_in_front ? 1 : 0;
  const TensorId front = n.binary(BinaryKind::div, n.binary(BinaryKind::add, total, pair(odd, odd)), pair(2, 2));
  const TensorId back = n.binary(BinaryKind::sub, total, front);
  const TensorId pads = n.emit(schema::ConcatT{.axis = 0}, {zero, front, zero, zero, back, zero});
  return n.nchw(n.emit(schema::PadT{.value = same.outside}, {image, pads}));
}

}  // namespace octet::convert
