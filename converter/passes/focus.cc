// YOLOX' and old YOLOv5's first layer: pixels of 2x2 blocks gathered into channels, then a convolution.
// Before: y = Conv(Concat(x[0::2, 0::2], x[1::2, 0::2], ...), w)   After: y = Conv(x, w with twice the kernel, stride 2)
// Unless: the concat has another reader, the conv has groups, strides or dilations.
#include "converter/passes/rewrite.h"

namespace octet::convert {
namespace {

struct Phase {
  TensorId x = -1;
  int64_t start[2] = {0, 0};
};

// x[start_h::2, start_w::2], in one Slice or in one for each dim.
std::optional<Phase> phase_of(Graph& g, const Uses& uses, TensorId t) {
  Phase phase{.x = t};
  bool seen[2] = {};
  while (!seen[0] || !seen[1]) {
    Node* n = producer(g, uses, phase.x);
    auto* op = n && n->inputs.size() == 1 ? as<schema::SliceT>(*n) : nullptr;
    if (!op || op->axes.empty()) return std::nullopt;
    const Shape& x = tensor(g, n->inputs[0]).shape;
    if (x.rank() != 4) return std::nullopt;
    for (size_t i = 0; i < op->axes.size(); ++i) {
      const int dim = op->axes[i] - 1;
      if (dim < 0 || dim > 1 || seen[dim] || op->steps[i] != 2 || op->starts[i] < 0 || op->starts[i] > 1)
        return std::nullopt;
      if (x[op->axes[i]] < 0 || x[op->axes[i]] % 2 || op->ends[i] < x[op->axes[i]]) return std::nullopt;
      seen[dim] = true;
      phase.start[dim] = op->starts[i];
    }
    phase.x = n->inputs[0];
  }
  return phase;
}

// w [out][kh][kw][4 * c] becomes [out][2 * kh][2 * kw][c].
Tensor unfolded(const Tensor& w, const std::vector<Phase>& phases) {
  const int64_t out = w.shape[0], kh = w.shape[1], kw = w.shape[2], c = w.shape[3] / 4;
  Tensor wide = w;
  wide.shape = {out, 2 * kh, 2 * kw, c};
  const float* from = w.values<float>().data();
  float* to = wide.values<float>().data();
  for (int64_t o = 0; o < out; ++o)
    for (int64_t y = 0; y < kh; ++y)
      for (int64_t x = 0; x < kw; ++x)
        for (const Phase& p : phases)
          for (int64_t i = 0; i < c; ++i)
            to[((o * 2 * kh + 2 * y + p.start[0]) * 2 * kw + 2 * x + p.start[1]) * c + i] = *from++;
  return wide;
}

bool fold(Rewriter& r, int i) {
  Graph& g = r.g;
  const Uses& uses = r.uses();
  Node& n = r.node(i);
  auto* op = as<schema::Conv2dT>(n);
  if (!op || op->groups != 1 || op->stride_h != 1 || op->stride_w != 1 || op->dilation_h != 1 || op->dilation_w != 1)
    return false;
  Node* concat = uses.single(n.inputs[0]) ? producer(g, uses, n.inputs[0]) : nullptr;
  if (!concat || !as<schema::ConcatT>(*concat) || as<schema::ConcatT>(*concat)->axis != 3 || concat->inputs.size() != 4)
    return false;
  std::vector<Phase> phases;
  int seen = 0;
  for (TensorId t : concat->inputs) {
    const auto phase = phase_of(g, uses, t);
    if (!phase || (!phases.empty() && phase->x != phases[0].x)) return false;
    seen |= 1 << (2 * phase->start[0] + phase->start[1]);
    phases.push_back(*phase);
  }
  if (seen != 15) return false;
  r.set_input(i, 1, g.add(unfolded(tensor(g, n.inputs[1]), phases)));
  r.set_input(i, 0, phases[0].x);
  for (int* field : {&op->pad_top, &op->pad_left, &op->pad_bottom, &op->pad_right}) *field *= 2;
  op->stride_h = op->stride_w = 2;
  return true;
}

}  // namespace

int fold_focus(Graph& g) { return rewrite_nodes(g, fold); }

}  // namespace octet::convert
