// Text from files on its way to a terminal.
#include "cli/terminal.h"

#include <gtest/gtest.h>

namespace octet {
namespace {

TEST(Terminal, SeesNoControlCharacters) {
  using namespace std::string_view_literals;
  for (const auto& [text, expected] : {std::pair{"/model.0/conv/Conv"sv, "/model.0/conv/Conv"sv},
                                       {"größe 猫"sv, "größe 猫"sv},
                                       {"\x1b[31mred\x1b]0;title\x07"sv, "\\x1b[31mred\\x1b]0;title\\x07"sv},
                                       {"a\nb\tc\x7f"sv, "a\\x0ab\\x09c\\x7f"sv},
                                       {"nul\0end"sv, "nul\\x00end"sv},
                                       {"\xc2\x9b"
                                        "31m"sv,
                                        "\\xc2\\x9b31m"sv},                      // a control sequence in one character
                                       {"\xc0\x9b!"sv, "\\xc0\\x9b!"sv},         // ESC in more bytes than it needs
                                       {"\xff\xe2\x82"sv, "\\xff\\xe2\\x82"sv},  // no UTF-8, and cut off
                                       {"\xe2\x80\xaegnp"sv, "\\xe2\\x80\\xaegnp"sv},  // what follows reads backwards
                                       {"\xf4\x90\x80\x80"sv, "\\xf4\\x90\\x80\\x80"sv}})  // beyond Unicode
    EXPECT_EQ(printable(text), expected);
}

}  // namespace
}  // namespace octet
