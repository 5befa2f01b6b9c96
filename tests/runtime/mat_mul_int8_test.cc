// Int8 products of two activations against exact integers, on every instruction set.
#include "kernels/quant.h"
#include "tests/runtime/op_rig.h"

namespace octet {
extern const OpKind kMatMul;

namespace {

struct Case {
  Shape a, b;  // as stored
  bool transpose_a = false, transpose_b = false, bias = false;
  int64_t gap = 0;
  const char* why = "";
};

constexpr float kScaleA = 0.013f, kScaleB = 0.021f, kScaleY = 0.37f;
constexpr int kZeroA = 77, kZeroY = 99;

// Element (row, column) of matrix `batch` of an operand; leading sizes broadcast to those of `out`.
int stored(const Operand& o, bool transposed, const Shape& out, int64_t batch, int64_t row, int64_t column) {
  if (transposed) std::swap(row, column);
  int64_t matrix = 0, stride = 1;
  for (int d = 3; d <= out.rank(); ++d) {
    const int64_t index = batch % out[-d];
    batch /= out[-d];
    if (d > o.shape.rank()) continue;
    matrix += (o.shape[-d] == 1 ? 0 : index) * stride;
    stride *= o.shape[-d];
  }
  return o.values<uint8_t>()[static_cast<size_t>((matrix * o.shape[-2] + row) * o.shape[-1] + column)];
}

const Case kCases[] = {
    {{1, 4}, {4, 1}, false, false, false, 0, "one number"},
    {{13, 8}, {8, 16}, false, false, true, 0, "whole blocks"},
    {{12, 7}, {7, 17}, false, false, false, 3, "tails"},
    {{25, 64}, {33, 64}, false, true, true, 0, "keys as they are stored"},
    {{2, 3, 19, 5}, {2, 3, 40, 5}, false, true, false, 0, "attention's scores"},
    {{2, 3, 19, 40}, {2, 3, 40, 5}, false, false, false, 5, "attention's values"},
    {{2, 3, 9, 6}, {3, 6, 4}, false, false, true, 0, "leading sizes broadcast"},
    {{3, 11, 20}, {3, 11, 18}, true, false, false, 0, "left side turned"},
    {{1, 1, 4096}, {1, 4096, 3}, false, false, false, 0, "deep"},
    {{2, 70, 64}, {2, 64, 80}, false, false, true, 0, "so much that tile units take it"},
    {{1, 33, 100}, {1, 50, 100}, false, true, false, 3, "the same, with tails"},
};

TEST(MatMulInt8, ExactSums) {
  for (const Case& c : kCases)
    for (bool to_u8 : {false, true}) {
      const Operand a = noise<uint8_t>(c.a, 1).quant({kScaleA}, {kZeroA}),
                    b = noise<uint8_t>(c.b, 2).quant({kScaleB}, {128});
      const int64_t n = c.b[c.transpose_b ? -2 : -1], k = c.b[c.transpose_b ? -1 : -2];
      const Operand bias = constant(noise<float>({n}, 3).list<float>());
      std::vector<Operand> operands{Operand(a).apart(c.gap), Operand(b).apart(c.gap)};
      if (c.bias) operands.push_back(bias);
      schema::MatMulT op;
      op.transpose_a = c.transpose_a, op.transpose_b = c.transpose_b;
      OpRig rig(kMatMul, op, operands, to_u8 ? like({kScaleY}, {kZeroY}, c.gap) : Operand{.gap = c.gap});
      ASSERT_TRUE(rig.can_int8());
      const Operand y = run_everywhere(rig, c.why);
      const double unit = double{kScaleA} * double{kScaleB};
      for (int64_t i = 0; i < y.shape.elements(); ++i) {
        const int64_t batch = i / n / y.shape[-2], row = i / n % y.shape[-2], column = i % n;
        int64_t sum = c.bias ? std::llrint(double{bias.values<float>()[static_cast<size_t>(column)]} / unit) : 0;
        for (int64_t d = 0; d < k; ++d)
          sum += (stored(a, c.transpose_a, y.shape, batch, row, d) - kZeroA) *
                 std::max(stored(b, c.transpose_b, y.shape, batch, d, column) - 128, -127);
        const size_t at = static_cast<size_t>(i);
        if (to_u8) {
          const float v = static_cast<float>(sum) * static_cast<float>(unit / double{kScaleY});
          ASSERT_EQ(y.values<uint8_t>()[at], std::clamp(kernels::round_half_even(v) + kZeroY, 0, 255))
              << c.why << " " << i;
        } else {
          ASSERT_EQ(y.values<float>()[at], static_cast<float>(sum) * static_cast<float>(unit)) << c.why << " " << i;
        }
      }
    }
}

TEST(MatMulInt8, NeedsASymmetricRightSide) {
  const Operand a = noise<uint8_t>({4, 8}, 1).quant({0.1f}, {3});
  const auto can = [&](Operand b) { return OpRig(kMatMul, schema::MatMulT{}, {a, std::move(b)}).can_int8(); };
  EXPECT_TRUE(can(noise<uint8_t>({8, 2}, 2).quant({0.1f}, {128})));
  EXPECT_FALSE(can(noise<uint8_t>({8, 2}, 2).quant({0.1f}, {127})));
  EXPECT_FALSE(can(noise<uint8_t>({8, 2}, 2).quant({0.1f, 0.2f}, {128, 128})));
  EXPECT_FALSE(can(noise<float>({8, 2}, 2)));
}

TEST(MatMulInt8, RefusesSumsThatDoNotFit) {
  const Operand a = noise<uint8_t>({1, 33001}, 1).quant({0.1f}, {3}),
                b = noise<uint8_t>({33001, 1}, 2).quant({0.1f}, {128});
  OpRig rig(kMatMul, schema::MatMulT{}, {a, b});
  EXPECT_FALSE(rig.run());
  EXPECT_NE(rig.error().find("do not fit 32 bits"), std::string::npos) << rig.error();
}

}  // namespace
}  // namespace octet
