// `octet-convert compare`.
#pragma once

namespace CLI {
class App;
}

namespace octet {

// The command sets `exit_code` when it runs.
void add_compare_command(CLI::App& app, int& exit_code);

}  // namespace octet
