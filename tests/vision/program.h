// Runs the program under test.
#pragma once
#include <sys/wait.h>

#include <cstdio>
#include <string>

namespace octet::test {

struct Outcome {
  int code;
  std::string text;  // stdout and stderr
};

inline Outcome run(const std::string& arguments) {
  const std::string command = std::string(OCTET_PROGRAM) + " " + arguments + " 2>&1";
  std::FILE* pipe = popen(command.c_str(), "r");
  Outcome out{.code = -1, .text = {}};
  if (!pipe) return out;
  char buffer[4096];
  while (const size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) out.text.append(buffer, n);
  const int status = pclose(pipe);
  out.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return out;
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace octet::test
