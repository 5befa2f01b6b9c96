// Random small int8 graphs on every instruction set, emulated where this machine lacks it: the same bytes as the scalar
// reference.
#include <cstring>
#include <limits>
#include <random>

#include "kernels/kernels.h"
#include "tests/fuzz/fuzz.h"
#include "tests/kernels/emulated/emulated.h"
#include "tests/runtime/build_model.h"

namespace {
const octet::kernels::Isa* current = nullptr;
}
// The linker's --wrap puts this in best_isa()'s place: a process chooses once, this one chooses for each session.
extern "C" const void* __wrap__ZN5octet7kernels8best_isaEv() { return current; }

namespace octet::fuzz {
namespace {

struct Node {
  int tensor;
  int64_t h, w, c;
};

int64_t window(int64_t in, int pads, int kernel, int stride, int dilation) {
  const int64_t room = in + pads - dilation * (kernel - 1) - 1;
  return room < 0 ? 0 : room / stride + 1;
}

// Builds a graph node by node; a choice that fits no tensor leaves the graph as it is.
class Graph {
 public:
  explicit Graph(Choices& choices) : in_(choices), random_(in_.any<uint16_t>()) {
    batch_ = in_.range<int64_t>(1, 2);
    const int64_t h = size(12), w = size(20), c = size(40);
    made_.push_back({b_.input("x", {batch_, h, w, c}), h, w, c});
    quantise(made_[0]);
    const int nodes = in_.range(1, 7);
    for (int i = 0; i < nodes; ++i) add();
    for (const Node& n : made_)
      if (n.tensor != b_.model.inputs[0] && (n.tensor == made_.back().tensor || in_.chance(30)))
        b_.model.outputs.push_back(n.tensor);
    b_.model.int8_ops = {"conv2d", "pool2d", "add",         "sub",  "multiply", "concat", "slice",    "reshape",
                         "pad",    "resize", "reduce_mean", "Relu", "Sigmoid",  "Exp",    "transpose"};
  }

  bool empty() const { return b_.model.outputs.empty(); }
  std::vector<std::byte> bytes() const { return b_.finish(); }

 private:
  int64_t size(int64_t most) { return in_.range<int64_t>(1, most); }
  bool flag() { return in_.flag(); }
  const Node& any() { return made_[in_.range<size_t>(0, made_.size() - 1)]; }
  float real(float low, float high) { return std::uniform_real_distribution<float>(low, high)(random_); }

  void quantise(const Node& n) {
    const size_t count = flag() ? static_cast<size_t>(n.c) : 1;
    std::vector<float> scale(count);
    std::vector<uint8_t> zero(count);
    for (float& s : scale) s = real(.001f, .1f);
    for (uint8_t& z : zero) z = static_cast<uint8_t>(random_() % 3 == 0 ? random_() % 2 * 255 : random_());
    b_.quantise(n.tensor, std::move(scale), std::move(zero));
  }
  void quantise_like(const Node& n, const Node& other) {
    b_.at(n.tensor).quant = std::make_unique<schema::QuantT>(*b_.at(other.tensor).quant);
  }
  Node make(int64_t h, int64_t w, int64_t c) {
    return {b_.tensor("t" + std::to_string(made_.size()), {batch_, h, w, c}), h, w, c};
  }
  template <class Op>
  void finish(const Node& n, Op op, std::vector<int> inputs) {
    b_.node("n" + std::to_string(made_.size()), std::move(op), std::move(inputs), n.tensor);
    made_.push_back(n);
  }

  schema::Activation activation() {
    const auto kind = in_.range<int>(0, static_cast<int>(schema::ActKind::MAX));
    const float a = kind == static_cast<int>(schema::ActKind::clip) ? -1.0f : real(.05f, .5f);
    return {static_cast<schema::ActKind>(kind), a, real(.3f, 6)};
  }

  void add() {
    const Node x = any();
    switch (in_.range(0, 9)) {
      case 0:
      case 1:
      case 2:
        return conv(x);
      case 3:
        return pool(x);
      case 4:
        return binary(x);
      case 5:
        return concat(x);
      case 6:
        return slice(x);
      case 7:
        return resize(x);
      case 8:
        return unary(x);
      default:
        return flag() ? pad(x) : mean(x);
    }
  }

  void conv(const Node& x) {
    schema::Conv2dT op;
    const int kernel_h = in_.range(1, 5), kernel_w = in_.range(1, 5);
    op.stride_h = in_.range(1, 3), op.stride_w = in_.range(1, 3);
    op.dilation_h = in_.range(1, 2), op.dilation_w = in_.range(1, 2);
    op.pad_top = in_.range(0, 2), op.pad_left = in_.range(0, 2);
    op.pad_bottom = in_.range(0, 2), op.pad_right = in_.range(0, 2);
    op.groups = 1;
    int64_t out = size(40);
    if (flag()) {  // depthwise, or groups of two
      op.groups = static_cast<int>(flag() || x.c % 2 ? x.c : x.c / 2);
      out = op.groups * in_.range<int64_t>(1, 2);
    }
    op.act = activation();
    op.relu_after = flag();
    const Node y = make(window(x.h, op.pad_top + op.pad_bottom, kernel_h, op.stride_h, op.dilation_h),
                        window(x.w, op.pad_left + op.pad_right, kernel_w, op.stride_w, op.dilation_w), out);
    if (y.h * y.w == 0) return;
    const int weights = weights_of({op.groups, out / op.groups, kernel_h * kernel_w, x.c / op.groups},
                                   {out, kernel_h, kernel_w, x.c / op.groups});
    std::vector<float> bias(static_cast<size_t>(out));
    for (float& v : bias) v = real(-1, 1);
    std::vector<int> inputs = {x.tensor, weights, flag() ? b_.f32("bias", {out}, bias) : -1};
    const Node& residual = any();
    if (residual.h == y.h && residual.w == y.w && residual.c == y.c) inputs.push_back(residual.tensor);
    if (in_.chance(90)) quantise(y);  // otherwise the output is float
    if (b_.at(y.tensor).quant)
      finish(y, std::move(op), std::move(inputs));
    else
      b_.node("head", std::move(op), std::move(inputs), y.tensor), b_.model.outputs.push_back(y.tensor);
  }

  int weights_of(const schema::PackedShape& packed, std::vector<int64_t> shape) {
    std::vector<int8_t> dense(static_cast<size_t>(packed.groups * packed.out * packed.taps * packed.in)),
        bytes(static_cast<size_t>(packed.bytes()));
    const bool extreme = flag();
    for (int8_t& v : dense)
      v = static_cast<int8_t>(extreme ? (random_() % 2 ? 127 : -127) : static_cast<int>(random_() % 255) - 127);
    schema::pack_conv_s8(packed, dense.data(), bytes.data());
    const int t = b_.constant("weights", std::move(shape), bytes, schema::DType::s8);
    b_.at(t).packing = schema::Packing::conv_s8;
    for (int64_t o = 0; o < packed.groups * packed.out; ++o) b_.at(t).weight_scale.push_back(real(1e-4f, 1e-2f));
    return t;
  }

  void pool(const Node& x) {
    schema::Pool2dT op;
    op.kind = flag() ? schema::PoolKind::max : schema::PoolKind::average;
    op.kernel_h = in_.range(1, 5), op.kernel_w = in_.range(1, 5);
    op.stride_h = in_.range(1, 2), op.stride_w = in_.range(1, 2);
    op.pad_top = op.pad_bottom = op.kernel_h / 2, op.pad_left = op.pad_right = op.kernel_w / 2;
    op.count_include_pad = flag();
    const Node y = make(window(x.h, 2 * op.pad_top, op.kernel_h, op.stride_h, 1),
                        window(x.w, 2 * op.pad_left, op.kernel_w, op.stride_w, 1), x.c);
    if (y.h * y.w == 0) return;
    op.kind == schema::PoolKind::max ? quantise_like(y, x) : quantise(y);
    finish(y, std::move(op), {x.tensor});
  }

  void binary(const Node& x) {
    schema::BinaryT op;
    op.kind = static_cast<schema::BinaryKind>(in_.range(0, 2));
    op.act = activation();
    const Node& other = any();
    const auto meets = [](int64_t a, int64_t b) { return a == b || b == 1; };
    if (!meets(x.h, other.h) || !meets(x.w, other.w) || !meets(x.c, other.c)) return;
    const Node y = make(x.h, x.w, x.c);
    quantise(y);
    finish(y, std::move(op), {x.tensor, other.tensor});
  }

  void concat(const Node& x) {
    const Node& other = any();
    if (x.h != other.h || x.w != other.w) return;
    const Node y = make(x.h, x.w, x.c + other.c);
    if (flag()) {
      quantise(y);
    } else {  // the scales of its inputs side by side
      b_.quantise(y.tensor, {}, {});
      for (const Node& from : {x, other}) {
        const auto& q = *b_.at(from.tensor).quant;
        for (int64_t c = 0; c < from.c; ++c) {
          const size_t i = q.scale.size() > 1 ? static_cast<size_t>(c) : 0;
          b_.at(y.tensor).quant->scale.push_back(q.scale[i]);
          b_.at(y.tensor).quant->zero_point.push_back(q.zero_point[i]);
        }
      }
    }
    finish(y, schema::ConcatT{.axis = 3}, {x.tensor, other.tensor});
  }

  void slice(const Node& x) {
    const int64_t channels = size(x.c), from = in_.range<int64_t>(0, x.c - channels);
    const Node y = make(x.h, x.w, channels);
    auto& q = *b_.at(x.tensor).quant;
    const auto part = [&](const auto& all) {
      return q.scale.size() > 1 ? std::decay_t<decltype(all)>(all.begin() + from, all.begin() + from + channels) : all;
    };
    b_.quantise(y.tensor, part(q.scale), part(q.zero_point));
    finish(y, schema::SliceT{.starts = {from}, .ends = {from + channels}, .axes = {3}, .steps = {1}}, {x.tensor});
  }

  void resize(const Node& x) {
    schema::ResizeT op;
    op.mode = flag() ? schema::ResizeMode::linear : schema::ResizeMode::nearest;
    op.coordinate_mode =
        static_cast<schema::CoordinateMode>(in_.range(0, static_cast<int>(schema::CoordinateMode::MAX)));
    op.size = {size(24), size(24)};
    const Node y = make(op.size[0], op.size[1], x.c);
    quantise_like(y, x);
    finish(y, std::move(op), {x.tensor});
  }

  void unary(const Node& x) {
    schema::UnaryT op;
    op.kind = static_cast<schema::UnaryKind>(in_.range(0, static_cast<int>(schema::UnaryKind::MAX)));
    op.act = activation();
    const Node y = make(x.h, x.w, x.c);
    quantise(y);
    finish(y, std::move(op), {x.tensor});
  }

  void pad(const Node& x) {
    const int64_t before = in_.range(0, 2), after = in_.range(0, 2);
    const Node y = make(x.h + before + after, x.w, x.c);
    quantise_like(y, x);
    schema::PadT op;
    op.before = {0, before, 0, 0}, op.after = {0, after, 0, 0};
    finish(y, std::move(op), {x.tensor});
  }

  void mean(const Node& x) {
    const Node y = make(1, 1, x.c);
    quantise(y);
    finish(y, schema::ReduceT{.kind = schema::ReduceKind::mean, .axes = {1, 2}, .keep_dims = true}, {x.tensor});
  }

  Choices& in_;
  std::minstd_rand random_;
  ModelBuilder b_;
  int64_t batch_ = 1;
  std::vector<Node> made_;
};

// All outputs, one after the other, every NaN the same; empty where the model cannot be prepared.
std::vector<std::byte> outputs(const std::vector<std::byte>& bytes, const kernels::Isa& isa, int threads) {
  current = &isa;
  const auto model = Model::from_bytes(bytes, "fuzz.octet");  // weights that are packed for one are not for another
  if (!model) fail(model.error().text);
  auto session =
      Session::create(*model, {.threads = fuzz::threads(threads), .memory_limit = kMemory, .use_onednn = false});
  if (!session || !prepare(*session, *model, 1)) return {};
  if (auto done = session->run(); !done) fail(done.error().text);
  std::vector<std::byte> all;
  for (size_t i = 0; i < model->outputs().size(); ++i) {
    const Tensor t = session->output(static_cast<int>(i));
    if (t.dtype == DType::kF32)
      for (float& v : t.f32())
        if (v != v) v = std::numeric_limits<float>::quiet_NaN();
    const auto* data = static_cast<const std::byte*>(t.data);
    all.insert(all.end(), data, data + static_cast<size_t>(t.shape.elements()) * size_of(t.dtype));
  }
  return all;
}

}  // namespace
}  // namespace octet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace octet;
  fuzz::Choices choices({data, size});
  const fuzz::Graph graph(choices);
  if (graph.empty()) return 0;
  const auto bytes = graph.bytes();
  static const auto isas = [] {
    auto all = kernels::emulated_isas();
    for (const kernels::Isa* isa : kernels::all_isas())
      if (kernels::supported(*isa)) all.push_back(isa);
    return all;
  }();
  const auto expected = fuzz::outputs(bytes, *isas.back(), 1);
  for (const kernels::Isa* isa : isas)
    if (fuzz::outputs(bytes, *isa, 1 + static_cast<int>(size % 3)) != expected)
      fuzz::fail(std::string(isa->name) + " differs from the scalar reference");
  return 0;
}
