// How ops of Paddle 3's programs are written as the legacy ops that the importers know.
#pragma once
#include <span>
#include <string_view>

namespace octet::convert {

// `operands` in their order, a word each:
//   X        a tensor, of the legacy op's parameter X
//   X*       a list of tensors
//   shape=S  what was an attribute once: written as attribute `shape` where it is constant, else as parameter S (none: refused).
//            Files of some versions still have the attribute, and then no such operand
//   -        nothing that the legacy op has
// `results`: the legacy op's parameters, likewise; further ones are training's.
// `attributes`: their new names (perm>axis), and flags that are set (+lower). The new names hold for operands too.
struct PirOp {
  std::string_view name, legacy, operands, results = "Out", attributes = {};
};

std::span<const PirOp> pir_ops();
const PirOp* find_pir_op(std::string_view name);  // without the underscore of an op that works in place

}  // namespace octet::convert
