// Builds small Paddle programs with their parameters, writes them as files, and runs what the importer makes of them.
#pragma once
#include <map>

#include "converter/import/paddle.h"
#include "paddle.pb.h"
#include "tests/converter/rig.h"

namespace octet::convert {

using Names = std::vector<std::string>;
struct Arguments {
  std::string parameter;
  Names names;
};

// A program on the way. Attributes are the rig's; `flag` is a boolean one.
struct TestProgram {
  explicit TestProgram(int64_t version = 2004000);
  std::string input(const std::string& name, const std::vector<int64_t>& dims, int32_t type = 5);
  std::string floats(const std::vector<int64_t>& dims, const std::vector<float>& values, const std::string& name = "");
  std::string random(const std::vector<int64_t>& dims);  // fixed values in [-1, 1)
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
void write_file(const std::filesystem::path& path, const std::string& bytes);

// A folder with model.pdmodel and model.pdiparams that vanishes with the test.
struct TempModel {
  TempModel(const std::string& program, const std::string& parameters);
  explicit TempModel(const TestProgram& p) : TempModel(p.program_bytes(), p.parameter_bytes()) {}
  std::string folder() const { return file.folder.string(); }
  TempFile file;
};

Result<Graph> import(const TestProgram& program, const ConvertOptions& options = {});
// Imports, and runs before and after the passes, which must agree.
std::vector<float> results(const TestProgram& program, const std::vector<Shape>& sizes = {});
// What run() gives the first input of that many elements.
std::vector<float> input_values(size_t count);

// Where the shared test files lie; nothing where they are missing.
std::optional<std::string> shared_file(const std::string& name);

}  // namespace octet::convert
