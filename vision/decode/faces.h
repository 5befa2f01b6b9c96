// Rows of an output of a face detector, whatever the number of its axes.
#pragma once
#include <optional>

#include "vision/decode/forms.h"

namespace octet::vision {

struct FaceRows {
  const float* data = nullptr;
  size_t rows = 0, columns = 0;
  const float* operator[](size_t i) const { return data + i * columns; }
};

// Of picture `index`: {n, rows, columns}, or {rows, columns} where there is no batch.
std::optional<FaceRows> face_rows(const Tensor& t, int index);

// Outputs of one width, the finest grid first; nothing where one is no matrix.
std::vector<FaceRows> face_rows_of(const Outputs& outputs, size_t columns);

}  // namespace octet::vision
