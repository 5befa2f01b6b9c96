// Which family a model counts as: the one that the caller names, else the one that the file names, else the only one whose form
// its outputs have.
#pragma once
#include <octet/octet.h>

#include <string>
#include <vector>

#include "vision/arch.h"
#include "vision/remember.h"

namespace octet::vision {

struct Family {
  Arch arch;                       // as the file was made: its preprocessing, and the number of its classes
  std::vector<std::string> names;  // of classes; empty: not known
  std::string_view known_by;       // "--arch", "the file" or "its outputs"
};

struct FamilyQuestion {
  std::string arch = {};    // as the caller named it; empty: not
  std::string source = {};  // path of the model, for what lies beside it; empty: nothing does
  int img_shape = 0;        // where the model leaves it open; 0: 640
  // The caller has preprocessing of his own. Then of several families that fit the first will do where none has to be known.
  bool prepared = false;
};

// Preprocessing of the file counts for the family that the file names only. Fails where none or several fit, and says which.
Result<Family> family_of(const Model& model, const FamilyQuestion& question);

}  // namespace octet::vision
