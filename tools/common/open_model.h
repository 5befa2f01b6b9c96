// Opens a model file of any kind that Octet reads.
#pragma once
#include <octet/octet.h>
#include <span>
#include <string>

namespace octet {

struct NamedShape;

// An .octet file is mapped; any other is given to the converter, in memory, with the sizes of its dynamic inputs.
Result<Model> open_model(const std::string& path, std::span<const NamedShape> shapes = {});
size_t file_bytes(const std::string& path);  // 0 where there is no file

}  // namespace octet
