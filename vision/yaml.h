// YAML with errors that name file and line.
#pragma once
#include <octet/octet.h>
#include <yaml-cpp/yaml.h>

#include <string>

namespace octet::vision {

// Calls `read`; what yaml-cpp throws there becomes an error about `path`.
template <class Read>
auto yaml_errors(const std::string& path, Read read) -> decltype(read()) {
  try {
    return read();
  } catch (const YAML::BadFile&) {
    return Error{Code::kIo, "'" + path + "': cannot be read"};
  } catch (const YAML::Exception& e) {
    return Error{Code::kBadFile, "'" + path + "': " + e.what()};
  }
}

template <class T>
T value_or(const YAML::Node& map, const char* key, const T& otherwise) {
  const YAML::Node node = map[key];
  return node && !node.IsNull() && !(node.IsScalar() && node.Scalar() == "None") ? node.as<T>() : otherwise;
}

}  // namespace octet::vision
