// Any bytes as an .octet file: it is refused, or it loads, prepares and runs in every precision.
#include <cstring>
#include <vector>

#include "tests/fuzz/change_octet.h"
#include "tests/fuzz/fuzz.h"

namespace octet::fuzz {
namespace {

void try_file(std::span<const uint8_t> data) {
  std::vector<std::byte> file(data.size());
  if (!data.empty()) std::memcpy(file.data(), data.data(), data.size());
  rehash(file);
  const auto model = Model::from_bytes(file, "fuzz.octet");
  if (!model) return;
  for (const Precision precision : {Precision::kInt8, Precision::kF32}) {
    auto session = Session::create(*model, {.precision = precision, .memory_limit = kMemory, .use_onednn = false});
    if (session && prepare(*session, *model, 1)) (void)session->run();
  }
}

}  // namespace
}  // namespace octet::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return octet::fuzz::mutate({data, max_size}, size, seed, octet::fuzz::change_octet);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  octet::fuzz::try_file({data, size});
  return 0;
}
