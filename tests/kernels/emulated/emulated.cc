#include "tests/kernels/emulated/emulated.h"

#include <string_view>

#include "kernels/isa/row.h"

namespace octet::kernels {

extern const IsaRow kEmulatedAmx, kEmulatedAvx512Vnni, kEmulatedAvxVnni, kIsaAvx512Vnni;

namespace {
bool native(std::string_view name) {
  for (const Isa* isa : all_isas())
    if (isa->name == name) return supported(*isa);
  return false;
}

// What is no tile's is the CPU's own where it can be.
Isa amx() {
  IsaRow row = kEmulatedAmx;
  if (native("avx512vnni")) row.slower = &kIsaAvx512Vnni;
  return complete(row);
}
}  // namespace

std::vector<const Isa*> emulated_isas() {
  static const Isa kAll[] = {amx(), complete(kEmulatedAvx512Vnni), complete(kEmulatedAvxVnni)};
  std::vector<const Isa*> isas;
  for (const Isa& isa : kAll)
    if (native("avx2") && !native(isa.name)) isas.push_back(&isa);
  return isas;
}

}  // namespace octet::kernels
