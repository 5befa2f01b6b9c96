#include "tools/convert/limits.h"

#include <iostream>

#include "cli/numbers.h"
#include "cli/terminal.h"

namespace octet {

void LimitFlags::apply(ConvertOptions& options) const {
  options.memory_limit = memory_limit << 20;
  options.max_nodes = max_nodes;
}

void add_limits(CLI::App& command, LimitFlags& flags) {
  command
      .add_option(
          "--memory_limit", flags.memory_limit,
          "Memory that converting may take, about, MiB; weights are refused beyond a third of it. 0: half of the "
          "machine's or control group's")
      ->transform(between<size_t>(0, SIZE_MAX >> 20))
      ->capture_default_str();
  command.add_option("--max_nodes", flags.max_nodes, "Nodes that the source may have")
      ->transform(between<size_t>(1, 1 << 30))
      ->capture_default_str();
}

void print_line(const std::string& line) {
  if (line.starts_with("warning: "))
    std::cerr << "octet-convert: " << printable(line) << '\n';
  else
    std::cout << printable(line) << '\n';
}

}  // namespace octet
