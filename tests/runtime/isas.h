// The instruction sets that layers are tested on: what this CPU has, and what the test is linked to have emulated.
#pragma once
#include <vector>

#include "kernels/kernels.h"
#ifdef OCTET_EMULATED
#include "tests/kernels/emulated/emulated.h"
#endif

namespace octet {

inline std::vector<const kernels::Isa*> isas() {
  std::vector<const kernels::Isa*> all;
  for (const kernels::Isa* isa : kernels::all_isas())
    if (kernels::supported(*isa)) all.push_back(isa);
#ifdef OCTET_EMULATED
  for (const kernels::Isa* isa : kernels::emulated_isas()) all.push_back(isa);
#endif
  return all;
}

}  // namespace octet
