// The models of the golden files: a file is written once and never again, so a change goes into a new model.
#pragma once
#include <span>
#include <vector>

#include "tests/golden/net.h"

namespace octet::golden {

struct NamedModel {
  const char* name;
  ModelBuilder (*build)();
};

std::vector<NamedModel> conv_models();
std::vector<NamedModel> math_models();
std::vector<NamedModel> move_models();
std::vector<NamedModel> detection_models();

}  // namespace octet::golden
