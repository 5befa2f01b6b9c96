// bool_model FILE: writes a model whose input and output are not floats, which the embedding samples must refuse in words.
#include <fstream>

#include "tests/runtime/build_model.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  octet::ModelBuilder b;
  const int x = b.input("x", {1, 8}, octet::schema::DType::boolean),
            y = b.tensor("y", {1, 8}, octet::schema::DType::s64);
  octet::schema::CastT cast;
  cast.to = octet::schema::DType::s64;
  b.node("y", cast, {x}, y);
  b.model.outputs = {y};
  const auto bytes = b.finish();
  std::ofstream file(argv[1], std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return file ? 0 : 1;
}
