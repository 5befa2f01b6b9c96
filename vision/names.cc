// Class names between lists of strings and the texts that Python prints of dictionaries and lists.
#include <charconv>
#include <cstdint>

#include "vision/remember.h"

namespace octet::vision {
namespace {

constexpr size_t kMostNames = size_t{1} << 16;

void append_utf8(uint32_t code, std::string& out) {
  const auto byte = [&](uint32_t b) { out += static_cast<char>(b); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0 | code >> 6), byte(0x80 | (code & 63));
  } else {
    byte(0xe0 | code >> 12), byte(0x80 | (code >> 6 & 63)), byte(0x80 | (code & 63));
  }
}

// Reads from the front of `text`, and takes away what it read; false where something else stands there.
struct Reader {
  std::string_view text;

  bool skip(char c) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\n"), text.size()));
    if (text.empty() || text[0] != c) return false;
    text.remove_prefix(1);
    return true;
  }
  bool number(size_t& out, int base = 10) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), out, base);
    if (wrong != std::errc()) return false;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    return true;
  }
  bool escaped(std::string& out) {
    if (text.empty()) return false;
    const char c = text[0];
    text.remove_prefix(1);
    const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 0;
    if (digits == 0) {
      out += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
      return true;
    }
    Reader code{text.substr(0, digits)};
    size_t value = 0;
    if (text.size() < digits || !code.number(value, 16) || !code.text.empty()) return false;
    text.remove_prefix(digits);
    append_utf8(static_cast<uint32_t>(value), out);
    return true;
  }
  bool string(std::string& out) {
    char quote = '\'';
    if (!skip(quote) && !skip(quote = '"')) return false;
    while (!text.empty()) {
      const char c = text[0];
      text.remove_prefix(1);
      if (c == quote) return true;
      if (c != '\\')
        out += c;
      else if (!escaped(out))
        return false;
    }
    return false;
  }
};

}  // namespace

std::vector<std::string> parse_names(std::string_view text) {
  Reader reader{text};
  const bool dictionary = reader.skip('{');
  if (!dictionary && !reader.skip('[')) return {};
  std::vector<std::string> names;
  for (const char end = dictionary ? '}' : ']'; !reader.skip(end);) {
    size_t id = names.size();
    if (dictionary && (!reader.number(id) || !reader.skip(':'))) return {};
    std::string name;
    if (id >= kMostNames || !reader.string(name)) return {};
    for (size_t i = names.size(); i <= id; ++i) names.push_back("class " + std::to_string(i));
    names[id] = std::move(name);
    if (!reader.skip(',') && (reader.text.empty() || reader.text[0] != end)) return {};
  }
  return names;
}

std::string names_text(const std::vector<std::string>& names) {
  std::string text = "{";
  for (size_t i = 0; i < names.size(); ++i) {
    text += (i ? ", " : "") + std::to_string(i) + ": '";
    for (const char c : names[i]) {
      if (c == '\\' || c == '\'') text += '\\';
      text += c;
    }
    text += '\'';
  }
  return text + "}";
}

}  // namespace octet::vision
