// Moves transposes towards the outputs, where they meet their inverse and vanish.
// Before: y = Op(Transpose(x, p))   After: y = Transpose(Op'(x), p')
// Unless: the op mixes dims that p tore apart (Reshape), or another operand would cost more to turn than is won.
#include <numeric>

#include "converter/passes/rewrite.h"

namespace octet::convert {
namespace {

// Ops and perms that leave every operand but one alone.
struct Swapped {
  schema::OpUnion op;
  Perm after;
  Perm before = {};  // of the first operand, if not empty
};

const schema::TransposeT* transpose_of(Graph& g, const Uses& uses, TensorId t) {
  Node* p = t < 0 ? nullptr : producer(g, uses, t);
  return p ? as<schema::TransposeT>(*p) : nullptr;
}

// A node before or after n that only turns.
Node transpose_by(const Node& n, const Perm& perm, TensorId from, TensorId to) {
  return {.name = part_name(n.name, schema::Op::Transpose),
          .op = make_op(schema::TransposeT{.perm = perm}),
          .inputs = {from},
          .outputs = {to}};
}

// Replaces node i by `op` on `inputs` and a Transpose to its old output.
void place(Rewriter& r, int i, schema::OpUnion op, std::vector<TensorId> inputs, const Perm& after) {
  const TensorId out = r.node(i).outputs[0];
  const TensorId inner = add_like(r.g, out, permuted(tensor(r.g, out).shape, inverse(after)));
  r.node(i).op = std::move(op);
  r.set_inputs(i, std::move(inputs));
  r.set_outputs(i, {inner});
  r.insert_after(i, transpose_by(r.node(i), after, inner, out));
}

// The axes of the output that a reduction over `axes` leaves of perm p.
Perm without_axes(const Perm& p, const std::vector<int>& axes) {
  Perm out;
  std::vector<int> gone;
  for (int a : axes) gone.push_back(p[static_cast<size_t>(a)]);
  for (size_t i = 0; i < p.size(); ++i)
    if (!std::count(axes.begin(), axes.end(), static_cast<int>(i)))
      out.push_back(p[i] - static_cast<int>(std::count_if(gone.begin(), gone.end(), [&](int a) { return a < p[i]; })));
  return out;
}

std::optional<Swapped> swap_reduction(const Node& n, const Perm& p) {
  if (auto* op = as<schema::ReduceT>(n)) {
    schema::ReduceT turned = *op;
    for (int& a : turned.axes) a = p[static_cast<size_t>(a)];
    std::sort(turned.axes.begin(), turned.axes.end());
    if (op->axes.empty() && !op->keep_dims) return Swapped{make_op(turned), {}};
    return Swapped{make_op(turned), op->keep_dims ? p : without_axes(p, op->axes)};
  }
  if (auto* op = as<schema::ArgMaxT>(n))
    return Swapped{make_op(schema::ArgMaxT{.axis = p[static_cast<size_t>(op->axis)], .keep_dims = op->keep_dims}),
                   op->keep_dims ? p : without_axes(p, {op->axis})};
  return std::nullopt;
}  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): the union owns it

std::optional<Swapped> swap_unary_like(const Graph& g, const Node& n, const Perm& p) {
  if (as<schema::UnaryT>(n) || as<schema::FakeQuantizeT>(n) || as<schema::CastT>(n)) return Swapped{n.op, p};
  if (as<schema::LayerNormT>(n))
    return p.back() == static_cast<int>(p.size()) - 1 ? std::optional(Swapped{n.op, p}) : std::nullopt;
  if (auto* op = as<schema::SoftmaxT>(n))
    return Swapped{make_op(schema::SoftmaxT{.axis = p[static_cast<size_t>(op->axis)]}), p};
  if (auto* op = as<schema::SliceT>(n); op && n.inputs.size() == 1) {
    schema::SliceT turned = *op;
    for (int& a : turned.axes) a = p[static_cast<size_t>(a)];
    return Swapped{make_op(std::move(turned)), p};
  }
  if (auto* op = as<schema::PadT>(n); op && n.inputs.size() == 1) {
    schema::PadT turned = *op;
    for (size_t a = 0; a < p.size(); ++a) {
      turned.before[static_cast<size_t>(p[a])] = op->before[a];
      turned.after[static_cast<size_t>(p[a])] = op->after[a];
    }
    return Swapped{make_op(std::move(turned)), p};
  }
  if (auto* op = as<schema::GatherT>(n);
      op && tensor(g, n.inputs[1]).constant && tensor(g, n.inputs[1]).shape.rank() == 1)
    return Swapped{make_op(schema::GatherT{.axis = p[static_cast<size_t>(op->axis)]}), p};
  return swap_reduction(n, p);
}

// A 1x1 convolution does not care which of its spatial dims comes first.
std::optional<Swapped> swap_conv(const Graph& g, const Node& n, const Perm& p) {
  auto* op = as<schema::Conv2dT>(n);
  if (!op || p != Perm{0, 2, 1, 3}) return std::nullopt;
  const Shape& w = tensor(g, n.inputs[1]).shape;
  if (w[1] != 1 || w[2] != 1 || n.inputs.size() > 3) return std::nullopt;
  schema::Conv2dT turned = *op;
  std::swap(turned.stride_h, turned.stride_w);
  std::swap(turned.pad_top, turned.pad_left);
  std::swap(turned.pad_bottom, turned.pad_right);
  return Swapped{make_op(std::move(turned)), p};
}

// Reshape as segments: runs of input dims that become runs of output dims. A transpose passes if it keeps each run together.
struct Segment {
  std::vector<int> in, out;
};

bool next_segment(const Shape& in, const Shape& out, int& i, int& o, Segment& s) {
  if (i == in.rank() || o == out.rank()) return false;
  int64_t left = in[i], right = out[o];
  s.in.push_back(i++);
  s.out.push_back(o++);
  while (left != right) {
    const bool grow_in = left >= 0 && right >= 0 && left < right;
    int& at = grow_in ? i : o;
    const Shape& shape = grow_in ? in : out;
    if (left < 0 || right < 0 || at == shape.rank() || shape[at] <= 0) return false;
    (grow_in ? left : right) *= shape[at];
    (grow_in ? s.in : s.out).push_back(at++);
  }
  return true;
}

std::optional<std::vector<Segment>> segments(const Shape& in, const Shape& out, const schema::ReshapeT& op) {
  // Dims of size 1 belong nowhere in particular: the input's are left out, the output's follow the dim before them.
  Shape in_big, out_big;
  std::vector<int> in_axis, out_axis;
  for (int a = 0; a < in.rank(); ++a)
    if (in[a] != 1 || a == 0) in_big.push_back(in[a]), in_axis.push_back(a);
  for (int a = 0; a < out.rank(); ++a)
    if (out[a] != 1 || a == 0) out_big.push_back(out[a]), out_axis.push_back(a);
  const auto unknown = std::count(out.begin(), out.end(), -1);
  if (unknown != std::count(in.begin(), in.end(), -1)) return std::nullopt;
  std::vector<Segment> all;
  int i = 0, o = 0;
  while (i < in_big.rank() || o < out_big.rank()) {
    Segment s;
    if (!next_segment(in_big, out_big, i, o, s)) return std::nullopt;
    for (int& a : s.in) a = in_axis[static_cast<size_t>(a)];
    for (int& a : s.out) a = out_axis[static_cast<size_t>(a)];
    // Two dims of unknown size are the same only where the op says so, or where they are the only ones.
    if (in[s.in[0]] == -1 && unknown > 1 && op.shape[static_cast<size_t>(s.out[0])] != -2 - s.in[0])
      return std::nullopt;
    all.push_back(std::move(s));
  }
  for (int a = 1; a < out.rank(); ++a) {
    if (out[a] != 1) continue;
    auto owner = std::find_if(all.begin(), all.end(),
                              [&](const Segment& s) { return std::count(s.out.begin(), s.out.end(), a - 1) > 0; });
    if (owner == all.end()) return std::nullopt;
    owner->out.insert(std::find(owner->out.begin(), owner->out.end(), a - 1) + 1, a);
  }
  return all;
}

// The order of x's axes in which each segment's stand together, in the reshape's order; segments in the order of x.
// Only axes that already are neighbours are reordered; nothing where a segment's are apart. Dims of size 1 go last.
std::optional<Perm> gathered_order(std::vector<Segment>& segs, const Perm& p, const Shape& x) {
  Perm rank_of(p.size(), -1);  // position among x's axes that count
  int big = 0;
  for (int a = 0; a < x.rank(); ++a)
    if (std::any_of(segs.begin(), segs.end(), [&](const Segment& s) {
          return std::any_of(s.in.begin(), s.in.end(), [&](int in) { return p[static_cast<size_t>(in)] == a; });
        }))
      rank_of[static_cast<size_t>(a)] = big++;
  auto span_of = [&](const Segment& s) {
    int low = big, high = -1;
    for (int in : s.in) {
      const int at = rank_of[static_cast<size_t>(p[static_cast<size_t>(in)])];
      low = std::min(low, at), high = std::max(high, at);
    }
    return std::pair(low, high);
  };
  for (const Segment& s : segs) {
    const auto [low, high] = span_of(s);
    if (high - low + 1 != static_cast<int>(s.in.size())) return std::nullopt;
  }
  std::stable_sort(segs.begin(), segs.end(),
                   [&](const Segment& a, const Segment& b) { return span_of(a) < span_of(b); });
  Perm order;
  for (const Segment& s : segs)
    for (int in : s.in) order.push_back(p[static_cast<size_t>(in)]);
  for (int a = 0; a < x.rank(); ++a)
    if (rank_of[static_cast<size_t>(a)] < 0) order.push_back(a);
  return order;
}

// Before: y = Reshape(Transpose(x, p))   After: y = Transpose(Reshape(x), p'), or, where the reshape joins dims that p brought
// in another order, as a channel shuffle does: y = Transpose(Reshape(Transpose(x, only these)), p')
std::optional<Swapped> swap_reshape(const Graph& g, const Node& n, const Perm& p, const Shape& x) {
  auto* op = as<schema::ReshapeT>(n);
  if (!op || n.inputs.size() != 1) return std::nullopt;
  const Shape &in = tensor(g, n.inputs[0]).shape, &out = tensor(g, n.outputs[0]).shape;
  if (in.rank() == 0 || out.rank() == 0) return std::nullopt;
  auto segs = segments(in, out, *op);
  const auto order = segs ? gathered_order(*segs, p, x) : std::nullopt;
  if (!order) return std::nullopt;
  Shape turned;
  Perm after(static_cast<size_t>(out.rank()));
  for (const Segment& s : *segs)
    for (int a : s.out) {
      after[static_cast<size_t>(a)] = turned.rank();
      turned.push_back(out[a]);
    }
  Perm big;  // dims of size 1 may stand anywhere
  for (int a : *order)
    if (x[a] != 1) big.push_back(a);
  const bool in_order = is_identity(big);
  if (!in_order && is_identity(after)) return std::nullopt;
  const auto spec = reshape_spec(in_order ? x : permuted(x, *order), turned);
  if (!spec) return std::nullopt;
  return Swapped{make_op(schema::ReshapeT{.shape = *spec}), after, in_order ? Perm{} : *order};
}  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): the union owns it

// Where nothing else is known, dims other than 1 stand for size.
bool is_much_smaller(const Shape& a, const Shape& b) {
  if (a.elements() >= 0 && b.elements() >= 0) return a.elements() * 2 <= b.elements();
  auto dims = [](const Shape& s) { return std::count_if(s.begin(), s.end(), [](int64_t d) { return d != 1; }); };
  return dims(a) < dims(b);
}

bool push_elementwise(Rewriter& r, int i) {
  Graph& g = r.g;
  const Uses& uses = r.uses();
  const Node& n = r.node(i);
  const bool concat = as<schema::ConcatT>(n) != nullptr;
  const int rank = tensor(g, n.outputs[0]).shape.rank();
  TensorId largest = -1;
  for (TensorId t : n.inputs)
    if (transpose_of(g, uses, t) && tensor(g, t).shape.rank() == rank)
      if (largest < 0 || is_much_smaller(tensor(g, largest).shape, tensor(g, t).shape)) largest = t;
  if (largest < 0) return false;
  const Perm p = transpose_of(g, uses, largest)->perm, back = inverse(p);
  for (TensorId t : n.inputs) {
    auto* other = transpose_of(g, uses, t);
    const bool free = (other && other->perm == p) || tensor(g, t).constant || tensor(g, t).shape.elements() == 1;
    if (!free && !is_much_smaller(tensor(g, t).shape, tensor(g, largest).shape)) return false;
  }
  std::vector<TensorId> inputs = n.inputs;
  std::vector<Node> before;
  for (TensorId& t : inputs) {
    auto* other = transpose_of(g, uses, t);
    if (other && other->perm == p) {
      t = producer(g, uses, t)->inputs[0];
      continue;
    }
    if (tensor(g, t).shape.elements() == 1 && !concat) continue;
    const Shape padded = padded_left(tensor(g, t).shape, rank);
    if (tensor(g, t).constant) {
      Tensor c = tensor(g, t);
      c.shape = padded;
      t = g.add(permuted(c, back));
      continue;
    }
    if (tensor(g, t).shape.rank() < rank) {
      const auto spec = reshape_spec(tensor(g, t).shape, padded);
      if (!spec) return false;
      const TensorId wide = add_like(g, t, padded);
      before.push_back({.name = part_name(n.name, schema::Op::Reshape),
                        .op = make_op(schema::ReshapeT{.shape = *spec}),
                        .inputs = {t},
                        .outputs = {wide}});
      t = wide;
    }
    const TensorId turned = add_like(g, t, permuted(padded, back));
    before.push_back(transpose_by(n, back, t, turned));
    t = turned;
  }
  schema::OpUnion op = n.op;
  if (concat) op.AsConcat()->axis = p[static_cast<size_t>(op.AsConcat()->axis)];
  for (Node& made : before) r.insert_before(i, std::move(made));
  place(r, i, std::move(op), std::move(inputs), p);
  return true;
}

// Before: MatMul(Transpose(a), b), the last two dims swapped   After: MatMul(a, b) with transpose_a
bool push_matmul(Rewriter& r, int i) {
  Node& n = r.node(i);
  auto* op = as<schema::MatMulT>(n);
  for (size_t k = 0; op && k < 2; ++k) {
    auto* t = transpose_of(r.g, r.uses(), n.inputs[k]);
    if (!t) continue;
    Perm swap_last(t->perm.size());
    std::iota(swap_last.begin(), swap_last.end(), 0);
    std::swap(swap_last[swap_last.size() - 1], swap_last[swap_last.size() - 2]);
    if (t->perm != swap_last) continue;
    bool& flag = k == 0 ? op->transpose_a : op->transpose_b;
    flag = !flag;
    r.set_input(i, k, producer(r.g, r.uses(), n.inputs[k])->inputs[0]);
    return true;
  }
  return false;
}

// Before: s = Shape(Transpose(x, p))   After: s = Gather(Shape(x), p)
bool push_shape_of(Rewriter& r, int i) {
  Graph& g = r.g;
  const Uses& uses = r.uses();
  Node& n = r.node(i);
  auto* op = as<schema::ShapeOfT>(n);
  auto* t = op ? transpose_of(g, uses, n.inputs[0]) : nullptr;
  if (!t) return false;
  const int rank = static_cast<int>(t->perm.size());
  auto bound = [&](int v) { return std::clamp(v < 0 ? v + rank : v, 0, rank); };
  std::vector<int64_t> index;
  for (int a = bound(op->start); a < bound(op->end); ++a) index.push_back(t->perm[static_cast<size_t>(a)]);
  const TensorId x = producer(g, uses, n.inputs[0])->inputs[0], out = n.outputs[0];
  const TensorId order = g.add(make_constant<int64_t>(n.name + ":order", {static_cast<int64_t>(index.size())}, index));
  const TensorId all = add_like(g, out, {rank});
  Node shape{.name = part_name(n.name, schema::Op::ShapeOf),
             .op = make_op(schema::ShapeOfT{}),
             .inputs = {x},
             .outputs = {all}};
  n.op = make_op(schema::GatherT{.axis = 0});
  r.set_inputs(i, {all, order});
  r.insert_before(i, std::move(shape));
  return true;
}

bool push(Rewriter& r, int i) {
  Graph& g = r.g;
  const Uses& uses = r.uses();
  const Node& n = r.node(i);
  if (n.inputs.empty()) return false;
  if (as<schema::TransposeT>(n)) return merge_transposes(r, i);  // otherwise a train of them would pass each op behind
  if (as<schema::BinaryT>(n) || as<schema::ConcatT>(n)) return push_elementwise(r, i);
  if (push_matmul(r, i) || push_shape_of(r, i)) return true;
  auto* t = transpose_of(g, uses, n.inputs[0]);
  if (!t) return false;
  const TensorId x = producer(g, uses, n.inputs[0])->inputs[0];
  auto swapped = swap_unary_like(g, n, t->perm);
  if (!swapped) swapped = swap_conv(g, n, t->perm);
  if (!swapped) swapped = swap_reshape(g, n, t->perm, tensor(g, x).shape);
  if (!swapped) return false;
  std::vector<TensorId> inputs = n.inputs;
  inputs[0] = x;
  const Perm before = swapped->before;
  place(r, i, std::move(swapped->op), std::move(inputs), swapped->after);
  if (before.empty()) return true;
  const TensorId turned = add_like(g, x, permuted(tensor(g, x).shape, before));
  r.insert_before(i, transpose_by(r.node(i), before, x, turned));
  r.set_input(i, 0, turned);
  return true;
}

}  // namespace

int push_transposes(Graph& g) { return rewrite_nodes(g, push); }

}  // namespace octet::convert
