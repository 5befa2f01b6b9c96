// Flags that say what converting may take, and what the converter says meanwhile.
#pragma once
#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>

#include "octet/convert.h"

namespace octet {

struct LimitFlags {
  size_t memory_limit = 0;  // MiB
  size_t max_nodes = ConvertOptions().max_nodes;
  void apply(ConvertOptions& options) const;
};

void add_limits(CLI::App& command, LimitFlags& flags);

// For ConvertOptions::log: warnings to standard error, other lines to standard output.
void print_line(const std::string& line);

}  // namespace octet
