// Writes small Paddle programs as files, and runs what the importer makes of them.
#pragma once
#include "converter/import/paddle/import.h"
#include "tests/converter/paddle/program.h"
#include "tests/converter/rig.h"

namespace octet::convert {

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
