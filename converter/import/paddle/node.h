// One op of a Paddle program being imported: typed access to its attributes and operands, which go by names. Integers are
// s64 here whatever the program says.
#pragma once
#include <map>

#include "converter/import/build/source_node.h"
#include "paddle.pb.h"

namespace octet::convert {

class PaddleNode : public SourceNode {
 public:
  PaddleNode(Graph& graph, const paddle::OpDesc& desc, const std::string& name, int64_t version)
      : SourceNode(graph, name, name), op(desc), version_(version) {}

  const paddle::OpDesc& op;
  std::map<std::string, std::vector<TensorId>, std::less<>> operands;
  std::map<std::string, std::vector<TensorId>, std::less<>> results;  // by the output's parameter

  const std::string& type() const { return op.type(); }
  // Since 2.5 a scalar has rank 0; before it was a vector of one.
  bool has_scalars() const { return version_ >= 2005000; }

  // Attributes. A number may be stored as any of the numeric types; another type is a failure. `count` is the number of
  // elements that a list must have.
  bool has(std::string_view name) const { return find(name) != nullptr; }
  int64_t i(std::string_view name, int64_t otherwise);
  float f(std::string_view name, float otherwise);  // finite
  bool b(std::string_view name, bool otherwise) { return i(name, otherwise) != 0; }
  std::string s(std::string_view name, const std::string& otherwise);
  std::vector<int64_t> ints(std::string_view name, std::vector<int64_t> otherwise, int count = -1);
  std::vector<float> float_list(std::string_view name, std::vector<float> otherwise);
  // Fails unless the layout attribute says NCHW.
  void need_nchw();

  // Operands: the first (-1: absent) or all of a parameter.
  TensorId in(std::string_view parameter) const;
  const std::vector<TensorId>& all(std::string_view parameter) const;
  // A vector of integers given as one operand (`tensor`), as one operand an element (`list`), or as an attribute;
  // as a tensor in any case, or -1 where none of them is there.
  TensorId integers_of(std::string_view tensor, std::string_view list, std::string_view attribute);

  void result(std::string_view parameter, TensorId id) { results[std::string(parameter)].push_back(id); }
  // The largest magnitude that training saw of a tensor.
  void observe(TensorId t, float magnitude);
  // What the op says about the first of its results.
  void observe_result();

 private:
  const paddle::Attribute* find(std::string_view name) const;
  void wrong_type(std::string_view name);

  int64_t version_;
};

}  // namespace octet::convert
