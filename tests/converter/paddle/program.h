// Builds small Paddle programs with their parameters.
#pragma once
#include <map>

#include "paddle.pb.h"
#include "tests/converter/attr.h"

namespace octet::convert {

using Names = std::vector<std::string>;
struct Arguments {
  std::string parameter;
  Names names;
};

// A program on the way: each call returns the new variable's name.
struct TestProgram {
  explicit TestProgram(int64_t version = 2004000);
  std::string input(const std::string& name, const std::vector<int64_t>& dims, int32_t type = 5);
  std::string floats(const std::vector<int64_t>& dims, const std::vector<float>& values, const std::string& name = "");
  std::string random(const std::vector<int64_t>& dims);   // fixed values in [-1, 1)
  std::string longs(const std::vector<int64_t>& values);  // a vector
  std::string int8s(const std::vector<int64_t>& dims, const std::vector<int8_t>& values);
  // The op's first output; more of them as `outputs` says.
  std::string op(const std::string& type, const std::vector<Arguments>& inputs, const std::vector<Attr>& attrs = {},
                 const std::string& output = "Out");
  Names ops(const std::string& type, const std::vector<Arguments>& inputs, const std::string& output, int count,
            const std::vector<Attr>& attrs = {});
  std::string conv(const std::string& x, const std::string& filter, int pad = 0, int stride = 1, int groups = 1);
  void output(const std::string& name);

  std::string program_bytes() const { return proto.SerializeAsString(); }
  std::string parameter_bytes() const;  // combined: sorted by name

  paddle::ProgramDesc proto;
  std::map<std::string, std::string> records;

 private:
  std::string parameter(const std::vector<int64_t>& dims, int32_t type, const std::string& raw, std::string name);
  paddle::BlockDesc& block() { return *proto.mutable_blocks(0); }
  std::string fresh(const std::string& stem) { return stem + "_" + std::to_string(++count_); }
  int count_ = 0, feeds_ = 0, fetches_ = 0;
  uint32_t seed_ = 1;
};

Attr flag(std::string name, bool v);
std::string tensor_record(int32_t type, const std::vector<int64_t>& dims, const std::string& raw);

}  // namespace octet::convert
