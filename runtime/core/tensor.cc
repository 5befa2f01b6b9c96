// Shapes and element types.
#include <octet/octet.h>

namespace octet {

size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
    case DType::kS32:
      return 4;
    case DType::kS64:
      return 8;
    default:
      return 1;
  }
}

const char* name_of(DType dtype) {
  constexpr const char* kNames[] = {"f32", "u8", "s8", "s32", "s64", "bool"};
  return kNames[static_cast<int>(dtype)];
}

Shape::Shape(std::span<const int64_t> dims) {
  for (int64_t d : dims) push_back(d);
}

int64_t Shape::elements() const {
  int64_t n = 1;
  for (int64_t d : *this)
    if (d < 0 || __builtin_mul_overflow(n, d, &n)) return -1;
  return n;
}

bool Shape::operator==(const Shape& other) const {
  if (rank_ != other.rank_) return false;
  for (int i = 0; i < rank_; ++i)
    if ((*this)[i] != other[i]) return false;
  return true;
}

std::string Shape::text() const {
  std::string s = "{";
  for (int i = 0; i < rank_; ++i) s += (i ? ", " : "") + std::to_string((*this)[i]);
  return s + "}";
}

}  // namespace octet
