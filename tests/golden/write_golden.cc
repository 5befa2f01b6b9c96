// write_golden FOLDER: writes the golden files that are missing there, and their lines in hashes.txt. What is there stays as it
// is: a golden file's bytes and outputs never change.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/golden/models.h"
#include "tests/golden/output_hash.h"

namespace octet::golden {
namespace {

Result<std::string> line(const Model& model, const std::string& name, Precision precision) {
  const auto hash = output_hash(model, precision, 1);
  if (!hash) return hash.error();
  std::ostringstream out;
  out << name << (precision == Precision::kInt8 ? " int8 " : " f32 ") << std::hex << *hash << "\n";
  return out.str();
}

Result<std::string> write(const std::filesystem::path& path, const NamedModel& golden) {
  const std::vector<std::byte> bytes = golden.build().finish();
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  auto model = Model::map(path.string());
  if (!model) return model.error();
  auto lines = line(*model, golden.name, Precision::kF32);
  if (!lines || !model->quantized()) return lines;
  auto int8 = line(*model, golden.name, Precision::kInt8);
  if (!int8) return int8;
  return *lines + *int8;
}

int write_missing(const std::filesystem::path& folder) {
  for (const auto& list : {conv_models(), math_models(), move_models(), detection_models()})
    for (const NamedModel& golden : list) {
      const auto path = folder / (std::string(golden.name) + ".octet");
      if (std::filesystem::exists(path)) continue;
      const auto lines = write(path, golden);
      if (!lines) {
        std::cerr << "write_golden: " << golden.name << ": " << lines.error().text << "\n";
        std::filesystem::remove(path);
        return 1;
      }
      std::ofstream(folder / "hashes.txt", std::ios::app) << *lines;
      std::cout << path.string() << "\n";
    }
  return 0;
}

}  // namespace
}  // namespace octet::golden

int main(int argc, char** argv) {
  if (argc != 2 || !std::filesystem::is_directory(argv[1])) {
    std::cerr << "usage: write_golden FOLDER\n";
    return 2;
  }
  return octet::golden::write_missing(argv[1]);
}
