// What a file in runtime/ops provides: one op's names, load-time check, shape rule and execution.
#pragma once
#include <octet/octet.h>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "kernels/kernels.h"
#include "runtime/core/int8.h"
#include "runtime/core/memory.h"
#include "runtime/core/model.h"
#include "runtime/core/threads.h"

namespace octet {

// One form (f32, u8, s64 ...) of a tensor in a prepared plan. `rows()` rows of the last dim, `pitch` elements apart.
struct Value {
  int id = -1;
  int tensor = -1;  // in ModelData
  DType dtype = DType::kF32;
  Shape shape;
  int64_t pitch = 0;                    // elements; the last dim where dense
  Quant quant;                          // u8 only
  const std::byte* constant = nullptr;  // its data where known when preparing
  int64_t channels() const { return shape.rank() ? shape[-1] : 1; }
  int64_t rows() const {
    const int64_t c = channels();
    return c ? shape.elements() / c : 0;
  }
  bool dense() const { return pitch == channels(); }
};

// What a step sees when it runs.
struct RunContext {
  std::byte* const* values;  // memory of each Value by id
  std::byte* scratch;        // Step::scratch_bytes, 64-byte aligned, shared by all steps
  Threads& threads;
  Shape* shapes = nullptr;  // of each Value by id: a step whose output sizes the data decide sets those of its outputs
  template <class T>
  T* data(int value) const {
    return reinterpret_cast<T*>(values[value]);
  }
};

struct Step {
  std::function<void(const RunContext&)> run;
  std::string kernel;  // as in StepProfile
  std::string_view unit = {};
  int64_t macs = 0, products = 0;
  size_t scratch_bytes = 0;
  std::shared_ptr<const void> found = nullptr;  // of Constants: held so that further plans find it
};

// What takes the rows of a value as they are made, so that the value as a whole is never there: `count` rows from row `first` on,
// without gaps, where they may be written over. Called from several threads at once, for other rows each.
using RowSink = std::function<void(const RunContext&, std::byte* rows, int64_t first, int64_t count)>;

// An element of an s64 or s32 value that is not known yet, in `constant` of a Value while sizes may be unknown. Not the
// smallest number itself: exporters write that where a slice runs to the front.
inline constexpr int64_t kUnknown = int64_t{std::numeric_limits<int32_t>::min()} + 0x6f63;

// A node while shapes are inferred. Inputs that are absent have no shape: ask node.has_input(i). When a session is
// prepared all sizes are known; the converter asks the same rules with sizes of -1 for dynamic dims, and gets -1 where
// the answer depends on them.
struct Inference {
  const ModelData& model;
  const NodeDef& node;
  std::vector<Value>& values;  // by tensor index: shape, dtype and constant of what is known so far
  bool partial = false;        // sizes may be unknown
  int wanted = -1;             // the tensor whose value was asked for though data decide it

  const Value& in(int i) const { return values[static_cast<size_t>(node.inputs[static_cast<size_t>(i)])]; }
  const Shape& shape(int i) const { return in(i).shape; }
  void out(int i, const Shape& shape) {
    values[static_cast<size_t>(node.outputs[static_cast<size_t>(i)])].shape = shape;
  }
  // The elements of an s64 input whose value prepare must know (a shape, axes): an error where it depends on data, or,
  // where sizes may be unknown, kUnknown for each element that is.
  Result<std::span<const int64_t>> known_s64(int i);
  Error error(const std::string& what) const;  // "conv2d 'name' of m.octet: what"
};

// A node (or a conversion) being prepared for known shapes.
struct Prepare {
  const ModelData& model;
  const NodeDef* node;  // null for quantise and dequantise steps
  const SessionOptions& options;
  const kernels::Isa& isa;
  std::span<const Value* const> inputs;  // null: absent
  std::span<Value* const> outputs;
  Step& step;
  Memory* memory = nullptr;  // null: as much as it likes
  size_t optional = 0;       // bytes of constants that the plan lets the op have to be faster, see Offer
  // Of steps that are joined (OpKind::streams, on_rows): what takes the rows of out(0), which has no memory; and what is to be made,
  // in place of step.run, by a node that takes the rows of in(0).
  const RowSink* tail = nullptr;
  RowSink* rows = nullptr;

  const Value& in(int i) const { return *inputs[static_cast<size_t>(i)]; }
  bool has_in(int i) const { return i < static_cast<int>(inputs.size()) && inputs[static_cast<size_t>(i)]; }
  const Value& out(int i = 0) const { return *outputs[static_cast<size_t>(i)]; }
  const TensorDef& tensor(int i) const { return model.input(*node, i); }  // of input i
  bool int8() const { return in(0).dtype == DType::kU8; }
  // For tables that grow with the sizes of tensors, before they are made: an error where the session may not hold as much. Not
  // for Step::scratch_bytes, Constants, and what is small beside the file.
  Result<void> take(size_t bytes);
  Result<void> has_room(size_t bytes) const;  // the same for what is counted elsewhere or does not stay
  Error error(const std::string& what) const;
};

// What a node could do faster if it had memory for further constants. The plan accepts those that save most for a byte, at most
// one of a node's, by Prepare::optional.
struct Offer {
  size_t bytes = 0;
  size_t fresh = 0;  // of them, those that are not there yet
  double saves = 0;  // cycles of what the node does without, by a fixed model
};

// For known shapes: where an op's result and its operands hold the same elements in the same order, so that one may lie
// inside the other and the op has nothing to do.
struct Overlay {
  enum class Kind {
    kNone,
    kParts,  // each input is a part of the output
    kPart,   // the output is a part of input 0
    kAll,    // the output is input 0 under another shape
  };
  struct At {  // where a part begins in the whole
    int64_t row = 0, channel = 0;
  };
  Kind kind = Kind::kNone;
  std::vector<At> at{};  // kParts: of each input; kPart: of the output
};

// Whether a node can do its work on a few rows of its only input at a time, as they are made.
enum class OnRows {
  kNo,
  kStores,    // and stores its result
  kReplaces,  // its result may also stand where they stood, for others to take in turn
};

// What execution makes of elements of an input that are unknown while sizes may be (of its sizes, where shapes_only).
enum class Unknowns {
  kRefused,  // nothing: the result is unknown as a whole
  kMoved,    // it moves them like any others
  kSpread,  // arithmetic; what comes of them is marked afterwards: the same element of the result, or all of a longer one
};

struct OpKind {
  schema::Op type;
  // Octet's name first, then ONNX' and Paddle's: what op whitelists may say.
  std::span<const std::string_view> (*names)(const NodeDef&);
  int min_inputs, max_inputs;  // count; the loader checks it. Inputs below min_inputs are never absent
  // Load time: attributes, types and sizes of constant operands. Nothing is trusted before this.
  Result<void> (*check)(const NodeDef&, const ModelData&);
  // The outputs' shapes, -1 where they follow from an unknown size. Must refuse what execution could not do. Where
  // sizes_from_data: -1 if partial, else the largest shapes that there can be.
  Result<void> (*infer)(Inference&);
  Result<void> (*prepare)(Prepare&);
  std::vector<Offer> (*offers)(Prepare&) = nullptr;  // asked before prepare; null: none
  // How the node runs on u8, asked after check: whatever the tensors' quantisation. Null: never.
  Int8Rule (*int8)(const NodeDef&, const ModelData&) = nullptr;
  // Null: kNone.
  Overlay (*overlay)(const NodeDef&, std::span<const Value* const> inputs, const Value& output) = nullptr;
  // Null: what only moves moves those of input 0, anything else is refused.
  Unknowns (*unknowns)(const NodeDef&, int input, const Value& in, const Value& output) = nullptr;
  // Whether it can hand the rows of its result to Prepare::tail; null: never.
  bool (*streams)(const NodeDef&) = nullptr;
  OnRows (*on_rows)(const NodeDef&, const Value& in) = nullptr;  // null: kNo
  DType (*dtype)(const NodeDef&, int output) = nullptr;          // the output's; null: that of input 0
  uint32_t since = 0;                                            // minor version of the file format that brought the op
  // Load time: what constant operands hold, which takes longer. Null: anything is good.
  Result<void> (*check_data)(const NodeDef&, const ModelData&) = nullptr;
  bool pitched_in = false;           // takes rows apart (pitch > channels) for every input
  bool pitched_out = false;          // can write them
  bool gives_f32_from_int8 = false;  // conv2d, matmul
  // Each element of the output depends on the operands' elements at its own place alone: it may be written over one.
  bool elementwise = false;
  // Only its operands' shapes matter: it takes them in any form.
  bool shapes_only = false;
  // The op only moves elements: u8 in and out with one quantisation, any dtype otherwise. Op lists need not name it: it is
  // int8 where that saves converting (see precision.h).
  bool moves_only = false;
  // It picks elements of its operand, or gives weights that add up to one: what computes with them decodes a network's result
  // and wants its digits, so that our quantiser leaves to float all that comes after, or the layers that average with them.
  bool picks = false, weighs = false;
  int outputs = 1;
  // The run finds the outputs' shapes and sets them in RunContext::shapes. What reads them is planned after that.
  bool sizes_from_data = false;
};

template <DType type>
DType always(const NodeDef&, int) {
  return type;
}

std::span<const OpKind* const> all_ops();  // the files in runtime/ops, generated by CMake
const OpKind* find_op(schema::Op type);

// Internal steps, in ops/quantize.cc.
Result<void> prepare_quantize(Prepare&);
Result<void> prepare_dequantize(Prepare&);

// Splits `count` rows among threads in chunks of at least `grain`; body(begin, end).
template <class F>
void parallel_rows(Threads& threads, int64_t count, int64_t grain, F&& body) {
  const int64_t chunks = std::min<int64_t>(threads.count() * 4, (count + grain - 1) / grain);
  if (chunks <= 1) return body(int64_t{0}, count);
  threads.run(chunks, [&](int64_t i) { body(count * i / chunks, count * (i + 1) / chunks); });
}

}  // namespace octet
