// What each op means for int8 execution: what the runtime can run on u8, and how quantisation passes through it.
#pragma once
#include <functional>

#include "converter/graph/layer_weights.h"

namespace octet::convert {

enum class Role {
  kFloat,    // runs on f32
  kLayer,    // convolution or matmul with constant weights: what int8 is for
  kProduct,  // matmul of two activations: the right-hand one, in place of weights, is symmetric around zero point 128
  kOwn,      // its output has a range of its own: add, mul, average pool, tables
  kSame,     // its output holds values of its inputs: same scale, channel for channel
};

// kLayer only where the weights are of a kind and size that int8 takes.
Role role(const Graph& g, const Node& node);

// Why a convolution or matmul of Role::kFloat cannot run in int8.
std::string why_float(const Graph& g, const Node& node);

// Whether operand i of a node of this role is u8 in int8 execution.
bool int8_operand(const Graph& g, const Node& node, Role role, size_t i);

// Entries that the quantisation of a tensor may have: one a channel (last dim) where their number is known.
int64_t channels(const Tensor& t);

// How a kSame node ties quantisation: calls tie(input tensor, channel, output channel) for all that must be equal, or
// merge(tensor) where all channels of a tensor must be one because the op moves elements across channels.
using Tie = std::function<void(TensorId in, int64_t in_channel, int64_t out_channel)>;
using Merge = std::function<void(TensorId)>;
void ties(const Graph& g, const Node& node, const Tie& tie, const Merge& merge);

}  // namespace octet::convert
