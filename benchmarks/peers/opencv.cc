// Times OpenCV's DNN module: octet-bench-opencv MODEL.onnx THREADS RUNS HEIGHT WIDTH.
#include <cstdlib>
#include <iostream>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>

#include "benchmarks/peers/times.h"

int main(int argc, char** argv) {
  if (argc != 6) {
    std::cerr << "octet-bench-opencv MODEL.onnx THREADS RUNS HEIGHT WIDTH\n";
    return 2;
  }
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  cv::setNumThreads(std::atoi(argv[2]));
  try {
    cv::dnn::Net net = cv::dnn::readNetFromONNX(argv[1]);
    net.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
    const int sizes[] = {1, 3, std::atoi(argv[4]), std::atoi(argv[5])};
    cv::Mat input(4, sizes, CV_32F);
    cv::randu(input, 0, 1);
    std::vector<cv::Mat> outputs;
    const auto names = net.getUnconnectedOutLayersNames();
    octet::peers::report(std::atoi(argv[3]), [&] {
      net.setInput(input);
      net.forward(outputs, names);
    });
  } catch (const cv::Exception& e) {
    std::cerr << "octet-bench-opencv: " << argv[1] << ": " << e.err << '\n';
    return 1;
  }
  return 0;
}
