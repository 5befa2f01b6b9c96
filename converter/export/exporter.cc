// Forms of tensors: layouts, and what stands between QuantizeLinear and DequantizeLinear.
#include "converter/export/exporter.h"

#include <algorithm>

#include "converter/graph/edit.h"

namespace octet::convert {
namespace {

Layout other(Layout layout) { return layout == Layout::kNchw ? Layout::kFile : Layout::kNchw; }

bool one_zero_point(const octet::Quant& q) {
  return std::all_of(q.zero_point.begin(), q.zero_point.end(), [&](uint8_t z) { return z == q.zero_point[0]; });
}

}  // namespace

Exporter::Exporter(const ModelData& m, std::vector<bool> int8, int opset)
    : out(opset), model(m), int8_(std::move(int8)), read_as_u8_(m.tensors.size()), home_(m.tensors.size()) {
  for (size_t n = 0; n < m.nodes.size(); ++n)
    if (int8_[n])
      for (int t : m.nodes[n].inputs)
        if (t >= 0 && !def(t).quant.empty()) read_as_u8_[static_cast<size_t>(t)] = true;
}

bool Exporter::to_u8(size_t node, int t) const {
  const bool as_float = model.nodes[node].kind->gives_f32_from_int8 && !read_as_u8_[static_cast<size_t>(t)];
  return int8_[node] && def(t).dtype == DType::kF32 && !as_float;
}

std::string* Exporter::find(int t, Layout layout, Kind kind) {
  auto it = forms_.find({t, layout, kind});
  return it == forms_.end() ? nullptr : &it->second;
}

std::string Exporter::keep(int t, Layout layout, Kind kind, std::string name) {
  return forms_[{t, layout, kind}] = std::move(name);
}

std::string Exporter::turned(int t, Layout to, const std::string& name) {
  const Perm& perm = to == Layout::kNchw ? kToNchw : kToNhwc;
  return out.node("Transpose", {name}, {{"perm", std::vector<int64_t>(perm.begin(), perm.end())}},
                  stem(t) + (to == Layout::kNchw ? "_nchw" : "_nhwc"));
}

// Of a lower rank where it was broadcast over NHWC: with leading sizes of 1 it is permuted like the others.
std::string Exporter::constant(int t, Layout layout) {
  const TensorDef& d = def(t);
  if (layout == Layout::kFile) return out.constant(stem(t), d.dtype, d.shape, {d.data, d.bytes});
  Tensor copy{.name = stem(t), .dtype = d.dtype, .shape = padded_left(d.shape, 4), .constant = true};
  copy.data.assign(d.data, d.data + d.bytes);
  copy = permuted(copy, kToNchw);
  return out.constant(copy.name, copy.dtype, copy.shape, copy.data);
}

std::string Exporter::floats(int t, Layout layout) {
  if (std::string* have = find(t, layout, Kind::kFloat)) return *have;
  if (def(t).constant) return keep(t, layout, Kind::kFloat, constant(t, layout));
  return keep(t, layout, Kind::kFloat, turned(t, layout, *find(t, other(layout), Kind::kFloat)));
}

std::string Exporter::u8(int t, Layout layout) {
  if (std::string* have = find(t, layout, Kind::kU8)) return *have;
  std::string name = floats(t, layout);
  const bool per_channel = def(t).quant.per_channel();
  if (per_channel) name = scaled(name, t, layout, true);
  return keep(t, layout, Kind::kU8, linear("QuantizeLinear", t, layout, name, per_channel));
}

std::string Exporter::dequantised(int t, Layout layout, Kind kind) {
  if (std::string* have = find(t, layout, kind)) return *have;
  // What was quantised in the other layout is turned behind its DequantizeLinear, where every reader of ONNX allows it.
  const auto held = [&](Layout l) { return find(t, l, Kind::kU8) || find(t, l, Kind::kSteps); };
  if (!held(layout) && held(other(layout)))
    return keep(t, layout, kind, turned(t, layout, dequantised(t, other(layout), kind)));
  const bool per_channel = def(t).quant.per_channel(), in_steps = kind == Kind::kSteps || per_channel;
  if (kind == Kind::kReal && per_channel)
    return keep(t, layout, kind, scaled(dequantised(t, layout, Kind::kSteps), t, layout, false));
  return keep(t, layout, kind, linear("DequantizeLinear", t, layout, u8(t, layout), in_steps));
}

std::string Exporter::value(int t, Layout layout) {
  const bool as_float = def(t).constant || find(t, layout, Kind::kFloat) || find(t, other(layout), Kind::kFloat);
  return as_float ? floats(t, layout) : dequantised(t, layout, Kind::kReal);
}

std::string Exporter::quantised(int t, Layout layout) { return dequantised(t, layout, Kind::kReal); }
std::string Exporter::steps(int t, Layout layout) { return dequantised(t, layout, Kind::kSteps); }

void Exporter::made(int t, Layout layout, std::string name, const Made& how) {
  home_[static_cast<size_t>(t)] = layout;
  bool in_steps = how.in_steps;
  if (!how.u8) {
    keep(t, layout, Kind::kFloat, std::move(name));
  } else if (in_steps && how.on_grid && !one_zero_point(def(t).quant)) {
    keep(t, layout, Kind::kSteps, std::move(name));
  } else {
    if (def(t).quant.per_channel() && !in_steps) name = scaled(name, t, layout, true), in_steps = true;
    keep(t, layout, Kind::kU8, linear("QuantizeLinear", t, layout, name, in_steps));
  }
}

bool Exporter::same(int y, Layout y_layout, int x, Layout x_layout, bool as_u8) {
  const Kind kind = as_u8 ? Kind::kU8 : Kind::kFloat;
  std::string* have = find(x, x_layout, kind);
  if (!have) return false;
  home_[static_cast<size_t>(y)] = y_layout;
  keep(y, y_layout, kind, *have);
  return true;
}

std::string Exporter::per_channel(const std::string& name, int t, Layout layout, const std::vector<float>& values) {
  const int64_t n = static_cast<int64_t>(values.size());
  Shape shape = n == 1 ? Shape() : Shape{n};
  if (n > 1 && layout == Layout::kNchw) shape = {n, 1, 1};
  return out.floats(stem(t) + name, shape, values);
}

std::string Exporter::scaled(const std::string& name, int t, Layout layout, bool inverse) {
  std::vector<float> by(def(t).quant.scale.begin(), def(t).quant.scale.end());
  for (float& s : by) s = inverse ? 1 / s : s;
  return out.node("Mul", {name, per_channel(inverse ? "_per_step" : "_step", t, layout, by)}, {},
                  stem(t) + (inverse ? "_in_steps" : "_real"));
}

// Zero points of channels are added and taken away outside: ONNX Runtime makes int8 convolutions and concats of what stands
// between nodes with an axis, and then refuses to run them.
std::string Exporter::linear(const char* op, int t, Layout layout, const std::string& name, bool in_steps) {
  const octet::Quant& q = def(t).quant;
  const bool one = one_zero_point(q), quantise = op[0] == 'Q';
  const float scale = in_steps ? 1.0f : q.scale[0];
  const uint8_t zero = one ? q.zero_point[0] : 0;
  const std::vector<float> zeros(q.zero_point.begin(), q.zero_point.end());
  const auto moved = [&](const char* by, const std::string& x) {
    return out.node(by, {x, per_channel("_zero_points", t, layout, zeros)}, {}, stem(t) + "_" + by);
  };
  const std::string s = out.floats(stem(t) + "_scale", {}, std::span(&scale, 1));
  const std::string z = out.constant(stem(t) + "_zero_point", DType::kU8, {}, std::as_bytes(std::span(&zero, 1)));
  const std::string x = quantise && !one ? moved("Add", name) : name;
  const std::string made = out.node(op, {x, s, z}, {}, stem(t) + (quantise ? "_u8" : "_dequantised"));
  return quantise || one ? made : moved("Sub", made);
}

}  // namespace octet::convert
