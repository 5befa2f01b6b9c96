// What the fuzz targets share: a file for the bytes of one attempt, and a run of a model that stays small.
#pragma once
#include <octet/octet.h>
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <random>
#include <span>
#include <string>

namespace octet::fuzz {

// Prints what is wrong and aborts: the fuzzer keeps the input.
[[noreturn]] void fail(const std::string& what);

// Writes the bytes to a file of this process' own, the same one each time; the path.
std::string file_of(std::span<const uint8_t> bytes, const char* ending);

// SessionOptions::memory_limit of every session here: what a model asks for beyond it is refused.
inline constexpr size_t kMemory = size_t{64} << 20;

// Of a session: as many as wanted, or one where OCTET_FUZZ_ONE_THREAD is set, as what several cover is not the same each time.
int threads(int wanted);

// Whether the prepared session runs in a fraction of a second.
bool small(const Session& session);

// A session of the model on inputs that follow from `seed`, dynamic sizes set to 8. True where it ran; false where the
// model cannot be prepared, or is too large to run in a fraction of a second.
bool prepare(Session& session, const Model& model, uint32_t seed);

// A mutator: half the time `change`, which alters the first `size` bytes of `data` with their form in mind and returns the new
// size (0: it cannot), else libFuzzer's own.
size_t mutate(std::span<uint8_t> data, size_t size, unsigned seed,
              size_t (*change)(std::span<uint8_t> data, size_t size, std::minstd_rand& random));

// What an input decides, byte by byte from its start; zeros past its end.
class Choices {
 public:
  explicit Choices(std::span<const uint8_t> bytes) : rest_(bytes) {}
  bool empty() const { return rest_.empty(); }

  template <class T>
  T any() {
    T value = 0;
    const size_t bytes = std::min(sizeof value, rest_.size());
    if (bytes > 0) std::memcpy(&value, rest_.data(), bytes);
    rest_ = rest_.subspan(bytes);
    return value;
  }
  bool flag() { return any<uint8_t>() % 2; }
  bool chance(int percent) { return range(0, 99) < percent; }
  template <class T>
  T range(T low, T high) {  // both included, less than 65,536 apart
    const auto span = static_cast<uint32_t>(high - low) + 1;
    return static_cast<T>(low + static_cast<T>((span > 256 ? any<uint16_t>() : any<uint8_t>()) % span));
  }
  template <class List>
  auto& one_of(List& list) {
    return list[range<size_t>(0, std::size(list) - 1)];
  }

 private:
  std::span<const uint8_t> rest_;
};

}  // namespace octet::fuzz
