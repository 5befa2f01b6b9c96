// The flags that every program with a session has, with one meaning.
#pragma once
#include <octet/octet.h>
#include <CLI/CLI.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command_line.h"

namespace octet {

struct SessionFlags {
  int threads = 1;
  std::string precision = "paddle";  // fp32, int8, or paddle: what the model is made for
  std::vector<std::string> int8_ops, int8_exclude;
  bool onednn = true;
  int plans_kept = 4;
  size_t kept_mib = 0, memory_limit = 0;  // the latter in MiB too
};

// Paddle's names are understood as well as Octet's; of `threads` the first stands in messages.
void add_session_flags(CLI::App& app, SessionFlags& flags, const char* threads = "--threads,--cpu_threads");
// Fails where int8 is asked of a model that is not quantised.
Result<SessionOptions> session_options(const SessionFlags& flags, const Model& model);
void print_warnings(const char* program, std::span<const std::string> warnings);  // to standard error

// "1,3,640,640" (for a model's only input) or "name=1,3,640,640". Sizes are positive. Names may hold '=' themselves: the last
// one counts.
struct NamedShape {
  std::string input;  // empty: the only one
  Shape shape;
};
Result<NamedShape> parse_shape(const std::string& text);
CLI::Validator shape_of_input(bool named);  // for ->check(): such a text; `named`: with a name

// Index of the model's input of that name; an empty name means the only one.
Result<int> find_input(const Model& model, std::string_view name);

}  // namespace octet
