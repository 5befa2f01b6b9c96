#include "cli/command_line.h"

#include <algorithm>
#include <iostream>
#include <numeric>
#include <optional>

#include "cli/terminal.h"
#include "octet_commit.h"

namespace octet {
namespace {

bool is_boolean(std::string word) {
  static constexpr std::string_view kWords[] = {"true", "false", "1", "0", "yes", "no", "on", "off"};
  word = CLI::detail::to_lower(word);
  return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
}

std::string folded(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return CLI::detail::to_lower(name);
}

// Letters to change, add or leave out (Levenshtein).
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t corner = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j)
      corner = std::exchange(row[j + 1], std::min({row[j + 1] + 1, row[j] + 1, corner + (a[i] == b[j] ? 0 : 1)}));
  }
  return row.back();
}

// "; did you mean X?" where a name is like what was written.
std::string nearest(const std::string& written, std::span<const std::string> names) {
  const auto far = [&](const std::string& name) { return distance(folded(written), folded(name)); };
  const auto best =
      std::min_element(names.begin(), names.end(), [&](const auto& a, const auto& b) { return far(a) < far(b); });
  if (best == names.end() || far(*best) > std::max<size_t>(2, written.size() / 3)) return "";
  return "; did you mean " + *best + "?";
}

// The words of a command line as the parser takes them.
class Words {
 public:
  Words(const CLI::App& app, std::span<char*> words) : app_(app), words_(words.begin(), words.end()) {}

  // What is wrong with a word whatever the others are.
  std::optional<std::string> spell() {
    commands_ = {&app_};
    const auto all = app_.get_subcommands([](const CLI::App*) { return true; });
    if (!all.empty()) {
      const auto first = std::find_if(words_.begin(), words_.end(), [](const auto& w) { return !w.starts_with('-'); });
      if (first == words_.end()) return spell_flags();
      const auto command =
          std::find_if(all.begin(), all.end(), [&](const CLI::App* c) { return c->check_name(*first); });
      if (command == all.end()) {
        std::vector<std::string> names;
        for (const CLI::App* c : all) names.push_back(c->get_name());
        return "there is no command '" + printable(*first) + "'" + nearest(*first, names);
      }
      commands_.insert(commands_.begin(), *command);
    }
    return spell_flags();
  }

  // Where a flag's value follows it as a word of its own it is joined to it, "--flag True" to "--flag=True": the parser would
  // take the word for something else. A word that is no boolean is left alone, unless the program takes no files and so the
  // word can only be a mistaken value: then the message names the flag.
  std::vector<std::string> joined() const {
    bool takes_files = false;
    for (const CLI::App* c : commands_)
      for (const CLI::Option* o : c->get_options()) takes_files |= o->get_positional();
    std::vector<std::string> out;
    for (const std::string& word : words_) {
      const CLI::Option* before = out.empty() ? nullptr : find(out.back());
      const bool after_flag = before && before->get_items_expected_max() == 0;
      if (after_flag && (is_boolean(word) || (!takes_files && !word.starts_with('-'))))
        out.back() += "=" + word;
      else
        out.push_back(word);
    }
    return out;
  }

 private:
  const CLI::Option* find(const std::string& name) const {
    const CLI::Option* found = nullptr;
    for (const CLI::App* c : commands_)
      if (!found) found = c->get_option_no_throw(name);
    return found;
  }

  std::optional<std::string> spell_flags() {
    std::vector<std::string> names;
    for (const CLI::App* c : commands_)
      for (const CLI::Option* o : c->get_options())
        for (const std::string& name : o->get_lnames()) names.push_back("--" + name);
    for (std::string& word : words_) {
      if (word == "--") break;  // files follow
      if (word.size() < 2 || word[0] != '-' || (word[1] != '-' && !std::isalpha(static_cast<unsigned char>(word[1]))))
        continue;
      const bool is_long = word[1] == '-';
      const size_t end = is_long ? std::min(word.find('='), word.size()) : 2;
      const std::string name = word.substr(0, end);
      if (find(name)) continue;
      const auto same = [&](const std::string& n) { return is_long && folded(n) == folded(name); };
      const auto meant = std::find_if(names.begin(), names.end(), same);
      if (meant == names.end()) return "there is no flag " + printable(name) + nearest(name, names);
      word.replace(0, end, *meant);
    }
    return {};
  }

  const CLI::App& app_;
  std::vector<std::string> words_;
  std::vector<const CLI::App*> commands_;  // the one that is named, and what all have
};

std::string version_text() {
  const std::string commit = kCommit;
  return std::string(version()) + ", kernels " + std::string(cpu_kernels()) +
         (commit.empty() ? "" : ", commit " + commit);
}

}  // namespace

bool parse_flags(CLI::App& app, int argc, char** argv, int* exit_code) {
  app.set_version_flag("--version", version_text(), "Version, the kernels for this CPU, and the commit");
  const std::string& name = app.get_name();
  const auto refuse = [&](const std::string& text) {
    std::cerr << name << ": " << text << "\nRun with --help for more information.\n";
    *exit_code = finished(name.c_str(), kWrongUse);
    return false;
  };
  Words given(app, std::span(argv, static_cast<size_t>(argc)).subspan(1));
  if (const auto wrong = given.spell()) return refuse(*wrong);
  try {
    auto words = given.joined();
    std::reverse(words.begin(), words.end());  // the parser takes them from the back
    app.parse(std::move(words));
    return true;
  } catch (const CLI::Success& e) {
    app.exit(e, std::cout, std::cerr);
    *exit_code = finished(name.c_str(), 0);
    return false;
  } catch (const CLI::ParseError& e) {
    return refuse(e.what());
  }
}

int fail(const char* program, const Error& error, int code) {
  std::cerr << program << ": " << printable(error.text) << '\n';
  return code;
}

}  // namespace octet
