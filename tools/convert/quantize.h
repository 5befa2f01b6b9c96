// `octet-convert quantize`: its options and its report.
#pragma once

namespace CLI {
class App;
}

namespace octet {

// The command sets `exit_code` when it runs.
void add_quantize_command(CLI::App& app, int& exit_code);

}  // namespace octet
