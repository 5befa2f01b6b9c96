// LSTM and GRU over a known number of steps, spelt out: what the input gives is one product for all steps, then each step has a
// product with the state, which int8 may take, and its gates.
#include <algorithm>

#include "converter/import/build/build.h"
#include "converter/import/onnx/ops/ops.h"

namespace octet::convert {
namespace {

using schema::Activation;
using schema::ActKind;
using schema::BinaryKind;

constexpr int64_t kMostSteps = 4096;
constexpr size_t kNodesOfStep = 24;

struct Weights {
  TensorId input, state;  // [gates * hidden, ..], rows by gates
  std::vector<float> input_bias, state_bias;
};

struct State {
  TensorId h = -1, c = -1;  // -1: zeros
};

TensorId mul(OnnxNode& n, TensorId a, TensorId b) { return n.binary(BinaryKind::mul, a, b); }
TensorId add(OnnxNode& n, TensorId a, TensorId b) { return n.binary(BinaryKind::add, a, b); }
TensorId sigmoid(OnnxNode& n, TensorId x) { return n.act(Activation(ActKind::sigmoid, 0, 0), x); }
TensorId tanh(OnnxNode& n, TensorId x) { return n.act(Activation(ActKind::tanh, 0, 0), x); }

TensorId times_weights(OnnxNode& n, TensorId x, TensorId w) {
  return n.emit(schema::MatMulT{.transpose_b = true}, {x, w});
}

// What stands at one direction of a constant [directions, ..].
std::vector<float> part(OnnxNode& n, TensorId t, int64_t direction, int64_t directions) {
  const auto all = n.at(t).values<float>();
  const size_t each = all.size() / static_cast<size_t>(directions), from = each * static_cast<size_t>(direction);
  return {all.begin() + static_cast<int64_t>(from), all.begin() + static_cast<int64_t>(from + each)};
}

struct Layer {
  bool gru = false, reset_after = false;
  int64_t hidden = 0, gates = 0, steps = 0, directions = 1;
};

Weights weights_of(OnnxNode& n, const Layer& l, int64_t direction) {
  const int64_t rows = l.gates * l.hidden, inputs = n.shape(n.in(1))[2];
  Weights w;
  w.input = n.floats({rows, inputs}, part(n, n.in(1), direction, l.directions));
  w.state = n.floats({rows, l.hidden}, part(n, n.in(2), direction, l.directions));
  w.input_bias.assign(static_cast<size_t>(rows), 0.0f);
  w.state_bias = w.input_bias;
  if (n.in(3) < 0) return w;
  const auto both = part(n, n.in(3), direction, l.directions);
  std::copy_n(both.begin(), rows, w.input_bias.begin());
  std::copy_n(both.begin() + rows, rows, w.state_bias.begin());
  return w;
}

// Gate i of [n, gates * hidden].
TensorId gate(OnnxNode& n, const Layer& l, TensorId all, int64_t i) {
  return n.slice(all, 1, i * l.hidden, (i + 1) * l.hidden);
}

// Gates: input, output, forget, candidate.
void lstm_step(OnnxNode& n, const Layer& l, TensorId from_input, const Weights& w, State& s) {
  const TensorId all = s.h < 0 ? from_input : add(n, from_input, times_weights(n, s.h, w.state));
  const TensorId in = sigmoid(n, gate(n, l, all, 0)), out = sigmoid(n, gate(n, l, all, 1));
  const TensorId fresh = mul(n, in, tanh(n, gate(n, l, all, 3)));
  s.c = s.c < 0 ? fresh : add(n, mul(n, sigmoid(n, gate(n, l, all, 2)), s.c), fresh);
  s.h = mul(n, out, tanh(n, s.c));
}

// Gates: update, reset, candidate. The reset is taken before the product with the state, or after it and its bias.
void gru_step(OnnxNode& n, const Layer& l, TensorId from_input, const Weights& w, State& s) {
  const TensorId bias = n.floats({l.gates * l.hidden}, w.state_bias);
  TensorId candidate = gate(n, l, from_input, 2), update = gate(n, l, from_input, 0), reset = gate(n, l, from_input, 1);
  const TensorId from_state = s.h < 0 ? n.reshape(bias, {1, -1}) : add(n, times_weights(n, s.h, w.state), bias);
  update = sigmoid(n, add(n, update, gate(n, l, from_state, 0)));
  reset = sigmoid(n, add(n, reset, gate(n, l, from_state, 1)));
  TensorId last = gate(n, l, from_state, 2);
  if (l.reset_after) {
    last = mul(n, reset, last);
  } else if (s.h >= 0) {
    const auto rows = n.at(w.state).values<float>().subspan(static_cast<size_t>(2 * l.hidden * l.hidden));
    const TensorId own = n.floats({l.hidden, l.hidden}, std::vector<float>(rows.begin(), rows.end()));
    last = add(n, times_weights(n, mul(n, reset, s.h), own), n.slice(bias, 0, 2 * l.hidden, 3 * l.hidden));
  }
  candidate = tanh(n, add(n, candidate, last));
  const TensorId kept = s.h < 0 ? candidate : n.binary(BinaryKind::sub, s.h, candidate);
  const TensorId share = mul(n, update, kept);
  s.h = s.h < 0 ? n.binary(BinaryKind::sub, candidate, share) : add(n, candidate, share);
}

// All states h along a new first dim, in the order of the input; `s` becomes the last.
TensorId run_direction(OnnxNode& n, const Layer& l, int64_t direction, bool backwards, State& s) {
  const TensorId x = n.in(0);
  Weights w = weights_of(n, l, direction);
  std::vector<float> bias = w.input_bias;
  if (!l.gru)
    for (size_t i = 0; i < bias.size(); ++i) bias[i] += w.state_bias[i];
  const TensorId inputs = add(n, times_weights(n, x, w.input), n.floats({l.gates * l.hidden}, bias));
  std::vector<TensorId> states(static_cast<size_t>(l.steps));
  for (int64_t i = 0; i < l.steps && !n.failed(); ++i) {
    const int64_t t = backwards ? l.steps - 1 - i : i;
    const TensorId step = n.reshape(n.slice(inputs, 0, t, t + 1), {n.same_dim(inputs, 1), l.gates * l.hidden});
    (l.gru ? gru_step : lstm_step)(n, l, step, w, s);
    states[static_cast<size_t>(t)] = build_unsqueeze(n, s.h, {0});
  }
  return n.emit(schema::ConcatT{.axis = 0}, states);
}

// What the spelling does not cover is said.
Layer read_layer(OnnxNode& n) {
  Layer l{.gru = n.proto.op_type() == "GRU"};
  l.gates = l.gru ? 3 : 4;
  const auto unsupported = [&](const std::string& what) { n.fail(what + " is not supported", Code::kUnsupported); };
  if (!n.need_rank(n.in(0), 3) || !n.need_rank(n.in(1), 3) || !n.need_rank(n.in(2), 3)) return l;
  for (size_t i : {1, 2, 3})
    if (n.in(i) >= 0 && !n.is_constant_floats(n.in(i))) unsupported("computed weights");
  const Shape w = n.shape(n.in(1)), r = n.shape(n.in(2));
  l.directions = w[0], l.hidden = r[2], l.steps = n.shape(n.in(0))[0];
  l.reset_after = n.i("linear_before_reset", 0) != 0;
  const bool fits = l.directions >= 1 && l.directions <= 2 && l.hidden >= 1 && w[2] >= 1 &&
                    w[1] == l.gates * l.hidden && r == Shape{l.directions, w[1], l.hidden} &&
                    (n.in(3) < 0 || n.shape(n.in(3)) == Shape{l.directions, 2 * w[1]});
  if (!fits) n.fail("weights of " + w.text() + " and " + r.text());
  if (l.directions != (n.s("direction", "forward") == "bidirectional" ? 2 : 1)) n.fail("weights of another direction");
  if (n.i("layout", 0)) unsupported("layout 1");
  if (n.has("clip")) unsupported("clip");
  if (n.has("activations")) unsupported("another activation");
  if (n.i("input_forget", 0)) unsupported("input_forget");
  if (n.in(7) >= 0) unsupported("a peephole");
  if (l.steps < 0) n.fail("needs a known number of steps: give the input's shape", Code::kUnsupported);
  if (l.steps == 0 || l.steps > kMostSteps) unsupported("a sequence of " + std::to_string(l.steps));
  if (n.in(4) >= 0)
    for (int64_t length : n.const_ints(4, "the lengths"))
      if (length != l.steps) unsupported("a sequence that ends early");
  const size_t nodes = n.failed() ? 0 : static_cast<size_t>(l.steps * l.directions) * kNodesOfStep;
  if (nodes > n.nodes_left)
    n.fail("is more steps than max_nodes has room for; where the model is trusted, raise the limit");
  if (!n.failed()) n.nodes_left -= nodes;
  return l;
}

}  // namespace

static void import_recurrent(OnnxNode& n) {
  const Layer l = read_layer(n);
  if (n.failed()) return;
  const std::string direction = n.s("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
    return n.fail("the direction '" + direction + "' is unknown");
  std::vector<TensorId> all, last_h, last_c;
  for (int64_t d = 0; d < l.directions && !n.failed(); ++d) {
    const auto initial = [&](size_t operand) {
      if (n.in(operand) < 0 || !n.need_rank(n.in(operand), 3)) return -1;
      return n.reshape(n.slice(n.in(operand), 0, d, d + 1), {n.same_dim(n.in(operand), 1), l.hidden});
    };
    State s{.h = initial(5), .c = l.gru ? -1 : initial(6)};
    all.push_back(build_unsqueeze(n, run_direction(n, l, d, d == 1 || direction == "reverse", s), {1}));
    last_h.push_back(build_unsqueeze(n, s.h, {0}));
    if (!l.gru) last_c.push_back(build_unsqueeze(n, s.c, {0}));
  }
  const auto joined = [&](const std::vector<TensorId>& parts, int axis) {
    return parts.size() == 1 ? parts[0] : n.emit(schema::ConcatT{.axis = axis}, parts);
  };
  n.result(joined(all, 1));
  n.result(joined(last_h, 0));
  if (!l.gru) n.result(joined(last_c, 0));
}

static constexpr OnnxOp kOnnxRecurrentRows[] = {
    {"GRU", import_recurrent, 3, 6},
    {"LSTM", import_recurrent, 3, 8},
};
extern constinit const OnnxRows kOnnxRecurrent{kOnnxRecurrentRows};

}  // namespace octet::convert
