// The mutation of ONNX files that their targets share.
#pragma once
#include <cstdint>
#include <random>
#include <span>

namespace octet::fuzz {

// For mutate(): alters what the graph says.
size_t change_onnx(std::span<uint8_t> data, size_t size, std::minstd_rand& random);

}  // namespace octet::fuzz
