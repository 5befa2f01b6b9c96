// Writes small Paddle programs as files, and runs what the importer makes of them.
#include "tests/converter/paddle/rig.h"

#include <cmath>
#include <cstdlib>
#include <fstream>

namespace octet::convert {

void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

TempModel::TempModel(const std::string& program, const std::string& parameters) : file(program, "model.pdmodel") {
  write_file(file.folder / "model.pdiparams", parameters);
}

Result<Graph> import(const TestProgram& program, const ConvertOptions& options) {
  const TempModel model(program);
  return import_paddle(model.folder(), options);
}

std::vector<float> results(const TestProgram& program, const std::vector<Shape>& sizes) {
  auto graph = import(program);
  if (!graph) return ADD_FAILURE() << graph.error().text, std::vector<float>{};
  const std::vector<float> before = run(*graph, sizes);
  auto done = run_passes(*graph);
  if (!done) return ADD_FAILURE() << done.error().text, std::vector<float>{};
  std::vector<float> after = run(*graph, sizes);
  EXPECT_EQ(before.size(), after.size());
  for (size_t i = 0; i < std::min(before.size(), after.size()); ++i)
    EXPECT_NEAR(before[i], after[i], 1e-5f * std::max(1.0f, std::fabs(before[i]))) << i << "\n" << dump(*graph);
  return after;
}

std::vector<float> input_values(size_t count) {
  std::vector<float> values;
  uint32_t seed = 7;
  for (size_t i = 0; i < count; ++i) {
    seed = seed * 1664525 + 1013904223;
    values.push_back(static_cast<float>(seed >> 8) / (1 << 22) - 2);
  }
  return values;
}

std::optional<std::string> shared_file(const std::string& name) {
  const char* given = std::getenv("OCTET_TEST_DATA");
  const std::string path = (given ? given : std::string(OCTET_SOURCE_DIR) + "/../shared") + "/" + name;
  std::error_code failed;
  if (std::filesystem::exists(path, failed)) return path;
  return std::nullopt;
}

}  // namespace octet::convert
