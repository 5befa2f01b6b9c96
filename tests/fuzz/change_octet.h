// The mutation of .octet files that their targets share.
#pragma once
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>

namespace octet::fuzz {

// The checksums made right, so that damage behind them meets the other checks. False: the header is not one.
bool rehash(std::span<std::byte> file);

// For mutate(): alters what the graph says.
size_t change_octet(std::span<uint8_t> data, size_t size, std::minstd_rand& random);

}  // namespace octet::fuzz
