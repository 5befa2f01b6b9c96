// Programs with the structure of whole models' blocks, as their exporters write them, against loops: SegFormer, PP-MobileSeg,
// OCRNet, RT-DETR.
#include <algorithm>

#include "tests/converter/naive.h"
#include "tests/converter/paddle/rig.h"

namespace octet::convert {
namespace {

using naive::Array;
using naive::Dims;

// A variable of the program, and what it must hold.
struct Value {
  std::string name;
  Array array;
  int64_t dim(size_t d) const { return array.dims[d]; }
  int rank() const { return static_cast<int>(array.dims.size()); }
};

// A size in a reshape: a number, or one that the program looks up.
struct Size {
  Size(int64_t v) : value(v) {}
  Size(std::string n, int64_t v) : name(std::move(n)), value(v) {}
  std::string name;
  int64_t value;
};

// Each call writes ops and works out their result.
class Block {
 public:
  // `declared`: with -1 for sizes that the run gives.
  Value input(const std::string& name, const Dims& declared, const Dims& dims) {
    fed_ += static_cast<size_t>(Array::count(dims));
    sizes_.push_back(Shape(std::span<const int64_t>(dims)));
    const auto all = input_values(fed_);
    return {p_.input(name, declared), Array(dims, std::vector<float>(all.end() - Array::count(dims), all.end()))};
  }
  Value parameter(const Dims& dims, float low, float high) {
    std::vector<float> values;
    for (int64_t i = 0; i < Array::count(dims); ++i) {
      seed_ = seed_ * 1664525 + 1013904223;
      values.push_back(low + (high - low) * static_cast<float>(seed_ >> 8) / (1 << 24));
    }
    return {p_.floats(dims, values), Array(dims, values)};
  }
  Value weights(const Dims& dims, int64_t sum) {
    const float most = std::sqrt(3.0f / static_cast<float>(sum));
    return parameter(dims, -most, most);
  }

  Value linear(const Value& x, int64_t out) {
    return linear(x, weights({x.array.dims.back(), out}, x.array.dims.back()), parameter({out}, -0.5f, 0.5f));
  }
  Value linear(const Value& x, const Value& w, const Value& b) {
    const std::string y = p_.op("matmul_v2", {{"X", {x.name}}, {"Y", {w.name}}});
    return {p_.op("elementwise_add", {{"X", {y}}, {"Y", {b.name}}}, {attr("axis", x.rank() - 1)}),
            naive::product(x.array, w.array) + b.array};
  }
  Value layer_norm(const Value& x) {
    const int64_t n = x.array.dims.back();
    const Value scale = parameter({n}, 0.5f, 1.5f), bias = parameter({n}, -0.5f, 0.5f);
    return {p_.op("layer_norm", {{"X", {x.name}}, {"Scale", {scale.name}}, {"Bias", {bias.name}}},
                  {attr("begin_norm_axis", x.rank() - 1), attr("epsilon", 1e-5f)}, "Y"),
            naive::layer_norm(x.array, scale.array, bias.array, 1e-5)};
  }
  Value conv(const Value& x, int64_t out, int64_t kernel, int pad = 0, int stride = 1, int64_t groups = 1) {
    const int64_t in = x.dim(1) / groups;
    const Value w = weights({out, in, kernel, kernel}, in * kernel * kernel), b = parameter({out}, -0.5f, 0.5f);
    const std::string y = p_.op(
        groups == x.dim(1) ? "depthwise_conv2d" : "conv2d", {{"Input", {x.name}}, {"Filter", {w.name}}},
        {attr("paddings", {pad, pad}), attr("strides", {stride, stride}), attr("groups", static_cast<int>(groups))},
        "Output");
    return {p_.op("elementwise_add", {{"X", {y}}, {"Y", {b.name}}}, {attr("axis", 1)}),
            naive::conv(x.array, w.array, pad, stride, groups) + naive::reshaped(b.array, {out, 1, 1})};
  }
  Value conv_bn(const Value& x, int64_t out, int64_t kernel = 1, int pad = 0, int64_t groups = 1) {
    const int64_t in = x.dim(1) / groups;
    const Value w = weights({out, in, kernel, kernel}, in * kernel * kernel);
    const std::string y = p_.conv(x.name, w.name, pad, 1, static_cast<int>(groups));
    const Value scale = parameter({out}, 0.5f, 1.5f), bias = parameter({out}, -0.5f, 0.5f);
    const Value mean = parameter({out}, -0.5f, 0.5f), variance = parameter({out}, 0.5f, 1.5f);
    const auto channel = [&](const Value& v) { return naive::reshaped(v.array, {out, 1, 1}); };
    const Array factor =
        channel(scale) * naive::map(channel(variance), [](double v) { return 1 / std::sqrt(v + 1e-5); });
    return {p_.op("batch_norm",
                  {{"X", {y}},
                   {"Scale", {scale.name}},
                   {"Bias", {bias.name}},
                   {"Mean", {mean.name}},
                   {"Variance", {variance.name}}},
                  {attr("epsilon", 1e-5f)}, "Y"),
            (naive::conv(x.array, w.array, pad, 1, groups) + channel(mean) * -1) * factor + channel(bias)};
  }

  Value act(const std::string& type, const Value& x, double (*f)(double)) {
    return {p_.op(type, {{"X", {x.name}}}), naive::map(x.array, f)};
  }
  Value softmax(const Value& x) {
    return {p_.op("softmax", {{"X", {x.name}}}, {attr("axis", -1)}), naive::softmax(x.array)};
  }
  Value scaled(const Value& x, float scale, float bias = 0) {
    return {p_.op("scale", {{"X", {x.name}}}, {attr("scale", scale), attr("bias", bias)}),
            naive::map(x.array, [=](double v) { return v * double{scale} + double{bias}; })};
  }
  Value add(const Value& a, const Value& b) {
    return {p_.op("elementwise_add", {{"X", {a.name}}, {"Y", {b.name}}}), a.array + b.array};
  }
  Value mul(const Value& a, const Value& b) {
    return {p_.op("elementwise_mul", {{"X", {a.name}}, {"Y", {b.name}}}), a.array * b.array};
  }
  Value matmul(const Value& a, const Value& b, bool transpose_b = false) {
    Dims perm(b.array.dims.size());
    std::iota(perm.begin(), perm.end(), 0);
    if (transpose_b) std::swap(perm.back(), perm[perm.size() - 2]);
    return {p_.op("matmul_v2", {{"X", {a.name}}, {"Y", {b.name}}}, {flag("trans_y", transpose_b)}),
            naive::product(a.array, naive::transposed(b.array, perm))};
  }

  Value transpose(const Value& x, const Dims& perm) {
    return {p_.op("transpose2", {{"X", {x.name}}}, {attr("axis", perm)}), naive::transposed(x.array, perm)};
  }
  Value flatten(const Value& x, int start, int stop) {
    Dims dims(x.array.dims.begin(), x.array.dims.begin() + start);
    dims.push_back(Array::count({x.array.dims.begin() + start, x.array.dims.begin() + stop + 1}));
    dims.insert(dims.end(), x.array.dims.begin() + stop + 1, x.array.dims.end());
    return {p_.op("flatten_contiguous_range", {{"X", {x.name}}}, {attr("start_axis", start), attr("stop_axis", stop)}),
            naive::reshaped(x.array, dims)};
  }
  // 0 keeps the size, -1 is the rest. With sizes that are looked up each is a variable of its own.
  Value reshape(const Value& x, const std::vector<Size>& sizes) {
    Dims dims, numbers;
    Names names;
    bool computed = false;
    for (size_t d = 0; d < sizes.size(); ++d) {
      computed = computed || !sizes[d].name.empty();
      numbers.push_back(sizes[d].value);
      dims.push_back(sizes[d].value == 0 ? x.dim(d) : sizes[d].value);
    }
    for (int64_t& d : dims)
      if (d == -1) d = -x.array.size() / Array::count(dims);
    if (!computed)
      return {p_.op("reshape2", {{"X", {x.name}}}, {attr("shape", numbers)}), naive::reshaped(x.array, dims)};
    for (const Size& s : sizes) names.push_back(s.name.empty() ? number(s.value) : s.name);
    return {p_.op("reshape2", {{"X", {x.name}}, {"ShapeTensor", names}}, {attr("shape", numbers)}),
            naive::reshaped(x.array, dims)};
  }
  Size size(const Value& x, int d) { return {sizes_of(x, d, d + 1, true), x.dim(static_cast<size_t>(d))}; }
  std::string number(int64_t v) {
    return p_.op("fill_constant", {},
                 {attr("shape", Dims{1}), attr("dtype", 2), attr("str_value", std::to_string(v).c_str())});
  }
  // One part of a dim, which goes.
  Value part(const Value& x, int axis, int64_t i) {
    Dims dims = x.array.dims;
    dims.erase(dims.begin() + axis);
    return {sliced(x.name, axis, i, i + 1, true), naive::made(dims, [&](Dims at) {
              at.insert(at.begin() + axis, i);
              return x.array[at];
            })};
  }
  Value range(const Value& x, int axis, int64_t begin, int64_t end) {
    Dims dims = x.array.dims;
    dims[static_cast<size_t>(axis)] = end - begin;
    return {sliced(x.name, axis, begin, end, false), naive::made(dims, [&](Dims at) {
              at[static_cast<size_t>(axis)] += begin;
              return x.array[at];
            })};
  }
  Value unsqueeze(const Value& x, const Dims& axes) {
    Dims dims = x.array.dims;
    for (int64_t a : axes) dims.insert(dims.begin() + a, 1);
    return {p_.op("unsqueeze2", {{"X", {x.name}}}, {attr("axes", axes)}), naive::reshaped(x.array, dims)};
  }
  Value concat(const std::vector<Value>& parts, int axis) {
    Names names;
    std::vector<Array> arrays;
    for (const Value& v : parts) names.push_back(v.name), arrays.push_back(v.array);
    return {p_.op("concat", {{"X", names}}, {attr("axis", axis)}), naive::joined(arrays, static_cast<size_t>(axis))};
  }
  Value stack(const std::vector<Value>& parts, int axis) {
    Names names;
    std::vector<Array> arrays;
    for (const Value& v : parts) {
      Dims dims = v.array.dims;
      dims.insert(dims.begin() + axis, 1);
      names.push_back(v.name), arrays.push_back(naive::reshaped(v.array, dims));
    }
    return {p_.op("stack", {{"X", names}}, {attr("axis", axis)}, "Y"),
            naive::joined(arrays, static_cast<size_t>(axis))};
  }
  Value mean(const Value& x, int axis) {
    const auto d = static_cast<size_t>(axis < 0 ? axis + x.rank() : axis);
    return {p_.op("reduce_mean", {{"X", {x.name}}}, {attr("dim", Dims{axis}), flag("keep_dim", false)}),
            naive::mean(x.array, d)};
  }
  // To the height and width of another image.
  Value resize(const Value& x, const Value& like) {
    return {p_.op("bilinear_interp_v2", {{"X", {x.name}}, {"OutSize", {sizes_of(like, 2, 4, false)}}},
                  {flag("align_corners", false), attr("align_mode", 0)}),
            naive::resized(x.array, like.dim(2), like.dim(3))};
  }

  // Rows to the length of another dim.
  Value stretch(const Value& x, const Size& length) {
    const Dims image{x.dim(0), x.dim(1), 1, x.dim(2)}, rows{x.dim(0), x.dim(1), length.value};
    return {p_.op("linear_interp_v2", {{"X", {x.name}}, {"SizeTensor", {length.name}}},
                  {flag("align_corners", false), attr("align_mode", 0)}),
            naive::reshaped(naive::resized(naive::reshaped(x.array, image), 1, length.value), rows)};
  }

  // The program gives the values.
  void expect(const std::vector<Value>& values, const std::string& what) {
    for (const Value& v : values) p_.output(v.name);
    const auto got = results(p_, sizes_);
    size_t i = 0;
    for (const Value& v : values)
      for (double want : v.array.data) {
        ASSERT_LT(i, got.size()) << what;
        ASSERT_NEAR(static_cast<double>(got[i]), want, 1e-4 * std::max(1.0, std::fabs(want))) << what << " at " << i;
        ++i;
      }
    EXPECT_EQ(i, got.size()) << what;
  }

  TestProgram& program() { return p_; }

 private:
  std::string sizes_of(const Value& x, int64_t begin, int64_t end, bool one) {
    return sliced(p_.op("shape", {{"Input", {x.name}}}), 0, begin, end, one);
  }
  std::string sliced(const std::string& x, int axis, int64_t begin, int64_t end, bool drop) {
    std::vector<Attr> attrs = {attr("axes", Dims{axis}), attr("starts", Dims{begin}), attr("ends", Dims{end})};
    if (drop) attrs.push_back(attr("decrease_axis", Dims{axis}));
    return p_.op("slice", {{"Input", {x}}}, attrs);
  }

  TestProgram p_;
  std::vector<Shape> sizes_;
  size_t fed_ = 0;
  uint32_t seed_ = 11;
};

// An image as rows of pixels, and back.
Value as_rows(Block& b, const Value& image) { return b.transpose(b.flatten(image, 2, 3), {0, 2, 1}); }
Value as_image(Block& b, const Value& rows, const Size& h, const Size& w) {
  return b.reshape(b.transpose(rows, {0, 2, 1}), {b.size(rows, 0), rows.array.dims.back(), h, w});
}

// Attention of all pixels to those of a smaller image.
Value reduced_attention(Block& b, const Value& x, const Size& h, const Size& w, int64_t heads, int reduction) {
  const int64_t c = x.dim(2);
  const Size batch = b.size(x, 0), count = b.size(x, 1);
  const Value q = b.transpose(b.reshape(b.linear(x, c), {batch, count, heads, c / heads}), {0, 2, 1, 3});
  Value keys = x;
  if (reduction > 1) {
    const Value small = b.conv(as_image(b, x, h, w), c, reduction, 0, reduction);
    keys = b.layer_norm(b.transpose(b.reshape(small, {batch, c, -1}), {0, 2, 1}));
  }
  const Value kv = b.transpose(b.reshape(b.linear(keys, 2 * c), {batch, -1, 2, heads, c / heads}), {2, 0, 3, 1, 4});
  const Value k = b.part(kv, 0, 0), v = b.part(kv, 0, 1);
  const float scale = 1 / std::sqrt(static_cast<float>(c / heads));
  const Value weights = b.softmax(b.scaled(b.matmul(q, b.transpose(k, {0, 1, 3, 2})), scale));
  return b.linear(b.reshape(b.transpose(b.matmul(weights, v), {0, 2, 1, 3}), {batch, count, c}), c);
}

Value mix_ffn(Block& b, const Value& x, const Size& h, const Size& w) {
  const Value wide = b.linear(x, 2 * x.dim(2));
  const Value mixed = b.conv(as_image(b, wide, h, w), wide.dim(2), 3, 1, 1, wide.dim(2));
  return b.linear(b.act("gelu", as_rows(b, mixed), naive::gelu), x.dim(2));
}

// A stage of SegFormer: an image of patches.
Value segformer_stage(Block& b, const Value& image, int64_t c, int kernel, int stride, int64_t heads, int reduction) {
  const Value patches = b.conv(image, c, kernel, kernel / 2, stride);
  const Size h = b.size(patches, 2), w = b.size(patches, 3);
  Value x = b.layer_norm(as_rows(b, patches));
  x = b.add(x, reduced_attention(b, b.layer_norm(x), h, w, heads, reduction));
  x = b.layer_norm(b.add(x, mix_ffn(b, b.layer_norm(x), h, w)));
  return as_image(b, x, h, w);
}

TEST(PaddleBlocks, SegFormer) {
  for (const Dims& dims : {Dims{1, 3, 32, 24}, Dims{2, 3, 16, 40}})
    for (bool dynamic : {true, false}) {
      Block b;
      const Value x = b.input("x", dynamic ? Dims{-1, 3, -1, -1} : dims, dims);
      const Value first = segformer_stage(b, x, 8, 7, 4, 1, 2), second = segformer_stage(b, first, 12, 3, 2, 3, 1);
      std::vector<Value> scales;
      for (const Value& stage : {second, first}) {
        const Value mixed = b.linear(as_rows(b, stage), 6);
        scales.push_back(b.resize(as_image(b, mixed, b.size(stage, 2), b.size(stage, 3)), first));
      }
      const Value fused = b.act("relu", b.conv_bn(b.concat(scales, 1), 6), naive::relu);
      const Value logits = b.resize(b.conv(fused, 4, 1), x);
      const Value best{b.program().op("arg_max", {{"X", {logits.name}}}, {attr("axis", 1), attr("dtype", 3)}),
                       naive::made({dims[0], dims[2], dims[3]}, [&](const Dims& at) {
                         int64_t top = 0;
                         for (int64_t c = 1; c < 4; ++c)
                           if (logits.array[{at[0], c, at[1], at[2]}] > logits.array[{at[0], top, at[1], at[2]}])
                             top = c;
                         return static_cast<double>(top);
                       })};
      b.expect({logits, best}, dynamic ? "dynamic" : "fixed");
    }
}

// A row or column of means attends to itself.
Value axial(Block& b, const Value& q, const Value& k, const Value& v, int axis, int64_t heads) {
  const Size batch = b.size(q, 0), length = b.size(q, axis == -1 ? 2 : 3);
  const auto placed = [&](const Value& x) {
    return b.add(b.mean(x, axis), b.stretch(b.parameter({1, x.dim(1), 4}, -1, 1), length));
  };
  const auto by_head = [&](const Value& x) { return b.reshape(x, {batch, heads, -1, length}); };
  const Value rows = b.transpose(by_head(placed(q)), {0, 1, 3, 2}), columns = by_head(placed(k));
  const Value weights = b.softmax(b.scaled(b.matmul(rows, columns), 0.5f));
  const Value mixed = b.matmul(weights, b.transpose(by_head(b.mean(v, axis)), {0, 1, 3, 2}));
  const Value flat = b.transpose(mixed, {0, 1, 3, 2});
  const Value image =
      axis == -1 ? b.reshape(flat, {batch, v.dim(1), length, 1}) : b.reshape(flat, {batch, v.dim(1), 1, length});
  return b.conv_bn(b.act("hard_swish", image, naive::hard_swish), v.dim(1));
}

TEST(PaddleBlocks, SeaAttention) {
  for (const Dims& dims : {Dims{1, 16, 6, 5}, Dims{2, 16, 4, 9}})
    for (bool dynamic : {true, false}) {
      Block b;
      const Value x = b.input("x", dynamic ? Dims{-1, 16, -1, -1} : dims, dims);
      const Value q = b.conv_bn(x, 8), k = b.conv_bn(x, 8), v = b.conv_bn(x, 16);
      const Value local = b.act("hard_swish", b.conv_bn(b.concat({q, k, v}, 1), 32, 3, 1, 32), naive::hard_swish);
      const Value detail = b.conv_bn(local, 16);
      const Value both = b.add(v, b.add(axial(b, q, k, v, -1, 2), axial(b, q, k, v, -2, 2)));
      const Value far = b.conv_bn(b.act("hard_swish", both, naive::hard_swish), 16);
      const Value gate = b.act("sigmoid", far, naive::sigmoid);
      b.expect({b.add(x, b.mul(gate, detail))}, dynamic ? "dynamic" : "fixed");
    }
}

TEST(PaddleBlocks, ObjectAttention) {
  for (const Dims& dims : {Dims{1, 12, 5, 7}, Dims{2, 12, 8, 4}})
    for (bool dynamic : {true, false}) {
      Block b;
      const Value x = b.input("x", dynamic ? Dims{-1, 12, -1, -1} : dims, dims);
      const auto layer = [&](const Value& v, int64_t out) { return b.act("relu", b.conv_bn(v, out), naive::relu); };
      const Value pixels = layer(x, 10), regions = b.conv(x, 4, 1);
      const Value shares = b.softmax(b.reshape(regions, {0, 4, -1}));
      const Value objects = b.matmul(shares, b.transpose(b.reshape(pixels, {0, 10, -1}), {0, 2, 1}));
      const Value proxy = b.unsqueeze(b.transpose(objects, {0, 2, 1}), {3});
      const Value query = b.transpose(b.reshape(layer(pixels, 6), {0, 6, -1}), {0, 2, 1});
      const Value key = b.reshape(layer(proxy, 6), {0, 6, -1});
      const Value value = b.transpose(b.reshape(layer(proxy, 6), {0, 6, -1}), {0, 2, 1});
      const Value weights = b.softmax(b.scaled(b.matmul(query, key), 1 / std::sqrt(6.0f)));
      const Value context =
          b.reshape(b.transpose(b.matmul(weights, value), {0, 2, 1}), {0, 6, b.size(x, 2), b.size(x, 3)});
      const Value joined = layer(b.concat({layer(context, 10), pixels}, 1), 10);
      b.expect({b.conv(joined, 4, 1), regions}, dynamic ? "dynamic" : "fixed");
    }
}

constexpr int64_t kWidth = 16, kHeads = 2, kPoints = 2, kQueries = 5;
struct Level {
  int64_t h, w;
};
constexpr Level kLevels[] = {{6, 4}, {3, 2}};

// The rows of the best queries: indices by a count of the batch, stacked beside those that top_k_v2 gives.
struct Picked {
  std::string indices;
  std::vector<std::vector<int64_t>> rows;  // by image
};
Picked best_queries(Block& b, const Value& scores) {
  TestProgram& p = b.program();
  const std::string most = p.op("reduce_max", {{"X", {scores.name}}}, {attr("dim", Dims{-1})});
  p.op("top_k_v2", {{"X", {most}}}, {attr("k", static_cast<int>(kQueries)), attr("axis", 1)});
  auto* op = p.proto.mutable_blocks(0)->mutable_ops()->rbegin().operator->();
  op->add_outputs()->set_parameter("Indices");
  op->mutable_outputs(1)->add_arguments("indices");
  const std::string count =
      p.op("range", {{"Start", {b.number(0)}}, {"End", {b.size(scores, 0).name}}, {"Step", {b.number(1)}}});
  const std::string column = p.op("unsqueeze2", {{"X", {count}}}, {attr("axes", Dims{-1})});
  const std::string image = p.op("tile", {{"X", {column}}}, {attr("repeat_times", Dims{1, kQueries})});
  Picked picked{p.op("stack", {{"X", {image, "indices"}}}, {attr("axis", -1)}, "Y"), {}};
  for (int64_t i = 0; i < scores.dim(0); ++i) {
    std::vector<int64_t> order(static_cast<size_t>(scores.dim(1)));
    std::iota(order.begin(), order.end(), 0);
    const auto best = [&](int64_t r) {
      double top = scores.array[{i, r, 0}];
      for (int64_t c = 1; c < scores.dim(2); ++c) top = std::max(top, scores.array[{i, r, c}]);
      return top;
    };
    std::stable_sort(order.begin(), order.end(), [&](int64_t x, int64_t y) { return best(x) > best(y); });
    picked.rows.emplace_back(order.begin(), order.begin() + kQueries);
  }
  return picked;
}
Value gathered(Block& b, const Value& x, const Picked& picked) {
  return {b.program().op("gather_nd", {{"X", {x.name}}, {"Index", {picked.indices}}}),
          naive::made({x.dim(0), kQueries, x.dim(2)}, [&](const Dims& at) {
            return x.array[{at[0], picked.rows[static_cast<size_t>(at[0])][static_cast<size_t>(at[1])], at[2]}];
          })};
}

// Weights of query, key and value stand side by side in one parameter.
Value self_attention(Block& b, const Value& x, const Value& places) {
  const Value w = b.weights({kWidth, 3 * kWidth}, kWidth), bias = b.parameter({3 * kWidth}, -0.5f, 0.5f);
  const Value moved = b.add(x, places);
  std::vector<Value> heads;
  for (int64_t i = 0; i < 3; ++i) {
    const Value y = b.linear(i == 2 ? x : moved, b.range(w, 1, i * kWidth, (i + 1) * kWidth),
                             b.range(bias, 0, i * kWidth, (i + 1) * kWidth));
    heads.push_back(b.transpose(b.reshape(y, {0, 0, kHeads, kWidth / kHeads}), {0, 2, 1, 3}));
  }
  const float scale = 1 / std::sqrt(static_cast<float>(kWidth / kHeads));
  const Value weights = b.softmax(b.scaled(b.matmul(heads[0], heads[1], true), scale));
  return b.linear(b.reshape(b.transpose(b.matmul(weights, heads[2]), {0, 2, 1, 3}), {0, 0, kWidth}), kWidth);
}

Value sampled(Block& b, const Value& image, const Value& grid) {
  return {
      b.program().op("grid_sampler", {{"X", {image.name}}, {"Grid", {grid.name}}},
                     {attr("mode", "bilinear"), attr("padding_mode", "zeros"), flag("align_corners", false)}, "Output"),
      naive::made({image.dim(0), image.dim(1), grid.dim(1), grid.dim(2)}, [&](const Dims& at) {
        const auto place = [&](int64_t k, int64_t n) {
          return ((grid.array[{at[0], at[2], at[3], k}] + 1) * static_cast<double>(n) - 1) / 2;
        };
        return naive::between(image.array, at[0], at[1], place(1, image.dim(2)), place(0, image.dim(3)));
      })};
}

// Each query looks at a few places of each level, around its box.
Value deformable_attention(Block& b, const Value& query, const Value& boxes, const Value& memory) {
  constexpr int64_t kAll = std::size(kLevels), kPart = kWidth / kHeads;
  const Value values = b.linear(memory, kWidth);
  const Value moves = b.reshape(b.linear(query, kHeads * kAll * kPoints * 2), {0, 0, kHeads, kAll, kPoints, 2});
  const Value weights = b.softmax(b.reshape(b.linear(query, kHeads * kAll * kPoints), {0, 0, kHeads, kAll * kPoints}));
  const Value around = b.unsqueeze(boxes, {2, 3, 4});  // [n, queries, 1, 1, 1, 4]
  const Value centre = b.range(around, 5, 0, 2), sides = b.scaled(b.range(around, 5, 2, 4), 0.5f / kPoints);
  const Value grid = b.scaled(b.add(centre, b.mul(moves, sides)), 2, -1);
  std::vector<Value> seen;
  int64_t first = 0;
  for (int64_t level = 0; level < kAll; ++level) {
    const auto [h, w] = kLevels[level];
    const Value rows = b.range(values, 1, first, first + h * w);
    first += h * w;
    const Value image = b.reshape(b.transpose(rows, {0, 2, 1}), {-1, kPart, h, w});
    const Value places = b.flatten(b.transpose(b.part(grid, 3, level), {0, 2, 1, 3, 4}), 0, 1);
    seen.push_back(sampled(b, image, places));  // [n * heads, part, queries, points]
  }
  const Value all = b.flatten(b.stack(seen, 3), 3, 4);
  const Value share = b.reshape(b.transpose(weights, {0, 2, 1, 3}), {-1, 1, kQueries, kAll * kPoints});
  const Value product = b.mul(all, share);
  const Value sum{b.program().op("reduce_sum", {{"X", {product.name}}}, {attr("dim", Dims{-1})}),
                  naive::mean(product.array, 3) * static_cast<double>(kAll * kPoints)};
  return b.linear(b.transpose(b.reshape(sum, {-1, kWidth, kQueries}), {0, 2, 1}), kWidth);
}

TEST(PaddleBlocks, DecoderOfDetr) {
  for (int64_t n : {1, 2})
    for (bool dynamic : {true, false}) {
      Block b;
      std::vector<Value> levels;
      for (const Level& l : kLevels) {
        const Dims dims{n, kWidth, l.h, l.w}, declared{dynamic ? -1 : n, kWidth, l.h, l.w};
        levels.push_back(as_rows(b, b.conv_bn(b.input("level" + std::to_string(l.h), declared, dims), kWidth)));
      }
      const Value memory = b.layer_norm(b.linear(b.concat(levels, 1), kWidth));
      const Value scores = b.linear(memory, 3), corners = b.linear(memory, 4);
      const Picked picked = best_queries(b, scores);
      const Value boxes = b.act("sigmoid", gathered(b, corners, picked), naive::sigmoid);
      Value x = gathered(b, memory, picked);
      const Value places = b.linear(b.act("relu", b.linear(boxes, 8), naive::relu), kWidth);
      x = b.layer_norm(b.add(x, self_attention(b, x, places)));
      x = b.layer_norm(b.add(x, deformable_attention(b, b.add(x, places), boxes, memory)));
      x = b.layer_norm(b.add(x, b.linear(b.act("relu", b.linear(x, 24), naive::relu), kWidth)));
      b.expect({b.linear(x, 3), boxes}, dynamic ? "dynamic" : "fixed");
    }
}

}  // namespace
}  // namespace octet::convert
