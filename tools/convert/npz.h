// NumPy's .npz files: zip archives of .npy files.
#pragma once
#include <map>

#include "cli/npy.h"

namespace octet {

// The arrays of a file as numpy.savez and numpy.savez_compressed write it, by their names. An array of more than 4 GiB is refused.
Result<std::map<std::string, npy::Array, std::less<>>> read_npz(const std::string& path);

}  // namespace octet
