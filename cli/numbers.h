// Numbers of the command line: all of the word, in range, or the message says what is wanted.
#pragma once
#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <sstream>
#include <string>

namespace octet {

// For ->transform(): an integer or a float from `least` to `most`, in decimal. CLI11's own parser takes "-1" for a large number
// where one without sign is wanted, "010" for 8, and its ranges let "nan" through.
template <class T>
CLI::Validator between(T least, T most) {
  std::ostringstream range;
  range << least << " to " << most;
  return CLI::Validator(
      [least, most, range = range.str()](std::string& word) -> std::string {
        T value{};
        const auto [end, wrong] = std::from_chars(word.data(), word.data() + word.size(), value);
        const bool whole = wrong == std::errc() && end == word.data() + word.size();
        if (!whole || !(value >= least && value <= most)) return word + ": wanted is a number from " + range;
        if constexpr (std::is_integral_v<T>) word = std::to_string(value);
        return {};
      },
      range.str());
}

}  // namespace octet
