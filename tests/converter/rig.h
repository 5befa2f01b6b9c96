// Builds small ONNX models, and runs a graph in the runtime before and after the passes: they must agree.
#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "converter/graph/edit.h"
#include "converter/import/onnx/import.h"
#include "converter/passes/passes.h"
#include "onnx.pb.h"
#include "tests/converter/attr.h"

namespace octet::convert {

// A model on the way: each call returns the new tensor's name.
struct TestModel {
  explicit TestModel(int64_t opset = 13);
  std::string input(const std::string& name, const std::vector<int64_t>& dims, int type = 1);  // -1: dynamic
  std::string floats(const std::vector<int64_t>& dims, const std::vector<float>& values);
  std::string random(const std::vector<int64_t>& dims);  // fixed values in [-1, 1)
  std::string ints(const std::vector<int64_t>& values);
  std::string integers(int type, const std::vector<int64_t>& dims,
                       const std::vector<int>& values);  // ONNX' 2 u8, 3 s8, 6 s32
  // `type` may begin with a domain: com.microsoft.QGemm.
  std::string op(const std::string& type, const std::vector<std::string>& inputs, const std::vector<Attr>& attrs = {});
  std::vector<std::string> ops(const std::string& type, const std::vector<std::string>& inputs, int outputs,
                               const std::vector<Attr>& attrs = {});
  std::string conv(const std::string& x, int in, int out, int kernel, int pad = 0, int stride = 1, int groups = 1);
  void output(const std::string& name);

  onnx::ModelProto proto;

 private:
  std::string fresh(const std::string& stem) { return stem + std::to_string(++count_); }
  int count_ = 0;
  uint32_t seed_ = 1;
};

// A file that vanishes with the test.
struct TempFile {
  explicit TempFile(const std::string& bytes, const std::string& name = "model.onnx");
  ~TempFile();
  std::string path() const { return (folder / name_).string(); }
  std::filesystem::path folder;

 private:
  std::string name_;
};

Result<Graph> import(const TestModel& model, const ConvertOptions& options = {});
// Imports and rewrites; on the way checks that imported and rewritten graph compute the same. Dynamic inputs take `sizes`.
Graph converted(const TestModel& model, const std::vector<Shape>& sizes = {}, const ConvertOptions& options = {});
// All outputs one after the other, for inputs of fixed values.
std::vector<float> run(const Graph& g, const std::vector<Shape>& sizes = {});

int count(const Graph& g, schema::Op op);
std::string error_of(const TestModel& model, const ConvertOptions& options = {});

template <class Op>
const Op& first(const Graph& g) {
  for (const Node& n : g.nodes)
    if (auto* op = as<Op>(n)) return *op;
  static const Op none;
  ADD_FAILURE() << "no such op in\n" << dump(g);
  return none;
}

}  // namespace octet::convert
