// What reaches a terminal: text without the control characters that a model's names may hold, and whether it arrived.
#pragma once
#include <string>
#include <string_view>

namespace octet {

// Control characters (escape sequences begin with one), line breaks and what turns the direction of text as \xNN, and so are
// bytes that are no UTF-8. For names and other text from files; a text of several lines is made of printable parts.
std::string printable(std::string_view text);

// The last thing that a program does: has all that was printed to standard output arrived? The exit code is `code`, or 1 with
// a line on standard error where it has not.
int finished(const char* program, int code);

}  // namespace octet
