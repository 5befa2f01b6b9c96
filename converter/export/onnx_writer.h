// An ONNX graph on the way: nodes and constants under names that no two share.
#pragma once
#include <octet/octet.h>
#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace octet::onnx {
class ModelProto;
}

namespace octet::convert {

struct Attribute {
  std::string name;
  std::variant<int64_t, float, std::string, std::vector<int64_t>, std::vector<float>> value;
};
using Attributes = std::vector<Attribute>;
using Names = std::vector<std::string>;  // of tensors; an empty one: an optional operand that is absent

class OnnxWriter {
 public:
  explicit OnnxWriter(int opset);
  ~OnnxWriter();

  const int opset;

  // `stem`, with a number behind it where it is taken.
  std::string fresh(const std::string& stem);

  // Inputs and outputs of the graph have the names that they are given: all of them first. -1: dynamic.
  void input(const std::string& name, DType dtype, const Shape& shape);
  void output(const std::string& name, DType dtype, const Shape& shape);
  void metadata(const std::string& key, const std::string& value);

  // Each returns the new tensor's name, or names.
  std::string constant(const std::string& stem, DType dtype, const Shape& shape, std::span<const std::byte> values);
  std::string floats(const std::string& stem, const Shape& shape, std::span<const float> values);
  std::string ints(const std::string& stem, const std::vector<int64_t>& values);
  std::string node(const std::string& op, Names inputs, const Attributes& attributes, const std::string& stem);
  Names node(const std::string& op, Names inputs, const Attributes& attributes, const Names& stems);

  // Makes tensor `made` the graph's output of that name.
  void give(const std::string& made, const std::string& output);

  std::vector<std::byte> bytes() const;

 private:
  std::unique_ptr<onnx::ModelProto> model_;
  std::set<std::string> taken_;
  std::map<std::string, std::string> given_;  // outputs by the name that their tensor was made under
};

}  // namespace octet::convert
