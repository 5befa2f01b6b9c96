// A node while it is written as ONNX: its operands in the layout and units that its op works in, and its result.
#pragma once
#include <string>

#include "converter/export/exporter.h"

namespace octet::convert {

class ExportNode {
 public:
  ExportNode(Exporter& exporter, size_t index, Layout held)
      : e(exporter), def(exporter.model.nodes[index]), layout(held), index_(index) {}

  Exporter& e;
  const NodeDef& def;
  const Layout layout;  // of operands and result of rank 4

  template <class T>
  const T& attributes() const {
    return def.attributes<T>();
  }
  bool has(int i) const { return def.has_input(i); }
  const TensorDef& in(int i) const { return e.model.input(def, i); }
  const TensorDef& result_def(int k = 0) const { return e.model.output(def, k); }
  size_t index() const { return index_; }
  bool int8() const { return e.int8(index_); }
  bool to_u8() const { return e.to_u8(index_, def.outputs[0]); }
  int opset() const { return e.out.opset; }

  // Operand i: real values; an empty name where it is absent. Int8 nodes read what is stored as u8.
  std::string operand(int i) const;
  std::string steps(int i) const { return e.steps(def.inputs[static_cast<size_t>(i)], layout); }
  // Ops that only move values keep them in steps where scales are a channel's own.
  bool moves_steps() const;
  std::string moved(int i) const { return moves_steps() ? steps(i) : operand(i); }

  // A node of this one's name.
  std::string emit(const std::string& op, Names inputs, const Attributes& attributes = {}) const;
  std::string ints(const std::vector<int64_t>& values) const { return e.out.ints(name() + "_ints", values); }
  std::string scalar(float value) const { return e.out.floats(name() + "_value", {}, std::span(&value, 1)); }
  // Numbers for the channels of the result.
  std::string per_channel(const std::vector<float>& values) const {
    return e.per_channel("_channels", def.outputs[0], layout_of(0), values);
  }
  Result<std::string> activated(std::string x, const schema::Activation* act) const;

  Result<void> result(const std::string& name, bool in_steps = false, bool on_grid = false) const;
  Result<void> moved_result(const std::string& name) const { return result(name, moves_steps(), true); }
  Result<void> results(const Names& names) const;

  int rank(int i) const { return in(i).shape.rank(); }
  // Where axis `axis` of the file's layout lies in the one that is written.
  int64_t axis(int64_t axis, int rank) const;
  Error refuse(const std::string& what) const;
  std::string name() const { return std::string(e.def(def.outputs[0]).name); }

 private:
  std::string gelu(const std::string& x, bool by_tanh) const;
  Layout layout_of(int k) const { return result_def(k).shape.rank() == 4 ? layout : Layout::kFile; }

  size_t index_;
};

}  // namespace octet::convert
