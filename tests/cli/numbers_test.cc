// Numbers as words of the command line.
#include "cli/numbers.h"

#include <gtest/gtest.h>

#include <optional>

namespace octet {
namespace {

// The value that a program gets of the word; nothing: it is refused.
template <class T>
std::optional<T> parsed(const std::string& word, T least, T most) {
  CLI::App app;
  std::optional<T> value;
  app.add_option("--n", value)->transform(between(least, most));
  try {
    app.parse("--n=" + word);
  } catch (const CLI::ParseError& e) {
    EXPECT_NE(std::string(e.what()).find("wanted is a number from"), std::string::npos) << e.what();
    return std::nullopt;
  }
  return value;
}

TEST(Numbers, AreWholeWordsInRange) {
  EXPECT_EQ(parsed<size_t>("0", 0, 9), 0u);
  EXPECT_EQ(parsed<size_t>("9", 0, 9), 9u);
  EXPECT_EQ(parsed<int>("-3", -3, 9), -3);
  EXPECT_EQ(parsed<int>("010", 0, 99), 10) << "decimal";
  EXPECT_EQ(parsed<float>("0.5", 0, 1), .5f);
  for (const char* word : {"-1", "10", "1x", "x", "1.5", "18446744073709551616", "99999999999999999999999", "0x1"})
    EXPECT_EQ(parsed<size_t>(word, 0, 9), std::nullopt) << word;
  for (const char* word : {"nan", "-nan", "inf", "1.1", "-0.1", "1e99", "0.5.5"})
    EXPECT_EQ(parsed<float>(word, 0, 1), std::nullopt) << word;
}

}  // namespace
}  // namespace octet
