// A folder of pictures as calibration data, through the same preprocessing that evaluation uses.
#pragma once
#include <string>
#include <vector>

#include "octet/quantize.h"
#include "vision/feed.h"

namespace octet {

// The pictures in a folder, by name; at most `most` of them, spread evenly (0: all).
Result<std::vector<std::string>> list_pictures(const std::string& folder, size_t most);

// Reads each picture when it is asked for. Height and width 0 in `preprocess`: each in its own size.
// A sample is a batch of so many. In a batch above 1 all have one size.
Samples picture_samples(std::vector<std::string> paths, const vision::Feed& feed, const vision::Preprocess& preprocess,
                        int batch);

}  // namespace octet
