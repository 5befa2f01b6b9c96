// Which tables are compiled in, and the choice among them.
#include <cstdlib>
#include <cstring>
#include <iterator>

#include "kernels/isa/tables.h"

namespace octet::kernels {
namespace {

constexpr const Isa* kAll[] = {
#if defined(OCTET_HAVE_AVX512VNNI)
    &kIsaAvx512Vnni,
#endif
#if defined(OCTET_HAVE_AVXVNNI)
    &kIsaAvxVnni,
#endif
#if defined(OCTET_HAVE_AVX2)
    &kIsaAvx2,
#endif
#if defined(OCTET_HAVE_I8MM)
    &kIsaI8mm,
#endif
#if defined(OCTET_HAVE_DOTPROD)
    &kIsaDotprod,
#endif
#if defined(OCTET_HAVE_NEON)
    &kIsaNeon,
#endif
    &kIsaScalar,
};

const Isa* find(const char* name) {
  for (const Isa* isa : kAll) {
    if (std::strcmp(isa->name, name) == 0) return isa;
  }
  return nullptr;
}

const Isa* best() {
  const char* wanted = std::getenv("OCTET_CPU");
  if (wanted && !isa_choice_error()) return find(wanted);
  for (const Isa* isa : kAll) {
    if (supported(*isa)) return isa;
  }
  return &kIsaScalar;
}

}  // namespace

std::span<const Isa* const> all_isas() { return {kAll, std::size(kAll)}; }

bool supported(const Isa& isa) { return (isa.needs & cpu_features()) == isa.needs; }

const Isa& best_isa() {
  static const Isa* const chosen = best();
  return *chosen;
}

const char* isa_choice_error() {
  const char* wanted = std::getenv("OCTET_CPU");
  if (!wanted) return nullptr;
  const Isa* isa = find(wanted);
  if (!isa) return "OCTET_CPU names no instruction set of this build";
  return supported(*isa) ? nullptr : "OCTET_CPU names an instruction set that this CPU lacks";
}

}  // namespace octet::kernels
