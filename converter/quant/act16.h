// Which layers take their activation in 16-bit integers, and the curves that stand for it (Numerics in schema/FORMAT.md).
#pragma once
#include <optional>

#include "converter/graph/graph.h"
#include "converter/quant/histogram.h"

namespace octet::convert {

// How far int8 may fall behind the float polynomials there, at the layer's output: of the ratio of signal to noise.
inline constexpr double kAct16Loss = 0.2;  // dB

struct Curve16 {
  schema::Act16 fields;
  double loss = 0;  // dB, see kAct16Loss
};

// The curve that loses least. `outputs`: what the activation gave, weighed in the loss; null or empty: unknown, and the worst piece
// of the curve counts. Nothing for other kinds than silu, gelu, gelu_tanh, sigmoid and tanh: those cost less in floats.
std::optional<Curve16> fit_act16(schema::ActKind kind, double scale, const Histogram* outputs);

// The activation of a layer that may take it in 16-bit integers where its output has one scale; none: another node or activation.
std::optional<schema::ActKind> act16_kind(const Graph& g, const Node& node);

}  // namespace octet::convert
