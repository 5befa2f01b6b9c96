// A detector ready to run: model, session, what it is fed with and how its outputs are read.
#pragma once
#include <octet/octet.h>

#include <vector>

#include "vision/arch.h"
#include "vision/exchange.h"
#include "vision/feed.h"

namespace octet::vision {

struct DetectorSetup {
  Arch arch;
  int img_shape = 0, batch = 0;  // where the model leaves them open; 0: what preprocessing says, else 640; and 1
  SessionOptions session;
  std::string exchange = {};  // folder, see exchange.h
};

class Detector {
 public:
  static Result<Detector> open(const Model& model, const DetectorSetup& setup);

  int batch() const { return size_.batch; }
  int channels() const { return feed_.channels(); }  // for read_image_for()
  // Into place `slot` of the batch. Where size follows the picture, the session is prepared for it: batches of one only.
  Result<void> load(int slot, const cv::Mat& bgr);
  Result<double> run();                 // milliseconds
  Result<Found> found(int slot) const;  // of the last run
  const Arch& arch() const { return arch_; }
  bool has_nms() const;  // in the graph; known after a run
  const std::vector<std::string>& warnings() const { return session_.warnings(); }

 private:
  Detector(Session session, Feed feed) : session_(std::move(session)), feed_(std::move(feed)) {}
  std::vector<Tensor> outputs() const;
  std::string model_;  // for messages
  Session session_;
  Feed feed_;
  Arch arch_;
  InputSize size_;
  bool own_size_ = false;  // of each picture
  size_t inputs_ = 0, outputs_ = 0;
  Exchange exchange_;
  std::vector<Geometry> geometry_;  // of the pictures in the batch
};

}  // namespace octet::vision
