// Names of methods: each tool writes the same ones in its own way.
#include "converter/quant/methods.h"

#include <cctype>

namespace octet::convert {
namespace {

bool alike(std::string_view a, std::string_view b) {
  const auto plain = [](char c) {
    return c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  };
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (plain(a[i]) != plain(b[i])) return false;
  return true;
}

}  // namespace

bool is_named(std::string_view wanted, std::string_view name, std::string_view aliases) {
  if (alike(wanted, name)) return true;
  while (!aliases.empty()) {
    const size_t end = std::min(aliases.find(' '), aliases.size());
    if (alike(wanted, aliases.substr(0, end))) return true;
    aliases.remove_prefix(std::min(end + 1, aliases.size()));
  }
  return false;
}

std::string names_of(std::span<const Choice> choices) {
  std::string text;
  for (size_t i = 0; i < choices.size(); ++i)
    text.append(i == 0 ? "" : i + 1 < choices.size() ? ", " : " or ").append(choices[i].name);
  return text;
}

}  // namespace octet::convert

namespace octet {

const Choice* find_choice(std::span<const Choice> choices, std::string_view name) {
  for (const Choice& c : choices)
    if (convert::is_named(name, c.name, c.aliases)) return &c;
  return nullptr;
}

}  // namespace octet
