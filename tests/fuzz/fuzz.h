// What the fuzz targets share: a file for the bytes of one attempt, and a run of a model that stays small.
#pragma once
#include <octet/octet.h>
#include <cstdint>
#include <random>
#include <span>
#include <string>

namespace octet::fuzz {

// Prints what is wrong and aborts: the fuzzer keeps the input.
[[noreturn]] void fail(const std::string& what);

// Writes the bytes to a file of this process' own, the same one each time; the path.
std::string file_of(std::span<const uint8_t> bytes, const char* ending);

// A session of the model on inputs that follow from `seed`, dynamic sizes set to 8. True where it ran; false where the
// model cannot be prepared, or is too large to run in a fraction of a second.
bool prepare(Session& session, const Model& model, uint32_t seed);

// A mutator: half the time `change`, which alters the first `size` bytes of `data` with their form in mind and returns the new
// size (0: it cannot), else libFuzzer's own.
size_t mutate(std::span<uint8_t> data, size_t size, unsigned seed,
              size_t (*change)(std::span<uint8_t> data, size_t size, std::minstd_rand& random));

}  // namespace octet::fuzz
