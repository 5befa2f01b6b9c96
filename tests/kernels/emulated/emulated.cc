#include "tests/kernels/emulated/emulated.h"

#include <string_view>

#include "kernels/isa/row.h"

namespace octet::kernels {

extern const IsaRow kEmulatedAvx512Vnni, kEmulatedAvxVnni;

namespace {
bool native(std::string_view name) {
  for (const Isa* isa : all_isas())
    if (isa->name == name) return supported(*isa);
  return false;
}
}  // namespace

std::vector<const Isa*> emulated_isas() {
  static const Isa kAll[] = {complete(kEmulatedAvx512Vnni), complete(kEmulatedAvxVnni)};
  std::vector<const Isa*> isas;
  for (const Isa* isa : {&kAll[0], &kAll[1]})
    if (native("avx2") && !native(isa->name)) isas.push_back(isa);
  return isas;
}

}  // namespace octet::kernels
