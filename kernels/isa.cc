// The tables of the instruction sets, completed from their rows, and the choice among them.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "kernels/isa/row.h"

namespace octet::kernels {
namespace {

struct Tables {
  std::vector<Isa> isas;
  std::vector<const Isa*> best_first;

  Tables() {
    for (const IsaRow* row : isa_rows()) isas.push_back(complete(*row));
    for (const Isa& isa : isas) best_first.push_back(&isa);
  }
};

const Isa* find(const char* name) {
  for (const Isa* isa : all_isas()) {
    if (std::strcmp(isa->name, name) == 0) return isa;
  }
  return nullptr;
}

const Isa* best() {
  const char* wanted = std::getenv("OCTET_CPU");
  if (wanted && !isa_choice_error()) return find(wanted);
  for (const Isa* isa : all_isas()) {
    if (supported(*isa)) return isa;
  }
  return all_isas().back();
}

}  // namespace

Isa complete(const IsaRow& row) {
  Isa isa = row.slower ? complete(*row.slower) : Isa{};
  isa.name = row.name;
  if (row.vectors) static_cast<VectorKernels&>(isa) = *row.vectors;
  if (row.gemm_s8) isa.gemm_s8 = *row.gemm_s8;
  isa.gemm_wide = row.gemm_wide ? *row.gemm_wide : GemmS8{};
  isa.gemm_tiles = row.gemm_tiles ? *row.gemm_tiles : GemmS8{};
  if (row.depthwise_s8) isa.depthwise_s8 = *row.depthwise_s8;
  if (row.winograd_s8) isa.winograd_s8 = *row.winograd_s8;
  isa.needs = isa.vectors_need | isa.gemm_s8.needs | isa.gemm_wide.needs | isa.gemm_tiles.needs |
              isa.depthwise_s8.needs | isa.winograd_s8.needs;
  return isa;
}

void widen_weights(const int8_t* packed, int64_t count, int16_t* wide) {
  constexpr int64_t kUnit = kBlock * kGroup;
  for (int64_t unit = 0; unit < count; unit += kUnit) {
    for (int64_t i = 0; i < kUnit; ++i) {
      const int64_t n = i / kGroup, c = i % kGroup;
      wide[unit + c / 2 * (kUnit / 2) + n * 2 + c % 2] = packed[unit + i];
    }
  }
}

std::span<const Isa* const> all_isas() {
  static const Tables tables;
  return tables.best_first;
}

bool supported(const Isa& isa) {
  if ((isa.needs & cpu_features()) != isa.needs) return false;
  return !(isa.needs & kAmx) || tiles_permitted();
}

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
