// Puts the emulated instruction set that OCTET_EMULATED_CPU names in the place of the CPU's best. For programs that are linked with
// --wrap of best_isa().
#include <cstdlib>
#include <string_view>

#include "tests/kernels/emulated/emulated.h"

namespace octet::kernels {

// The names that the linker gives to best_isa() and to what stands in its place.
const Isa& real_best_isa() __asm__("__real__ZN5octet7kernels8best_isaEv");
const Isa& wrapped_best_isa() __asm__("__wrap__ZN5octet7kernels8best_isaEv");

const Isa& wrapped_best_isa() {
  static const Isa* const chosen = [] {
    const char* name = std::getenv("OCTET_EMULATED_CPU");
    for (const Isa* isa : emulated_isas())
      if (name && std::string_view(isa->name) == name) return isa;
    return &real_best_isa();
  }();
  return *chosen;
}

}  // namespace octet::kernels
