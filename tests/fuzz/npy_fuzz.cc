// Any bytes as a .npy file: it is refused, or it converts, and is the same again when it was written and read.
#include "cli/npy.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace octet;
  const auto array = npy::parse(std::as_bytes(std::span(data, size)), "fuzz.npy");
  if (!array) return 0;
  const auto again = npy::parse(npy::format(array->dtype, array->shape, array->data), "again.npy");
  if (!again) fuzz::fail("what was written is refused: " + again.error().text);
  if (again->dtype != array->dtype || again->shape != array->shape || again->data != array->data)
    fuzz::fail("what was written reads as something else");
  for (const DType to : {DType::kF32, DType::kU8, DType::kS8, DType::kS32, DType::kS64, DType::kBool}) {
    const auto converted = npy::convert(*array, to, "fuzz.npy");
    if (converted && converted->data.size() != static_cast<size_t>(array->shape.elements()) * size_of(to))
      fuzz::fail("conversion loses elements");
  }
  return 0;
}
