// How a layer may be computed: one row for each algorithm, from its own file, collected by CMake. The cheapest that fits does it.
#pragma once
#include <span>

#include "runtime/ops/conv/conv2d.h"

namespace octet::conv {

struct Algorithm {
  const char* name;                  // as in OCTET_CONV
  const char* unit;                  // as in StepProfile
  double products = 1;               // for each of the layer's
  const Packing* packing = nullptr;  // of its weights, memory for as long as a plan uses them; null: as they are mapped
  // `packing` is worth its memory only where there is enough: the plan decides, see Offer in core/op.h.
  bool optional = false;
  bool (*fits)(const Layer& layer) = nullptr;
  // Estimated cycles of one core, from a fixed model: the same choice on every run. All say the same of the same work, so
  // that they can be compared; a layer knows its instruction set and number of threads.
  double (*cost)(const Layer& layer) = nullptr;
  size_t (*room)(const Layer& layer) = nullptr;  // bytes that preparing takes beside `packing`; null: few
  // Fills layer.p.step, its scratch memory included. False: it cannot after all, the step is as it was.
  bool (*prepare)(const Layer& layer, Weights weights) = nullptr;
};

std::span<const Algorithm* const> algorithms();  // generated from the files in this folder

// Those that fit, cheapest first, of the optional ones those that the plan has memory for; before them the one that the
// environment variable OCTET_CONV names, for tests and measurements. It is read once.
std::vector<const Algorithm*> candidates(const Layer& layer);
bool prepare_by(const Algorithm& algorithm, const Layer& layer);

}  // namespace octet::conv
