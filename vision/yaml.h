// YAML with errors that name file and line.
#pragma once
#include <octet/octet.h>
#include <yaml-cpp/yaml.h>

#include <string>

#include "files/files.h"

namespace octet::vision {

// Calls `read`; what yaml-cpp throws there becomes an error about `path`.
template <class Read>
auto yaml_errors(const std::string& path, Read read) -> decltype(read()) {
  try {
    return read();
  } catch (const YAML::Exception& e) {
    return Error{Code::kBadFile, "'" + path + "': " + e.what()};
  }
}

// The document in a file, for `read` above to look at: yaml-cpp's own reading ends the process where the path is a folder.
inline Result<YAML::Node> load_yaml(const std::string& path) {
  const auto bytes = read_file(path);
  if (!bytes) return bytes.error();
  return YAML::Load(std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()));
}

template <class T>
T value_or(const YAML::Node& map, const char* key, const T& otherwise) {
  const YAML::Node node = map[key];
  return node && !node.IsNull() && !(node.IsScalar() && node.Scalar() == "None") ? node.as<T>() : otherwise;
}

}  // namespace octet::vision
