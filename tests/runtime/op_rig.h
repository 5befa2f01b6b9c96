// One op prepared without a model file, so that tests choose ISA, threads and pitches.
#pragma once
#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <random>
#include <vector>

#include "runtime/core/op.h"
#include "tests/runtime/isas.h"

namespace octet {
extern const OpKind kPool2d, kBinary, kUnary, kConcat, kSlice, kReshape, kTranspose, kSoftmax, kArgMax, kResize,
    kReduce, kGather, kShapeOf, kCast, kPad, kExpand, kAffine;

// A tensor of a test, dense; `gap` elements lie between its rows when an op sees it.
struct Operand {
  Shape shape{};
  DType dtype = DType::kF32;
  std::vector<std::byte> bytes{};
  std::vector<float> scale{};  // given: u8
  std::vector<uint8_t> zero{};
  int64_t gap = 0;
  bool known = false;  // a constant

  template <class T>
  std::span<T> values() {
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  template <class T>
  std::span<const T> values() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  template <class T>
  std::vector<T> list() const {
    return {values<T>().begin(), values<T>().end()};
  }
  Operand quant(std::vector<float> s, std::vector<uint8_t> z) && {
    scale = std::move(s), zero = std::move(z);
    return std::move(*this);
  }
  Operand apart(int64_t elements) && {
    gap = elements;
    return std::move(*this);
  }
};

template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>)
    return DType::kF32;
  else if constexpr (std::is_same_v<T, uint8_t>)
    return DType::kU8;
  else if constexpr (std::is_same_v<T, int32_t>)
    return DType::kS32;
  else
    return DType::kS64;
}

template <class T>
Operand operand(const Shape& shape, const std::vector<T>& values) {
  Operand o{.shape = shape, .dtype = dtype_of<T>(), .bytes = std::vector<std::byte>(values.size() * sizeof(T))};
  if (!values.empty()) std::memcpy(o.bytes.data(), values.data(), o.bytes.size());
  return o;
}

inline Operand constant(std::vector<float> values) {
  Operand o = operand<float>({static_cast<int64_t>(values.size())}, values);
  o.known = true;
  return o;
}

inline Operand known(const std::vector<int64_t>& values) {
  Operand o = operand<int64_t>({static_cast<int64_t>(values.size())}, values);
  o.known = true;
  return o;
}

// 0, 1, 2 ... wrapping for u8; or random.
template <class T>
Operand counting(const Shape& shape) {
  std::vector<T> v;
  for (int64_t i = 0; i < shape.elements(); ++i) v.push_back(static_cast<T>(i % 16777216));
  return operand(shape, v);
}
template <class T>
Operand noise(const Shape& shape, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<T> v;
  for (int64_t i = 0; i < shape.elements(); ++i)
    v.push_back(std::is_same_v<T, float> ? static_cast<T>(static_cast<double>(random() % 20001) / 2500.0 - 4)
                                         : static_cast<T>(random()));
  return operand(shape, v);
}

// How an op is run.
struct Setting {
  int threads = 1;
  const kernels::Isa* isa = &kernels::best_isa();
};

// What a result is for: an output of these scales and this gap.
inline Operand like(std::vector<float> scale, std::vector<uint8_t> zero, int64_t gap = 0) {
  return {.scale = std::move(scale), .zero = std::move(zero), .gap = gap};
}

class OpRig {
 public:
  // `attributes`: the schema's object, as schema::Pool2dT. `out`: its type, scales and gap; the shape is the op's to say.
  template <class Attributes>
  OpRig(const OpKind& kind, const Attributes& attributes, const std::vector<Operand>& inputs, Operand out = {})
      : kind_(kind), out_(out) {
    using Table = typename Attributes::TableType;
    builder_.Finish(Table::Pack(builder_, &attributes));
    node_.name = "n";
    node_.kind = &kind;
    node_.model = &model_;
    node_.op = flatbuffers::GetRoot<Table>(builder_.GetBufferPointer());
    model_.name = "test";
    inputs_.assign(inputs.begin(), inputs.end());
    for (const Operand& o : inputs_) {
      node_.inputs.push_back(static_cast<int>(model_.tensors.size()));
      add(o);
    }
    node_.outputs = {static_cast<int>(model_.tensors.size())};
    add(out_);
  }

  static constexpr int64_t kMost = 1 << 20;  // elements of an output

  const std::string& error() const { return error_; }
  bool can_int8() const { return octet::can_int8(node_, model_); }

  // check, infer, prepare and run; false with error() where one of the first three refuses.
  bool run(const Setting& setting = {}) {
    if (auto r = kind_.check(node_, model_); !r) return fail(r.error());
    Inference inference{model_, node_, values_};
    if (auto r = kind_.infer(inference); !r) return fail(r.error());
    Value& result = values_.back();
    if (result.shape.elements() < 0 || result.shape.elements() > kMost || result.channels() > kMost)
      return fail({Code::kBadArgument, "too large for a test"});
    if (out_.scale.size() > 1 && static_cast<int64_t>(out_.scale.size()) != result.channels())
      return fail({Code::kBadModel, "scales"});
    result.pitch = result.channels() + out_.gap;
    std::vector<const Value*> in;
    for (size_t i = 0; i + 1 < values_.size(); ++i) in.push_back(&values_[i]);
    Value* outs[] = {&result};
    SessionOptions options;
    options.threads = setting.threads;
    Step step;
    Prepare p{model_, &node_, options, *setting.isa, in, outs, step};
    if (auto r = kind_.prepare(p); !r) return fail(r.error());
    execute(step, setting.threads);
    return true;
  }

  // After run(): the output, dense; what lies between its rows was not touched.
  const Operand& out() const { return out_; }

 private:
  bool fail(const Error& e) {
    error_ = e.text;
    return false;
  }

  void add(const Operand& o) {
    const bool u8 = !o.scale.empty();
    TensorDef def;
    def.dtype = u8 ? DType::kF32 : o.dtype;
    def.shape = o.shape;
    def.quant = {o.scale, o.zero};
    def.constant = o.known;
    def.data = o.known ? o.bytes.data() : nullptr;
    def.bytes = o.known ? o.bytes.size() : 0;
    model_.tensors.push_back(def);
    Value v;
    v.id = v.tensor = static_cast<int>(values_.size());
    v.dtype = u8 ? DType::kU8 : o.dtype;
    v.shape = o.shape;
    v.pitch = v.channels() + o.gap;
    v.quant = def.quant;
    v.constant = def.data;
    values_.push_back(v);
  }

  void execute(const Step& step, int count) {
    std::vector<std::vector<std::byte>> memory;
    std::vector<std::byte*> pointers;
    for (size_t i = 0; i < values_.size(); ++i) {
      const Value& v = values_[i];
      const size_t element = size_of(v.dtype);
      memory.emplace_back(static_cast<size_t>(v.rows() * v.pitch) * element + kernels::kReadSlack, std::byte{0xAB});
      if (i + 1 < values_.size()) copy_rows(v, inputs_[i].bytes.data(), v.channels(), memory.back().data(), v.pitch);
    }
    for (auto& m : memory) pointers.push_back(m.data());
    std::vector<std::byte> scratch(step.scratch_bytes + 64);
    Threads threads(count);
    step.run({pointers.data(), scratch.data(), threads});
    const Value& v = values_.back();
    out_.shape = v.shape;
    out_.dtype = v.dtype;
    out_.bytes.resize(static_cast<size_t>(v.shape.elements()) * size_of(v.dtype));
    copy_rows(v, memory.back().data(), v.pitch, out_.bytes.data(), v.channels());
    copy_rows(v, out_.bytes.data(), v.channels(), memory.back().data(), v.pitch, std::byte{0xAB});
    for (std::byte b : memory.back()) ASSERT_EQ(b, std::byte{0xAB}) << "written outside the output's rows";
  }

  static void copy_rows(const Value& v, const std::byte* from, int64_t from_pitch, std::byte* to, int64_t to_pitch,
                        std::byte fill = {}) {
    const auto element = static_cast<int64_t>(size_of(v.dtype));
    for (int64_t r = 0; r < v.rows(); ++r) {
      if (fill == std::byte{})
        std::memcpy(to + r * to_pitch * element, from + r * from_pitch * element,
                    static_cast<size_t>(v.channels() * element));
      else
        std::memset(to + r * to_pitch * element, static_cast<int>(fill), static_cast<size_t>(v.channels() * element));
    }
  }

  const OpKind& kind_;
  flatbuffers::FlatBufferBuilder builder_;
  ModelData model_;
  NodeDef node_;
  std::vector<Value> values_;
  std::deque<Operand> inputs_;
  Operand out_;
  std::string error_;
};

// Runs on every ISA of isas() with 1, 2 and 4 threads; the last output, after checking that all have the same bytes.
inline Operand run_everywhere(OpRig& rig, const std::string& why) {
  Operand first;
  for (const kernels::Isa* isa : isas()) {
    for (int threads : {1, 2, 4}) {
      if (!rig.run({threads, isa})) {
        ADD_FAILURE() << why << ": " << rig.error();
        return {};
      }
      if (first.bytes.empty()) first = rig.out();
      EXPECT_TRUE(first.bytes == rig.out().bytes) << why << " on " << isa->name << " with " << threads << " threads";
    }
  }
  return first;
}

// The same where float kernels may differ in the last digits: threads do not matter.
inline Operand run_threads(OpRig& rig, const std::string& why) {
  Operand first;
  for (int threads : {1, 2, 4}) {
    if (!rig.run({threads})) {
      ADD_FAILURE() << why << ": " << rig.error();
      return {};
    }
    if (first.bytes.empty()) first = rig.out();
    EXPECT_TRUE(first.bytes == rig.out().bytes) << why << " with " << threads << " threads";
  }
  return first;
}

// Position in a tensor and back.
inline std::vector<int64_t> unravel(int64_t i, const Shape& shape) {
  std::vector<int64_t> index(static_cast<size_t>(shape.rank()));
  for (int d = shape.rank(); d-- > 0; i /= shape[d]) index[static_cast<size_t>(d)] = i % shape[d];
  return index;
}
inline int64_t ravel(const std::vector<int64_t>& index, const Shape& shape) {
  int64_t i = 0;
  for (int d = 0; d < shape.rank(); ++d) i = i * shape[d] + index[static_cast<size_t>(d)];
  return i;
}

}  // namespace octet
