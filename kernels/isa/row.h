// An instruction set as its file states it: rows of kernels, all data, since nothing of that file may run before the CPU is
// known to have its instructions. What it does not speed up is the next slower one's.
#pragma once
#include "kernels/kernels.h"

namespace octet::kernels {

struct IsaRow {
  const char* name;
  const IsaRow* slower = nullptr;  // whose rows stand for those that are null here; null: all are given
  const GemmS8* gemm_s8 = nullptr;
  const GemmS8* gemm_wide = nullptr;   // null: none, whatever the slower one has
  const GemmS8* gemm_tiles = nullptr;  // likewise
  const DepthwiseS8* depthwise_s8 = nullptr;
  const WinogradS8* winograd_s8 = nullptr;
  const VectorKernels* vectors = nullptr;
};

std::span<const IsaRow* const> isa_rows();  // of this build, best first: generated from the lines in CMakeLists.txt
Isa complete(const IsaRow& row);

}  // namespace octet::kernels
