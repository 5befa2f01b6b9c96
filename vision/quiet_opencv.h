// Keeps OpenCV's worker threads asleep while a network is timed: they would compete with it for the cores.
#pragma once
#include <opencv2/core/utility.hpp>

namespace octet::vision {

class QuietOpenCv {
 public:
  QuietOpenCv() : before_(cv::getNumThreads()) { cv::setNumThreads(1); }
  ~QuietOpenCv() { cv::setNumThreads(before_); }
  QuietOpenCv(const QuietOpenCv&) = delete;
  QuietOpenCv& operator=(const QuietOpenCv&) = delete;

 private:
  int before_;
};

}  // namespace octet::vision
