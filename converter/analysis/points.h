// Where a float and an int8 model are compared: see octet/analyze.h.
#pragma once
#include "converter/analysis/part.h"

namespace octet::analysis {

struct Choice {
  int output;   // its position among the outputs
  bool listed;  // what was picked, in an order that says nothing: a list of labels
};

struct Points {
  std::vector<int> tensors;     // float ones
  std::vector<Choice> choices;  // outputs that are compared by agreement
};

// `int8`: the nodes whose effect is asked for. A node chooses if it picks, finds sizes in data, or makes integers of float data
// and none of `int8` comes behind it; what depends on such a node is not compared, what these nodes read is.
Points points_of(const ModelData& m, const Links& links, const std::vector<bool>& int8);

}  // namespace octet::analysis
