// Padding that the window op can do itself.
// Before: y = Conv(Pad(x, zeros around h and w))          After: y = Conv(x, more pads)
// Before: y = AveragePool(Pad(x, zeros)), no pads         After: y = AveragePool(x, pads, count_include_pad)
// Before: y = MaxPool(Pad(x, lowest float))               After: y = MaxPool(x, more pads)
// Unless: the pad crops, reflects, touches other dims, or has another reader.
#include <cfloat>

#include "converter/passes/rewrite.h"

namespace octet::convert {
namespace {

// Pads of h and w alone.
bool is_spatial(const schema::PadT& pad) {
  if (pad.mode != schema::PadMode::constant || pad.before.size() != 4 || pad.before[0] || pad.before[3] ||
      pad.after[0] || pad.after[3])
    return false;
  for (size_t i = 1; i < 3; ++i)
    if (pad.before[i] < 0 || pad.after[i] < 0 || pad.before[i] > 4096 || pad.after[i] > 4096) return false;
  return true;
}

template <class Op>
void add_pads(Op& op, const schema::PadT& pad) {
  op.pad_top += static_cast<int>(pad.before[1]);
  op.pad_left += static_cast<int>(pad.before[2]);
  op.pad_bottom += static_cast<int>(pad.after[1]);
  op.pad_right += static_cast<int>(pad.after[2]);
}

bool pool_takes(const schema::Pool2dT& op, const schema::PadT& pad) {
  if (op.global || op.ceil_mode) return false;
  if (op.kind == schema::PoolKind::max) return pad.value <= -FLT_MAX;
  return pad.value == 0 && !op.pad_top && !op.pad_left && !op.pad_bottom && !op.pad_right;
}

bool fuse_pad(Rewriter& r, int i) {
  Node& n = r.node(i);
  auto* conv = as<schema::Conv2dT>(n);
  auto* pool = as<schema::Pool2dT>(n);
  Node* before = conv || pool ? producer(r.g, r.uses(), n.inputs[0]) : nullptr;
  auto* pad = before && before->inputs.size() == 1 ? as<schema::PadT>(*before) : nullptr;
  if (!pad || !is_spatial(*pad)) return false;
  if (conv) {
    if (pad->value != 0) return false;
    add_pads(*conv, *pad);
  } else {
    if (!pool_takes(*pool, *pad)) return false;
    add_pads(*pool, *pad);
    pool->count_include_pad = pool->kind == schema::PoolKind::average;
  }
  r.set_input(i, 0, before->inputs[0]);
  return true;
}

}  // namespace

int fuse_pads(Graph& g) { return rewrite_nodes(g, fuse_pad); }

}  // namespace octet::convert
