// How a node runs in int8: which operands are u8 and what their quantisation must be. An op says it once; sessions ask
// whether a file's quantisation will do, the converter's quantiser which one to give.
#pragma once
#include <cstdint>
#include <vector>

#include "runtime/core/model.h"

namespace octet {

// Products in one sum: 33000 * 255 * 127 < 2^30. With a start value inside +-2^30 (fold_bias) it stays inside 32 bits.
inline constexpr int64_t kMaxDepth = 33000;

// Channels of an operand that have the scale and zero point of channels of the result: in_first + i * in_step that of
// out_first + i, for each i < count.
struct Tie {
  int input = 0;
  int64_t in_first = 0, in_step = 1, out_first = 0, count = 0;
  bool mixed = false;  // elements change channel: one scale for all of the operand's, the same for all of the result's
};

struct Int8Rule {
  enum class Kind {
    kFloat,    // it never does
    kLayer,    // convolution or matmul with constant weights, input 1: stored as s8
    kProduct,  // matmul of two activations; the right-hand one, in place of weights, is symmetric around kProductZero
    kOwn,      // its result has a range of its own: add, average pool, tables
    kSame,     // its result holds elements of its operands, or values between them: see ties
  };
  Kind kind = Kind::kFloat;
  // What is f32 in the file, result included, is u8; a layer and a product may give f32 (OpKind::gives_f32_from_int8). Bits:
  // operands that are read as f32 all the same.
  unsigned f32_inputs = 0;
  bool one_scale_in = false, one_scale_out = false;  // the u8 operands, the result have no scale for each channel
  bool channelwise = false;  // each channel is computed by itself: a scale for each of the operand's costs nothing
  bool rescales = false;     // what ties say need not hold, but saves work and accuracy
  // The node takes the quantisation that a trained or quantised file gives. Our quantiser does not choose it: functions that
  // are steep somewhere want more than 256 values, others were never measured.
  bool given_only = false;
  std::vector<Tie> ties{};  // kSame

  bool reads_u8(int input, DType dtype) const {
    return dtype == DType::kF32 && (input >= 32 || !(f32_inputs >> input & 1));
  }
};
inline constexpr int32_t kProductZero = 128;

// What the node's op says, for sizes and constants as far as they are known; the tensors' quantisation is looked at only
// where the number of channels is unknown otherwise.
Int8Rule int8_rule(const NodeDef& node, const ModelData& model);

// Whether the file's quantisation suits the node.
bool can_int8(const NodeDef& node, const ModelData& model);

// Entries that the quantisation of a tensor may have: one for each channel (last dim) where their number is known.
int64_t channels_of(const TensorDef& tensor);

// For ops: channel for channel from an operand to the result; mixed where they have not as many.
Tie tie_channels(const NodeDef& node, const ModelData& model, int input = 0);
// kSame with one operand, its channels tied or, `mixed`, all of them one.
Int8Rule same_scales(const NodeDef& node, const ModelData& model, bool mixed = false);

}  // namespace octet
