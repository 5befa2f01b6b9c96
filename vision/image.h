// Pictures from and to files: the only part of the vision library that touches the file system for pixels.
#pragma once
#include <octet/octet.h>

#include <opencv2/core/mat.hpp>
#include <string>

namespace octet::vision {

// 8-bit BGR, turned upright where the file carries an orientation.
Result<cv::Mat> read_image(const std::string& path);

// 8-bit class ids of a label picture: the indices of a palette PNG, the grey values of any other.
Result<cv::Mat> read_labels(const std::string& path);

// The format follows the name's ending. How the file is replaced: files/files.h.
Result<void> write_image(const std::string& path, const cv::Mat& image);

// Class ids as a palette PNG in the colours of class_colour(); `labels` is CV_32S, ids outside 0..255 become 255.
Result<void> write_palette(const std::string& path, const cv::Mat& labels);

}  // namespace octet::vision
