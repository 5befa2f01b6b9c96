// An attribute of an op in a test's model, whatever its format.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace octet::convert {

struct Attr {
  std::string name;
  std::vector<int64_t> ints;  // one attribute INTS, or INT where `scalar`
  std::vector<float> floats;  // likewise
  std::string text;
  bool scalar = false;
};
inline Attr attr(std::string name, std::vector<int64_t> v) { return {.name = std::move(name), .ints = std::move(v)}; }
inline Attr float_list(std::string name, std::vector<float> v) {
  return {.name = std::move(name), .ints = {}, .floats = std::move(v)};
}
inline Attr attr(std::string name, int v) { return {.name = std::move(name), .ints = {v}, .scalar = true}; }
inline Attr attr(std::string name, float v) { return {.name = std::move(name), .floats = {v}, .scalar = true}; }
inline Attr attr(std::string name, const char* v) { return {.name = std::move(name), .text = v}; }

}  // namespace octet::convert
