// How every program reads its command line, and ends.
#pragma once
#include <octet/octet.h>
#include <CLI/CLI.hpp>

namespace octet {

// Parses the command line, --version included. True: go on. Otherwise the process ends with `exit_code`: 0 after --help and
// --version, kWrongUse for what the command line alone shows to be wrong. What does not exist is named before what is missing, with
// the nearest that does. In names of flags - and _ are the same. Booleans (app.add_flag) may be written --flag, --flag True,
// --flag=False, --flag 0; a flag or a file that follows one is never taken for its value.
bool parse_flags(CLI::App& app, int argc, char** argv, int* exit_code);

inline constexpr int kFailed = 1, kWrongUse = 2;  // exit codes

// Prints "program: text" to standard error; the exit code.
int fail(const char* program, const Error& error, int code = kFailed);

}  // namespace octet
