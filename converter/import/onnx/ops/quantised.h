// Integers in ONNX files and what they stand for. Activations become FakeQuantize nodes and hold real values; weights become
// the floats that they stand for, and are recognised again when the model is frozen (quant/freeze.h).
#pragma once
#include <optional>

#include "converter/import/onnx/node.h"

namespace octet::convert {

// What integers x of a scale and zero point stand for. Constants become floats, one scale or one for each index along `axis`.
TensorId dequantised(OnnxNode& n, TensorId x, TensorId scale, TensorId zero_point, int64_t axis);

// x rounded to the integers of a scale and zero point. A constant becomes a constant of those integers.
TensorId quantised(OnnxNode& n, TensorId x, TensorId scale, TensorId zero_point, int64_t axis);

// The integers themselves, as floats.
TensorId stored_integers(SourceNode& n, TensorId x, const Stored& stored);

// For an op that knows nothing of stored integers: where it only moves elements that are stored alike, what its results are
// stored as; else its operands become the integers themselves.
std::optional<Stored> resolve_stored(OnnxNode& n);

}  // namespace octet::convert
