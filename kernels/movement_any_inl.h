// Transposes, argmax and tables where an ISA has none of its own.
#pragma once
#include "kernels/reference.h"

namespace octet::kernels {
namespace {

using reference::argmax_u8;
using reference::transpose_32;
using reference::transpose_8;

}  // namespace
}  // namespace octet::kernels
