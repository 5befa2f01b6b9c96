// The flags that every tool with a session has, with one meaning.
#pragma once
#include <octet/octet.h>
#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

struct SessionFlags {
  int threads = 1;
  std::string precision;  // empty: int8 where the model can
  std::vector<std::string> int8_ops, int8_exclude;
  bool no_onednn = false;
  int plans_kept = 4;
  size_t kept_mib = 0;
};

void add_session_flags(CLI::App& app, SessionFlags& flags);
SessionOptions session_options(const SessionFlags& flags, const Model& model);
void print_warnings(const char* program, const Session& session);  // to standard error

// "1,3,640,640" (for a model's only input) or "name=1,3,640,640". Sizes are positive.
struct NamedShape {
  std::string input;  // empty: the only one
  Shape shape;
};
Result<NamedShape> parse_shape(const std::string& text);

// Index of the model's input of that name; an empty name means the only one.
Result<int> find_input(const Model& model, std::string_view name);

// Parses the command line. True: go on. Otherwise the process ends with `exit_code`: 0 after --help, 2 for wrong use.
bool parse_flags(CLI::App& app, int argc, char** argv, int* exit_code);

// Prints "program: text" to standard error; the exit code of a run that failed.
int fail(const char* program, const Error& error);

}  // namespace octet
