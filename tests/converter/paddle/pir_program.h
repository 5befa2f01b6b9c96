// Builds small programs in Paddle 3's form (PIR), with their parameters.
#pragma once
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace octet::convert {

using Json = nlohmann::json;
using Ids = std::vector<int64_t>;
using Dims = std::vector<int64_t>;

// Typed attributes.
Json pir_int(int64_t v);
Json pir_float(double v);
Json pir_flag(bool v);
Json pir_text(const std::string& v);
Json pir_ints(const Dims& v);
Json pir_floats(const std::vector<double>& v);
Json pir_dtype(const std::string& name);
Json pir_tensor(const std::string& element, const Dims& dims);  // a type

// A program on the way: calls return the new value's number.
struct TestPir {
  using Attributes = std::map<std::string, Json>;

  int64_t input(const std::string& name, const Dims& dims, const std::string& element = "f32");
  int64_t floats(const Dims& dims, const std::vector<float>& values, const std::string& name = "");
  int64_t bytes(const Dims& dims, const std::vector<int8_t>& values);  // weights of int8
  int64_t random(const Dims& dims);                                    // fixed values in [-1, 1)
  // Of dialect 1, where the name has none. The first of `count` results.
  int64_t op(const std::string& name, const Ids& operands, const Attributes& attributes = {}, int64_t count = 1);
  int64_t list(const std::string& name, const Ids& operands, int64_t size, const Attributes& attributes = {});
  int64_t full(double value, const Dims& dims = {1}, const std::string& dtype = "float32");
  int64_t integers(const Dims& values);
  int64_t combine(const Ids& values) { return list("0.combine", values, static_cast<int64_t>(values.size())); }
  // Results of an `if`: each function writes a branch and returns what it yields.
  template <class Then, class Else>
  int64_t branch(int64_t condition, Then then, Else otherwise) {
    const int64_t made = next_++;
    Json regions = {region(then), region(otherwise)};
    ops.push_back({{"#", "1.if"},
                   {"I", operands_of({condition})},
                   {"O", Json::array({result(made)})},
                   {"A", Json::array()},
                   {"regions", regions}});
    return made;
  }
  void output(int64_t value, const std::string& name = "");

  Json program(int version = 1) const;
  std::string program_bytes() const { return program().dump(); }
  std::string parameter_bytes() const;  // sorted by name

  Json ops = Json::array();
  std::map<std::string, std::string> records;

 private:
  static Json operands_of(const Ids& ids);
  static Json result(int64_t id) { return {{"%", id}, {"TT", pir_tensor("f32", {-1})}}; }
  int64_t parameter(const Dims& dims, int32_t type, const std::string& raw, std::string name);
  template <class Branch>
  Json region(Branch write) {
    Json outer = std::exchange(ops, Json::array());
    const Ids yielded = write();
    ops.push_back({{"#", "2.yield"}, {"I", operands_of(yielded)}, {"O", Json::array()}, {"A", Json::array()}});
    Json inner = std::exchange(ops, std::move(outer));
    const Json block = {{"#", "block_0"}, {"args", Json::array()}, {"ops", inner}};
    return {{"#", "region_0"}, {"blocks", Json::array({block})}};
  }

  int64_t next_ = 1;
  int outputs_ = 0;
  uint32_t seed_ = 1;
};

}  // namespace octet::convert
