// Puts the emulated instruction set that OCTET_EMULATED_CPU names in the place of the CPU's best. For programs that are linked with
// --wrap of best_isa().
#include <cstdlib>
#include <string_view>

#include "tests/kernels/emulated/emulated.h"

extern "C" const octet::kernels::Isa& __real__ZN5octet7kernels8best_isaEv();

extern "C" const octet::kernels::Isa& __wrap__ZN5octet7kernels8best_isaEv() {
  static const octet::kernels::Isa* const chosen = [] {
    const char* name = std::getenv("OCTET_EMULATED_CPU");
    for (const octet::kernels::Isa* isa : octet::kernels::emulated_isas())
      if (name && std::string_view(isa->name) == name) return isa;
    return &__real__ZN5octet7kernels8best_isaEv();
  }();
  return *chosen;
}
