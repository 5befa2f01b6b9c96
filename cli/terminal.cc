#include "cli/terminal.h"

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>

namespace octet {
namespace {

// Bytes of the UTF-8 character at the front; 0: it is none.
size_t character(std::string_view text, uint32_t* code) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  const size_t bytes = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
  if (bytes == 0 || bytes > text.size()) return 0;
  *code = bytes == 1 ? first : first & (0x7F >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if (byte(i) >> 6 != 2) return 0;
    *code = *code << 6 | (byte(i) & 0x3F);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800,
                                 0x10000};  // a longer spelling than needed could hide a control character
  return *code >= kLeast[bytes] && *code <= 0x10FFFF ? bytes : 0;
}

bool steers(uint32_t code) {
  const bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
  const bool direction = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
  return control || direction || code == 0x2028 || code == 0x2029;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    uint32_t code = 0;
    const size_t bytes = character(text, &code);
    if (bytes && !steers(code)) {
      out += text.substr(0, bytes);
    } else {
      for (const char c : text.substr(0, bytes ? bytes : 1)) {
        char escaped[8];
        std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned>(static_cast<uint8_t>(c)));
        out += escaped;
      }
    }
    text.remove_prefix(bytes ? bytes : 1);
  }
  return out;
}

int finished(const char* program, int code) {
  errno = 0;
  std::cout.flush();
  if (std::fflush(stdout) == 0 && !std::ferror(stdout) && std::cout) return code;
  const char* why = errno ? std::strerror(errno) : "an earlier line was lost";
  std::cerr << program << ": standard output: cannot write: " << why << '\n';
  return code ? code : 1;
}

}  // namespace octet
