// What a file says of its model beside the graph: the family, how pictures are prepared, the names of classes.
#pragma once
#include <octet/octet.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vision/preprocess.h"

namespace octet::vision {

struct Remembered {
  std::string arch;  // a family's name (arch.h); empty: the file does not say
  std::optional<Preprocess> preprocess;
  std::vector<std::string> names;  // of classes, by number; empty: the file does not say
  int key_points = 0;              // of each object, where there are any
};

// From the metadata: what octet-convert wrote (`octet.arch`, `octet.preprocess`), and what exporters write, of which
// ultralytics' `names`, `task`, `description` and `kpt_shape` are read. Fails where octet-convert's own keys hold nonsense;
// what exporters wrote and cannot be read is passed over.
Result<Remembered> remembered_by(const Model& model);

// From what lies beside a Paddle program: infer_cfg.yml or inference.yml. Nothing where there is no such file.
Result<Remembered> remembered_beside(const std::string& path);

// As metadata that remembered_by() reads.
std::vector<std::pair<std::string, std::string>> as_metadata(const Remembered& what);

// Class names as ultralytics writes them, a dictionary or a list as Python prints it; empty where the text is neither.
std::vector<std::string> parse_names(std::string_view text);
std::string names_text(const std::vector<std::string>& names);

}  // namespace octet::vision
