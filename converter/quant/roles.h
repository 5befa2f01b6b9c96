// What ops say of int8 (runtime/core/int8.h), asked of a graph, and what our quantiser makes of it.
#pragma once
#include "converter/graph/layer_weights.h"
#include "runtime/core/int8.h"

namespace octet::convert {

using Role = Int8Rule::Kind;

// The op's rule where our quantiser may choose scales for the node: one float result, weights and biases that are constants, no
// constant that is not finite. Else Role::kFloat, also for what only takes the quantisation that a file gives.
Int8Rule int8_rule(const Graph& g, const Node& node);

inline Role role(const Graph& g, const Node& node) { return int8_rule(g, node).kind; }

// Whether operand i is u8 in int8 execution.
bool reads_u8(const Graph& g, const Node& node, const Int8Rule& rule, size_t i);

// Why a convolution or matmul of Role::kFloat cannot run in int8.
std::string why_float(const Graph& g, const Node& node);

// Entries that the quantisation of a tensor may have: one a channel (last dim) where their number is known.
int64_t channels(const Tensor& t);

}  // namespace octet::convert
