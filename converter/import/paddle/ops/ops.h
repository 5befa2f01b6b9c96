// The ops of Paddle that the converter knows. An op's importer is one function; a row in the same file names it.
#pragma once
#include <array>
#include <span>
#include <string_view>

#include "converter/import/paddle/node.h"

namespace octet::convert {

struct PaddleOp {
  std::string_view name;
  void (*import)(PaddleNode&);
  std::array<std::string_view, 3> needs;  // inputs that must be there
  bool quantises = false;                 // training's quantisation ops: other inputs may be missing or not finite
};

// What a file of this folder offers: `extern constinit const PaddleRows kPaddle...`, which the build collects.
using PaddleRows = std::span<const PaddleOp>;
std::span<const PaddleRows* const> paddle_rows();

std::span<const PaddleOp> paddle_ops();  // all of them, by name
const PaddleOp* find_paddle_op(std::string_view name);

// X and Y of a two-operand op: of one type, the shorter one's dims standing where the axis attribute says.
std::pair<TensorId, TensorId> paddle_operands(PaddleNode& n);
// The activation of that name, its attributes those of the node.
TensorId paddle_activation(PaddleNode& n, const std::string& name, TensorId x);

// multiclass_nms where each region has a box for each class.
void suppress_regions(PaddleNode& n);

// Weights that are stored as integers, their steps in an attribute of the op, become floats.
void dequantise_stored_weights(PaddleNode& n);

}  // namespace octet::convert
