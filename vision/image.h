// Pictures from and to files: the only part of the vision library that touches the file system for pixels.
#pragma once
#include <octet/octet.h>

#include <cstdint>
#include <opencv2/core/mat.hpp>
#include <string>

namespace octet::vision {

// Pictures are files of the formats that vision/picture_header.h names. Their width times height is held to this, by their
// headers, before anything is decoded: 16,384 x 16,384, beyond any camera; the pixels then take 805 MB.
inline constexpr int64_t kMostPixels = int64_t{1} << 28;

// 8-bit BGR, turned upright where the file carries an orientation.
Result<cv::Mat> read_image(const std::string& path, int64_t most_pixels = kMostPixels);

// The picture as a network of so many channels takes it: 4 only where the file has them (BGR and one more), otherwise BGR.
Result<cv::Mat> read_image_for(const std::string& path, int channels);

// 8-bit class ids of a label picture: the indices of a palette PNG, the grey values of any other.
Result<cv::Mat> read_labels(const std::string& path, int64_t most_pixels = kMostPixels);

// The format follows the name's ending. How the file is replaced: files/files.h.
Result<void> write_image(const std::string& path, const cv::Mat& image);

// Class ids as a palette PNG in the colours of class_colour(); `labels` is CV_32S, ids outside 0..255 become 255.
Result<void> write_palette(const std::string& path, const cv::Mat& labels);

}  // namespace octet::vision
