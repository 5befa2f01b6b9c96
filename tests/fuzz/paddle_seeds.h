// Seeds of the Paddle importer's fuzz targets, one for each form of programs, and how a program and its parameters are one input.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>

namespace octet::fuzz {

// The program's size in 4 bytes, the program, the parameters.
struct PaddleInput {
  std::string program, parameters;

  static PaddleInput of(std::span<const uint8_t> bytes) {
    uint32_t size = 0;
    if (bytes.size() < sizeof size) return {};
    std::memcpy(&size, bytes.data(), sizeof size);
    bytes = bytes.subspan(sizeof size);
    const size_t split = std::min<size_t>(size, bytes.size());
    const auto text = [](std::span<const uint8_t> b) { return std::string(b.begin(), b.end()); };
    return {text(bytes.first(split)), text(bytes.subspan(split))};
  }
  std::string bytes() const {
    const auto size = static_cast<uint32_t>(program.size());
    return std::string(reinterpret_cast<const char*>(&size), sizeof size) + program + parameters;
  }
};

void write_paddle_seeds(const std::filesystem::path& folder);
void write_pir_seeds(const std::filesystem::path& folder);

}  // namespace octet::fuzz
