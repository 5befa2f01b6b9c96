// NumPy files as calibration data, for models whose inputs are no colour pictures.
#pragma once
#include <optional>
#include <string>

#include "octet/quantize.h"

namespace octet {

// The samples in a folder: of .npz files each is one, with an array for each input, by its name (of a model with one input whatever
// the name). Else of a model with one input each .npy file is one; otherwise the folder has a folder for each input, called
// as octet-run calls the file of a tensor of that name, and the files of all, by name, belong together. At most `most` samples,
// spread evenly (0: all). Nothing where the folder has none of these; then it holds pictures.
Result<std::optional<Samples>> array_samples(const std::string& folder, const Model& model, size_t most);

}  // namespace octet
