// Attributes and shapes as a damaged or malicious file might hold them: an op refuses or runs inside its memory, never else.
// Meant for the sanitizers; without them the rig still sees writes between rows.
#include "tests/runtime/op_rig.h"

namespace octet {
extern const OpKind kLayerNorm, kGridSample, kGatherElements, kScatterElements, kScatterNd, kDeformConv2d, kCumSum;

namespace {

class Hostile {
 public:
  explicit Hostile(unsigned seed) : random_(seed) {}

  bool coin(int of = 2) { return random_() % static_cast<unsigned>(of) == 0; }

  // Mostly what makes sense; sometimes what does not.
  int64_t number() {
    static constexpr int64_t kWild[] = {-1,
                                        0,
                                        127,
                                        255,
                                        1 << 15,
                                        (1 << 15) + 1,
                                        2147483647,
                                        -2147483648LL,
                                        int64_t{1} << 32,
                                        int64_t{1} << 62,
                                        std::numeric_limits<int64_t>::max(),
                                        std::numeric_limits<int64_t>::min()};
    return coin(6) ? kWild[random_() % std::size(kWild)] : static_cast<int64_t>(random_() % 9) - 3;
  }
  int32_t small() { return static_cast<int32_t>(number()); }
  int32_t positive() { return coin(8) ? small() : 1 + static_cast<int32_t>(random_() % 4); }
  float real() {
    static constexpr float kWild[] = {0, -1, INFINITY, -INFINITY, NAN, 1e30f, 1e-30f};
    return coin(6) ? kWild[random_() % std::size(kWild)] : static_cast<float>(random_() % 100) / 25.0f + 0.1f;
  }
  template <class T>
  T kind() {
    return static_cast<T>(random_() % (static_cast<unsigned>(T::MAX) + (coin(10) ? 2u : 1u)));
  }

  std::vector<int64_t> numbers(int count) {
    std::vector<int64_t> v(static_cast<size_t>(count + (coin(10) ? 1 : 0)));
    for (int64_t& x : v) x = number();
    return v;
  }
  std::vector<int32_t> axes(int count) {
    std::vector<int32_t> v;
    for (int i = 0; i < count; ++i) v.push_back(coin(8) ? small() : i);
    std::shuffle(v.begin(), v.end(), random_);
    return v;
  }
  Shape shape(int rank) {
    Shape s;
    for (int d = 0; d < rank; ++d) s.push_back(coin(12) ? 0 : 1 + static_cast<int64_t>(random_() % 6));
    return s;
  }
  int rank() { return coin(3) ? static_cast<int>(random_() % 6) : 4; }

  template <class T>
  Operand tensor(const Shape& s) {
    return noise<T>(s, random_()).apart(coin() ? 0 : 3);
  }
  Operand quantised(const Shape& s) {
    const bool per_channel = coin() && s.rank() && s[-1] > 0;
    const size_t n = per_channel ? static_cast<size_t>(s[-1]) : 1;
    return tensor<uint8_t>(s).quant(std::vector<float>(n, 0.1f), std::vector<uint8_t>(n, 100));
  }
  schema::Activation act() { return schema::Activation(kind<schema::ActKind>(), real(), real()); }

 private:
  std::mt19937 random_;
};

// Runs the node in float and, where it may, on u8.
template <class Attributes>
int attack(Hostile& h, const OpKind& kind, const Attributes& a, const Shape& in, std::vector<Operand> rest = {},
           DType out = DType::kF32) {
  int ran = 0;
  std::vector<Operand> inputs = {kind.pitched_in ? h.tensor<float>(in) : h.tensor<float>(in).apart(0)};
  inputs.insert(inputs.end(), rest.begin(), rest.end());
  OpRig f32(kind, a, inputs, Operand{.shape = in, .dtype = out, .gap = kind.pitched_out && h.coin() ? 2 : 0});
  ran += f32.run({.threads = h.coin(4) ? 2 : 1});
  for (Operand& o : inputs)
    if (o.dtype == DType::kF32) o = kind.pitched_in ? h.quantised(o.shape) : h.quantised(o.shape).apart(0);
  Operand result{.shape = in, .dtype = out};
  if (out == DType::kF32) result.scale = inputs[0].scale, result.zero = inputs[0].zero;
  OpRig u8(kind, a, inputs, result);
  if (f32.error().empty() && u8.can_int8()) ran += u8.run({.threads = h.coin(4) ? 2 : 1});
  return ran;
}

constexpr int kRounds = 1500;

// Calls attack(h) with many seeds; most rounds must be refused or run, and some of each.
template <class F>
void rounds(F once) {
  int ran = 0;
  for (int i = 0; i < kRounds && !testing::Test::HasFailure(); ++i) {
    Hostile h(static_cast<unsigned>(i));
    ran += once(h);
  }
  EXPECT_GT(ran, kRounds / 50);
}

TEST(Hostile, Pool2d) {
  rounds([](Hostile& h) {
    schema::Pool2dT a;
    a.kind = h.kind<schema::PoolKind>();
    a.kernel_h = h.positive(), a.kernel_w = h.positive(), a.stride_h = h.positive(), a.stride_w = h.positive();
    a.dilation_h = h.coin() ? 1 : h.positive(), a.dilation_w = h.coin() ? 1 : h.positive();
    if (h.coin()) a.pad_top = h.small(), a.pad_left = h.small(), a.pad_bottom = h.small(), a.pad_right = h.small();
    a.ceil_mode = h.coin(), a.count_include_pad = h.coin(), a.global = h.coin(4);
    return attack(h, kPool2d, a, h.shape(h.rank()));
  });
}

TEST(Hostile, Binary) {
  rounds([](Hostile& h) {
    schema::BinaryT a;
    a.kind = h.kind<schema::BinaryKind>(), a.act = h.act();
    Shape s = h.shape(h.rank()), other = s;
    for (int d = 0; d < other.rank(); ++d)
      if (h.coin()) other[d] = 1;
    return attack(h, kBinary, a, s, {h.tensor<float>(h.coin(8) ? h.shape(h.rank()) : other)});
  });
}

TEST(Hostile, Unary) {
  rounds([](Hostile& h) {
    schema::UnaryT a;
    a.kind = h.kind<schema::UnaryKind>(), a.act = h.act();
    return attack(h, kUnary, a, h.shape(h.rank()));
  });
}

TEST(Hostile, Concat) {
  rounds([](Hostile& h) {
    schema::ConcatT a;
    a.axis = h.small();
    const Shape s = h.shape(h.rank());
    return attack(h, kConcat, a, s, {h.tensor<float>(h.coin(8) ? h.shape(h.rank()) : s), h.tensor<float>(s)});
  });
}

TEST(Hostile, Slice) {
  rounds([](Hostile& h) {
    const int rank = h.rank();
    const Shape s = h.shape(rank);
    if (h.coin()) return attack(h, kSlice, schema::SliceT{}, s, {known(h.numbers(rank)), known(h.numbers(rank))});
    schema::SliceT a;
    a.starts = h.numbers(rank), a.ends = h.numbers(rank), a.axes = h.axes(rank);
    if (h.coin()) a.steps = h.numbers(rank);
    return attack(h, kSlice, a, s);
  });
}

TEST(Hostile, Reshape) {
  rounds([](Hostile& h) {
    schema::ReshapeT a;
    const Shape s = h.shape(h.rank());
    std::vector<int64_t> to = {s.begin(), s.end()};
    for (int64_t& d : to)
      if (h.coin(4)) d = h.number();
    if (h.coin(20)) to.resize(20, 1);
    if (h.coin()) return attack(h, kReshape, a, s, {known(to)});
    a.shape = to;
    return attack(h, kReshape, a, s);
  });
}

TEST(Hostile, Transpose) {
  rounds([](Hostile& h) {
    schema::TransposeT a;
    const int rank = h.rank();
    a.perm = h.axes(h.coin(10) ? h.rank() : rank);
    return attack(h, kTranspose, a, h.shape(rank));
  });
}

TEST(Hostile, SoftmaxAndArgMax) {
  rounds([](Hostile& h) {
    schema::SoftmaxT s;
    schema::ArgMaxT a;
    s.axis = a.axis = h.small(), a.keep_dims = h.coin();
    return attack(h, kSoftmax, s, h.shape(h.rank())) + attack(h, kArgMax, a, h.shape(h.rank()), {}, DType::kS64);
  });
}

TEST(Hostile, Resize) {
  rounds([](Hostile& h) {
    schema::ResizeT a;
    a.mode = h.kind<schema::ResizeMode>(), a.coordinate_mode = h.kind<schema::CoordinateMode>(),
    a.nearest_mode = h.kind<schema::NearestMode>();
    a.cubic_a = h.real(), a.exclude_outside = h.coin();
    if (h.coin()) a.scale = {h.real(), h.real()};
    if (h.coin()) a.size = h.numbers(2);
    return attack(h, kResize, a, h.shape(h.rank()),
                  h.coin() ? std::vector<Operand>{known(h.numbers(2))} : std::vector<Operand>{});
  });
}

TEST(Hostile, Reduce) {
  rounds([](Hostile& h) {
    schema::ReduceT a;
    const int rank = h.rank();
    a.kind = h.kind<schema::ReduceKind>(), a.keep_dims = h.coin(),
    a.axes = h.coin() ? std::vector<int32_t>{1, 2} : h.axes(rank / 2);
    return attack(h, kReduce, a, h.shape(rank));
  });
}

TEST(Hostile, Gather) {
  rounds([](Hostile& h) {
    schema::GatherT a;
    a.axis = h.coin(4) ? h.small() : 1;
    Operand indices = known(h.numbers(3));
    indices.known = h.coin();
    return attack(h, kGather, a, h.shape(h.rank()), {indices});
  });
}

TEST(Hostile, LayerNormAndGridSample) {
  rounds([](Hostile& h) {
    const schema::LayerNormT norm{.epsilon = h.real(), .centred = h.coin()};
    const Shape s = h.shape(h.rank()), image = h.shape(h.coin(8) ? h.rank() : 4);
    Operand scale = constant({1, 2, 3, 4});
    const int ran = attack(h, kLayerNorm, norm, s, h.coin() ? std::vector<Operand>{scale} : std::vector<Operand>{});
    const schema::GridSampleT sample{
        .mode = h.kind<schema::SampleMode>(), .padding = h.kind<schema::SamplePadding>(), .align_corners = h.coin()};
    Operand places = h.tensor<float>(h.coin(8) ? h.shape(h.rank()) : Shape{image.rank() ? image[0] : 1, 2, 3, 2});
    for (float& v : places.values<float>()) v = h.real();
    return ran + attack(h, kGridSample, sample, image, {places});
  });
}

TEST(Hostile, GatherAndScatterByElements) {
  rounds([](Hostile& h) {
    const Shape s = h.shape(h.rank());
    Operand where = operand<int64_t>({0}, {});
    where.shape = h.coin(8) ? h.shape(h.rank()) : s;
    where.bytes.resize(static_cast<size_t>(where.shape.elements()) * sizeof(int64_t));
    for (int64_t& v : where.values<int64_t>()) v = h.number();
    where.known = h.coin(8);
    const int axis = h.coin(4) ? h.small() : 0;
    const auto reduction = h.kind<schema::ScatterReduction>();
    const Operand updates = h.tensor<float>(h.coin(8) ? s : where.shape).apart(0);
    return attack(h, kGatherElements, schema::GatherElementsT{.axis = axis}, s, {where}) +
           attack(h, kScatterElements, schema::ScatterElementsT{.axis = axis, .reduction = reduction}, s,
                  {where, updates}) +
           attack(h, kScatterNd, schema::ScatterNdT{.reduction = reduction}, s, {where, updates});
  });
}

TEST(Hostile, DeformConv2d) {
  rounds([](Hostile& h) {
    schema::DeformConv2dT a;
    a.stride_h = h.positive(), a.stride_w = h.positive();
    if (h.coin(4)) a.dilation_h = h.positive(), a.dilation_w = h.positive();
    if (h.coin(4)) a.pad_top = h.small(), a.pad_left = h.small(), a.pad_bottom = h.small(), a.pad_right = h.small();
    const int64_t taps = 1 + static_cast<int64_t>(h.coin()), in = 2;
    a.groups = h.coin(4) ? h.small() : 1, a.offset_groups = h.coin(4) ? h.small() : 1;
    Operand weight = h.tensor<float>(h.coin(8) ? h.shape(h.rank()) : Shape{4, taps, 1, in}).apart(0);
    weight.known = !h.coin(16);
    const Shape x = h.coin(8) ? h.shape(h.rank()) : Shape{1, 4, 5, in};
    const Shape places{1, (4 - taps) / std::max(a.stride_h, 1) + 1, 4 / std::max(a.stride_w, 1) + 1, 2 * taps};
    Operand offsets = h.tensor<float>(h.coin(8) ? h.shape(h.rank()) : places);
    for (float& v : offsets.values<float>()) v = h.real();
    std::vector<Operand> rest = {weight, constant({1, 2, 3, 4}), offsets};
    if (h.coin(4)) rest.push_back(h.tensor<float>({places[0], places[1], places[2], taps}));
    return attack(h, kDeformConv2d, a, x, rest);
  });
}

TEST(Hostile, CumSum) {
  rounds([](Hostile& h) {
    const schema::CumSumT a{.axis = h.small(), .exclusive = h.coin(), .reverse = h.coin()};
    return attack(h, kCumSum, a, h.shape(h.rank()));
  });
}

TEST(Hostile, Pad) {
  rounds([](Hostile& h) {
    schema::PadT a;
    const int rank = h.rank();
    a.mode = h.kind<schema::PadMode>(), a.value = h.real();
    if (h.coin()) return attack(h, kPad, a, h.shape(rank), {known(h.numbers(2 * rank))});
    a.before = h.numbers(rank), a.after = h.numbers(rank);
    return attack(h, kPad, a, h.shape(rank));
  });
}

TEST(Hostile, Expand) {
  rounds([](Hostile& h) {
    const Shape s = h.shape(h.rank());
    std::vector<int64_t> to(s.begin(), s.end());
    for (int64_t& d : to)
      if (h.coin(4)) d = h.number();
    if (h.coin(20)) to.resize(20, 1);
    return attack(h, kExpand, schema::ExpandT{}, s, {known(to)});
  });
}

TEST(Hostile, ShapeOfAndCast) {
  rounds([](Hostile& h) {
    schema::ShapeOfT s;
    schema::CastT c;
    s.start = h.small(), s.end = h.small(), c.to = h.kind<schema::DType>();
    return attack(h, kShapeOf, s, h.shape(h.rank()), {}, DType::kS64) +
           attack(h, kCast, c, h.shape(h.rank()), {}, h.coin() ? DType::kS64 : DType::kBool);
  });
}

}  // namespace
}  // namespace octet
