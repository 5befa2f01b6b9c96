// Where a Paddle model's program and parameters lie.
#pragma once
#include <octet/octet.h>
#include <string>

namespace octet::convert {

struct PaddleFiles {
  std::string program;
  std::string parameters;  // all of them in one file; empty: one file each, named like the variable, beside the program
};

// Whether the path is Paddle's by its looks: a folder, or a file named as Paddle names programs.
bool looks_like_paddle(const std::string& path);

// `path`: a folder with one model, or a program (NAME.pdmodel, NAME.json, __model__, model). `parameters`: their file where its name
// does not follow from the program's; may be empty. The error says which names were looked for.
Result<PaddleFiles> find_paddle_files(const std::string& path, const std::string& parameters);

}  // namespace octet::convert
