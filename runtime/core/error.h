// Small pieces for Result: building an error's text, passing an error on.
#pragma once
#include <octet/octet.h>
#include <sstream>
#include <string>

namespace octet {

// error(Code::kBadModel, "conv2d '", name, "': 0 groups")
template <class... Parts>
Error error(Code code, const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return {code, text.str()};
}

// Returns the error of a Result from the calling function.
#define OCTET_TRY(expression)                                                                     \
  do {                                                                                            \
    if (auto octet_try_result = (expression); !octet_try_result) return octet_try_result.error(); \
  } while (false)

// Product of sizes that come from a file; false on overflow or a negative factor.
[[nodiscard]] inline bool checked_mul(int64_t a, int64_t b, int64_t* product) {
  return a >= 0 && b >= 0 && !__builtin_mul_overflow(a, b, product);
}

}  // namespace octet
