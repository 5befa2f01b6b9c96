// What callers owe to kernels, as far as it can be seen from the arguments: kernels assert it. Defined in a file without
// flags of an instruction set, so that no copy of it needs that instruction set.
#pragma once
#include <cassert>

#include "kernels/kernels.h"

namespace octet::kernels {

bool owed(const ConvTile& tile, int conv_rows);
bool owed(const ConvTileF32& tile, int conv_rows);
bool owed(const Depthwise& d, int y_begin, int y_end);
bool owed(const DepthwiseF32& d, int y_begin, int y_end);
bool owed(const Pool& p, int y_begin, int y_end);
bool owed(const AveragePool& p, int y_begin, int y_end);
bool owed(const BinaryU8& b, bool is_add);
bool owed(const BilinearU8& b, int y_begin, int y_end);
bool owed(const BilinearF32& b, int x_begin, int x_end);
bool owed(const AffineF32& a);

}  // namespace octet::kernels
