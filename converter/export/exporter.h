// What is known of each tensor while a model is written as ONNX: which forms of it the graph has so far.
#pragma once
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "converter/export/onnx_writer.h"
#include "runtime/core/op.h"
#include "schema/model_generated.h"

namespace octet::convert {

enum class Layout {
  kFile,  // as in the .octet file: NHWC where an op has a layout
  kNchw,  // of rank 4: channels second
};

class Exporter {
 public:
  Exporter(const ModelData& model, std::vector<bool> int8, int opset);

  OnnxWriter out;
  const ModelData& model;

  const TensorDef& def(int t) const { return model.tensors[static_cast<size_t>(t)]; }
  bool int8(size_t node) const { return int8_[node]; }
  // Whether int8 execution stores what this node makes as u8.
  bool to_u8(size_t node, int t) const;
  // The layout in which the tensor was made.
  Layout home(int t) const { return home_[static_cast<size_t>(t)]; }

  // Names of tensor t in a layout. Where int8 execution reads it as u8: quantised and dequantised. In steps: divided by
  // its scales, so that one scale, 1, serves all channels.
  std::string value(int t, Layout layout);
  std::string quantised(int t, Layout layout);
  std::string steps(int t, Layout layout);

  struct Made {
    bool u8 = false;        // int8 execution stores it so
    bool in_steps = false;  // only where it does
    bool on_grid = false;   // in steps, of values that u8 can have: to quantise it changes nothing
  };
  void made(int t, Layout layout, std::string name, const Made& how);
  // y is x, or x as u8, under another layout: the same elements in the same order. False where x is not held so.
  bool same(int y, Layout y_layout, int x, Layout x_layout, bool as_u8);

  // A number for each channel of t, shaped to broadcast over it.
  std::string per_channel(const std::string& stem, int t, Layout layout, const std::vector<float>& values);
  std::string scaled(const std::string& name, int t, Layout layout, bool inverse);

 private:
  enum class Kind { kFloat, kU8, kReal, kSteps };  // kReal, kSteps: dequantised

  std::string* find(int t, Layout layout, Kind kind);
  std::string keep(int t, Layout layout, Kind kind, std::string name);
  std::string constant(int t, Layout layout);
  std::string floats(int t, Layout layout);
  std::string u8(int t, Layout layout);
  std::string dequantised(int t, Layout layout, Kind kind);
  std::string turned(int t, Layout to, const std::string& name);
  // QuantizeLinear or DequantizeLinear.
  std::string linear(const char* op, int t, Layout layout, const std::string& name, bool in_steps);
  std::string stem(int t) const { return std::string(def(t).name); }

  std::vector<bool> int8_, read_as_u8_;
  std::vector<Layout> home_;
  std::map<std::tuple<int, Layout, Kind>, std::string> forms_;
};

}  // namespace octet::convert
