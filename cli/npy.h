// NumPy's .npy files, format 1.0 to 3.0: what octet-run reads and writes.
#pragma once
#include <octet/octet.h>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace octet::npy {

// Dense and row-major. Floats become 32-bit ones as they are read, other integers than DType's the next wider ones.
struct Array {
  DType dtype = DType::kF32;
  Shape shape;
  std::vector<std::byte> data;
};

// `name` stands for the file in messages. Fortran order, big-endian numbers and other types are refused.
Result<Array> parse(std::span<const std::byte> file, const std::string& name);
Result<Array> read(const std::string& path);

// The elements as another type where every value survives: small integers as floats, integers as wider or (checked)
// narrower ones.
Result<Array> convert(Array array, DType to, const std::string& name);

// The bytes of a file of format 1.0, as numpy.save writes it.
std::vector<std::byte> format(DType dtype, const Shape& shape, std::span<const std::byte> data);

// A file name without the ending for a tensor's name: what is not a letter, a digit, '.', '-' or '_' becomes '_'.
std::string file_stem(std::string_view tensor_name);
// One for each of several, no two alike: names that a file can have keep them, others that come to the same get a number.
std::vector<std::string> file_stems(std::span<const std::string_view> tensor_names);

}  // namespace octet::npy
