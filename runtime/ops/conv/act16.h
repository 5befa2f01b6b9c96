// Activations in 16-bit integers: from the file's fields to what the kernel takes, see Numerics in FORMAT.md.
#pragma once
#include <span>

#include "runtime/ops/conv/conv2d.h"

namespace octet::conv {

// A layer that has one. `unit` of its sums: one an output channel, as for acc0.
struct Layer16 {
  const schema::Act16& fields;
  const Quant& out;
  const Quant* residual = nullptr;  // null: none
  bool relu_after = false;
  int64_t depth = 0;  // products a sum
  std::span<const double> unit;
  std::span<const float> bias;  // empty: none
};

// What one step of the argument is, in real units.
double argument_unit(const schema::Act16& fields, const Quant& out);

// An error says what does not keep to the bounds.
Result<kernels::Act16> make_act16(const Layer16& layer);

// Of a node's, all is well where it has none, or where it cannot run in int8.
Result<void> check_act16(const NodeDef& node, const ModelData& model, const Geometry& g, const schema::Activation* act,
                         bool relu_after);
Result<kernels::Act16> make_act16(const Layer& layer);

}  // namespace octet::conv
