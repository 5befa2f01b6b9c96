// Any bytes as an ONNX file: the converter refuses it, or writes a file that loads.
#include <octet/convert.h>

#include "tests/fuzz/change_onnx.h"
#include "tests/fuzz/fuzz.h"

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return octet::fuzz::mutate({data, max_size}, size, seed, octet::fuzz::change_onnx);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace octet;
  const auto bytes = convert_model(fuzz::file_of({data, size}, ".onnx"));
  if (!bytes) return 0;
  const auto model = Model::from_bytes(*bytes, "converted");
  if (!model) fuzz::fail("the converter wrote what the loader refuses: " + model.error().text);
  auto session =
      Session::create(*model, {.precision = Precision::kF32, .memory_limit = fuzz::kMemory, .use_onednn = false});
  if (session && fuzz::prepare(*session, *model, 1)) (void)session->run();
  return 0;
}
