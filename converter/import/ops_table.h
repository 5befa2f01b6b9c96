// What Octet can import and run, as the Markdown of docs/OPS.md.
#pragma once
#include <string>

namespace octet::convert {

std::string ops_table();

}  // namespace octet::convert
