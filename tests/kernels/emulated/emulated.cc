#include "tests/kernels/emulated/emulated.h"

#include <string_view>

namespace octet::kernels {

extern const Isa kEmulatedAvx512Vnni, kEmulatedAvxVnni;

namespace {
bool native(std::string_view name) {
  for (const Isa* isa : all_isas())
    if (isa->name == name) return supported(*isa);
  return false;
}
}  // namespace

std::vector<const Isa*> emulated_isas() {
  std::vector<const Isa*> isas;
  for (const Isa* isa : {&kEmulatedAvx512Vnni, &kEmulatedAvxVnni})
    if (native("avx2") && !native(isa->name)) isas.push_back(isa);
  return isas;
}

}  // namespace octet::kernels
