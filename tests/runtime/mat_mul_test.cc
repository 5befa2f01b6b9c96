// Matrix products against their definition: two activations, float weights, int8 weights; and files that are refused.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "runtime/core/op.h"
#include "schema/format.h"

namespace octet {
extern const OpKind kMatMul;
namespace {

struct Case {
  Shape a, b;  // as stored
  bool transpose_a = false, transpose_b = false;
  bool bias = false, constant = false;
  schema::ActKind act = schema::ActKind::none;
  int64_t a_gap = 0, b_gap = 0, y_gap = 0;
  const char* why = "";
};

// A node with operands 0 to 2 and output 3, its memory filled at random.
class Rig {
 public:
  Rig(const Case& shape, unsigned seed) : c(shape), random(seed) {
    schema::MatMulT attributes;
    attributes.transpose_a = c.transpose_a, attributes.transpose_b = c.transpose_b;
    attributes.act = schema::Activation(c.act, 0, 0);
    builder.Finish(schema::MatMul::Pack(builder, &attributes));
    model.tensors.resize(4);
    model.tensors[0].shape = c.a, model.tensors[1].shape = c.b;
    n = c.b[c.transpose_b ? -2 : -1], k = c.b[c.transpose_b ? -1 : -2];
    model.tensors[2].shape = {n};
    fill(a, c.a, c.a_gap), fill(b, c.b, c.b_gap), fill(bias, {n}, 0);
    model.tensors[2].constant = true;
    model.tensors[2].data = reinterpret_cast<const std::byte*>(bias.data()), model.tensors[2].bytes = bias.size() * 4;
    model.tensors[1].constant = c.constant;
    model.tensors[1].data = reinterpret_cast<const std::byte*>(b.data()), model.tensors[1].bytes = b.size() * 4;
    node.kind = &kMatMul;
    node.op = flatbuffers::GetRoot<schema::MatMul>(builder.GetBufferPointer());
    node.inputs = {0, 1, c.bias ? 2 : -1};
    node.outputs = {3};
  }

  Result<Shape> check() {
    OCTET_TRY(kMatMul.check(node, model));
    std::vector<Value> values(4);
    for (size_t t = 0; t < 3; ++t) values[t].shape = model.tensors[t].shape;
    Inference inference{model, node, values};
    OCTET_TRY(kMatMul.infer(inference));
    return values[3].shape;
  }

  template <class T, class Y>
  std::vector<Y> run(const kernels::Isa& isa, int threads, bool onednn, const Shape& out, std::vector<T>& x,
                     Quant x_quant, Quant y_quant) {
    SessionOptions options;
    options.threads = threads, options.use_onednn = onednn;
    Value values[4];
    for (int i = 0; i < 4; ++i)
      values[i].id = values[i].tensor = i, values[i].shape = i == 3 ? out : model.tensors[static_cast<size_t>(i)].shape;
    values[0].dtype = sizeof(T) == 1 ? DType::kU8 : DType::kF32, values[0].quant = x_quant;
    values[3].dtype = sizeof(Y) == 1 ? DType::kU8 : DType::kF32, values[3].quant = y_quant;
    values[0].pitch = c.a[-1] + c.a_gap, values[1].pitch = c.b[-1] + c.b_gap, values[3].pitch = out[-1] + c.y_gap;
    const Value* inputs[] = {&values[0], &values[1], c.bias ? &values[2] : nullptr};
    Value* outputs[] = {&values[3]};
    Step step;
    Prepare prepare{model, &node, options, isa, inputs, outputs, step};
    EXPECT_TRUE(kMatMul.prepare(prepare));
    std::vector<Y> y(static_cast<size_t>(values[3].rows() * values[3].pitch), Y(77));
    std::vector<std::byte> scratch(step.scratch_bytes + 64);
    void* aligned = scratch.data();
    size_t space = scratch.size();
    std::align(64, step.scratch_bytes, aligned, space);
    x.resize(x.size() + 64);
    std::byte* memory[] = {reinterpret_cast<std::byte*>(x.data()), reinterpret_cast<std::byte*>(b.data()), nullptr,
                           reinterpret_cast<std::byte*>(y.data())};
    Threads pool(threads);
    step.run({memory, static_cast<std::byte*>(aligned), pool});
    return y;
  }

  // Element (row, column) of matrix `batch` of an operand as the product sees it; leading sizes broadcast to those of `out`.
  static float at(const std::vector<float>& v, const Shape& s, int64_t gap, bool transposed, const Shape& out,
                  int64_t batch, int64_t row, int64_t column) {
    if (transposed) std::swap(row, column);
    int64_t matrix = 0, stride = 1;
    for (int d = 3; d <= out.rank(); ++d) {
      const int64_t index = batch % out[-d];
      batch /= out[-d];
      if (d > s.rank()) continue;
      matrix += (s[-d] == 1 ? 0 : index) * stride;
      stride *= s[-d];
    }
    return v[static_cast<size_t>((matrix * s[-2] + row) * (s[-1] + gap) + column)];
  }

  Case c;
  std::mt19937 random;
  flatbuffers::FlatBufferBuilder builder;
  ModelData model;
  NodeDef node;
  int64_t n = 0, k = 0;
  std::vector<float> a, b, bias;

 private:
  void fill(std::vector<float>& v, const Shape& s, int64_t gap) {
    for (int64_t i = 0; i < s.elements() / s[-1] * (s[-1] + gap); ++i)
      v.push_back(static_cast<float>(random() % 2001) / 1000 - 1);
  }
};

void expect_product(const Case& c, const kernels::Isa& isa, int threads, bool onednn) {
  Rig rig(c, 3);
  auto out = rig.check();
  ASSERT_TRUE(out) << out.error().text;
  std::vector<float> x = rig.a;
  const auto y = rig.run<float, float>(isa, threads, onednn, *out, x, {}, {});
  const int64_t m = out->rank() > 1 ? (*out)[-2] : 1, pitch = rig.n + c.y_gap;
  const Shape a = c.a.rank() > 1 ? c.a : Shape{1, c.a[0]};
  for (int64_t row = 0; row < out->elements() / rig.n; ++row)
    for (int64_t n = 0; n < pitch; ++n) {
      double want = n < rig.n && c.bias ? rig.bias[static_cast<size_t>(n)] : 0;
      for (int64_t k = 0; n < rig.n && k < rig.k; ++k)
        want += static_cast<double>(Rig::at(rig.a, a, c.a_gap, c.transpose_a, *out, row / m, row % m, k)) *
                Rig::at(rig.b, c.b, c.b_gap, c.transpose_b, *out, row / m, k, n);
      if (c.act == schema::ActKind::relu) want = std::max(want, 0.0);
      if (n >= rig.n) want = 77;  // the gap stays as it was
      ASSERT_NEAR(y[static_cast<size_t>(row * pitch + n)], want, 1e-5 * (1 + std::abs(want)))
          << isa.name << ": " << c.why << " at " << row << "," << n;
    }
}

TEST(MatMul, FloatEqualsDefinition) {
  const Case cases[] = {
      {.a = {5, 7}, .b = {7, 9}, .why = "plain"},
      {.a = {16, 33}, .b = {33, 16}, .bias = true, .act = schema::ActKind::relu, .why = "bias and relu"},
      {.a = {7, 5}, .b = {7, 17}, .transpose_a = true, .why = "a transposed"},
      {.a = {5, 7}, .b = {17, 7}, .transpose_b = true, .why = "b transposed"},
      {.a = {2, 3, 7, 31}, .b = {2, 3, 15, 7}, .transpose_a = true, .transpose_b = true, .why = "both, batched"},
      {.a = {2, 3, 5, 7}, .b = {3, 7, 9}, .why = "b's batches repeat"},
      {.a = {3, 5, 7}, .b = {2, 1, 7, 9}, .why = "both broadcast"},
      {.a = {4, 1, 6}, .b = {4, 6, 40}, .bias = true, .why = "one row"},
      {.a = {3, 5, 7}, .b = {3, 7, 9}, .a_gap = 3, .b_gap = 2, .y_gap = 5, .why = "rows apart"},
      {.a = {3, 7, 5},
       .b = {3, 9, 7},
       .transpose_a = true,
       .transpose_b = true,
       .a_gap = 3,
       .b_gap = 2,
       .y_gap = 5,
       .why = "rows apart, transposed"},
      {.a = {8, 100, 32}, .b = {8, 100, 32}, .transpose_b = true, .why = "attention"},
      {.a = {5, 7}, .b = {7, 9}, .constant = true, .why = "constant, not transposed"},
      {.a = {3, 5, 7}, .b = {3, 7, 9}, .bias = true, .constant = true, .why = "constant batches"},
      {.a = {5, 7}, .b = {9, 7}, .transpose_b = true, .bias = true, .constant = true, .why = "weights"},
      {.a = {2, 3, 100, 64},
       .b = {48, 64},
       .transpose_b = true,
       .bias = true,
       .constant = true,
       .act = schema::ActKind::relu,
       .why = "weights, batched rows"},
      {.a = {64}, .b = {48, 64}, .transpose_b = true, .constant = true, .why = "a vector"},
      {.a = {2, 5, 64},
       .b = {1000, 64},
       .transpose_b = true,
       .constant = true,
       .a_gap = 1,
       .y_gap = 3,
       .why = "weights, rows apart"},
  };
  for (const Case& c : cases)
    for (const kernels::Isa* isa : kernels::all_isas())
      for (int threads : {1, 3})
        for (bool onednn : {false, true}) {
          if (!kernels::supported(*isa)) continue;
          expect_product(c, *isa, threads, onednn);
          if (::testing::Test::HasFatalFailure()) return;
        }
}

TEST(MatMul, Int8EqualsDefinition) {
  for (bool per_channel : {false, true})
    for (auto [m, k, n] :
         {std::tuple{1, 64, 1000}, std::tuple{7, 3, 5}, std::tuple{40, 33, 17}, std::tuple{300, 128, 96}}) {
      const Case c{.a = {m, k}, .b = {n, k}, .transpose_b = true, .bias = true, .constant = true};
      Rig rig(c, 5);
      std::vector<int8_t> weights, packed;
      for (int64_t i = 0; i < n * k; ++i)
        weights.push_back(static_cast<int8_t>(static_cast<int>(rig.random() % 255) - 127));
      std::vector<float> w_scale(static_cast<size_t>(n), per_channel ? 0.0004f : 0.02f),
          x_scale(static_cast<size_t>(per_channel ? k : 1), 0.02f);
      std::vector<uint8_t> x, zero;
      for (size_t i = 0; i < x_scale.size(); ++i) zero.push_back(static_cast<uint8_t>(rig.random()));
      for (int64_t i = 0; i < m * k; ++i) x.push_back(static_cast<uint8_t>(rig.random()));
      const schema::PackedShape shape{1, n, 1, k};
      packed.resize(static_cast<size_t>(shape.bytes()));
      schema::pack_conv_s8(shape, weights.data(), packed.data());
      TensorDef& w = rig.model.tensors[1];
      w.dtype = DType::kS8, w.packing = schema::Packing::conv_s8, w.weight_scale = w_scale;
      w.data = reinterpret_cast<const std::byte*>(packed.data()), w.bytes = packed.size();
      rig.model.tensors[0].quant = {x_scale, zero};
      auto out = rig.check();
      ASSERT_TRUE(out) << out.error().text;
      ASSERT_TRUE(can_int8(rig.node, rig.model));
      const float y_scale = 0.05f;
      const uint8_t y_zero = 100;
      for (const kernels::Isa* isa : kernels::all_isas()) {
        if (!kernels::supported(*isa)) continue;
        const auto y =
            rig.run<uint8_t, uint8_t>(*isa, 2, false, *out, x, {x_scale, zero}, {{&y_scale, 1}, {&y_zero, 1}});
        for (int64_t row = 0; row < m; ++row)
          for (int64_t j = 0; j < n; ++j) {
            const double unit = per_channel ? w_scale[0] : static_cast<double>(x_scale[0]) * w_scale[0];
            int64_t acc = std::llrint(rig.bias[static_cast<size_t>(j)] / unit);
            for (int64_t i = 0; i < k; ++i)
              acc += (x[static_cast<size_t>(row * k + i)] - zero[per_channel ? static_cast<size_t>(i) : 0]) *
                     weights[static_cast<size_t>(j * k + i)];
            const float v = static_cast<float>(acc) * static_cast<float>(unit / y_scale);
            const int want = 100 + static_cast<int>(std::nearbyint(std::min(std::max(v, -100.0f), 155.0f)));
            ASSERT_EQ(y[static_cast<size_t>(row * n + j)], want)
                << isa->name << " " << m << "x" << k << "x" << n << " at " << row << "," << j;
          }
      }
    }
}

TEST(MatMul, RefusesDamage) {
  struct Row {
    Case c;
    void (*apply)(Rig&);
    const char* expected;
  };
  const Row rows[] = {
      {{.a = {5, 7}, .b = {8, 9}}, [](Rig&) {}, "inner sizes differ"},
      {{.a = {2, 5, 7}, .b = {3, 7, 9}}, [](Rig&) {}, "broadcast"},
      {{.a = {7}, .b = {7, 9}}, [](Rig&) {}, "a vector times"},
      {{.a = {5, 7}, .b = {9, 7}, .transpose_b = true, .constant = true},
       [](Rig& r) { r.model.tensors[1].bytes -= 4; },
       "bytes for weights"},
      {{.a = {5, 7}, .b = {9, 7}, .transpose_b = true, .bias = true},
       [](Rig& r) { r.model.tensors[2].bytes -= 4; },
       "8 biases for 9"},
      {{.a = {5, 7}, .b = {7, 9}, .constant = true},
       [](Rig& r) { r.model.tensors[1].dtype = DType::kS8; },
       "int8 weights must be"},
      {{.a = {5, 7}, .b = {7, 9}}, [](Rig& r) { r.model.tensors[1].dtype = DType::kS64; }, "input 1 is"},
  };
  for (const Row& row : rows) {
    Rig rig(row.c, 1);
    row.apply(rig);
    auto checked = rig.check();
    ASSERT_FALSE(checked) << row.expected;
    EXPECT_NE(checked.error().text.find(row.expected), std::string::npos) << checked.error().text;
  }
}

}  // namespace
}  // namespace octet
