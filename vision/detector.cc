// Puts feed, session and decoder together.
#include "vision/detector.h"

#include "vision/decode/fitting.h"

namespace octet::vision {

Result<Detector> Detector::open(const Model& model, const DetectorSetup& setup) {
  constexpr int kUsualSide = 640;
  auto feed = Feed::of(model);
  if (!feed) return feed.error();
  const Preprocess& p = setup.arch.preprocess;
  auto size = feed->size(p, setup.img_shape, setup.batch);
  if (!size) return size.error();
  const bool own_size = p.resize == Resize::kSides && !size->height && !size->width;
  if (own_size && size->batch > 1)
    return Error{Code::kBadArgument, "--batch_size " + std::to_string(size->batch) +
                                         ": preprocessing gives each picture its own size; use 1, or --img_shape"};
  if (!size->height) size->height = kUsualSide;
  if (!size->width) size->width = kUsualSide;
  auto session = Session::create(model, setup.session);
  if (!session) return session.error();
  Detector d(std::move(*session), std::move(*feed));
  d.model_ = model.name();
  d.arch_ = setup.arch;
  d.arch_.preprocess.height = own_size ? 0 : size->height;
  d.arch_.preprocess.width = own_size ? 0 : size->width;
  d.size_ = *size;
  d.own_size_ = own_size;
  d.inputs_ = model.inputs().size(), d.outputs_ = model.outputs().size();
  d.exchange_ = Exchange(setup.exchange);
  const Geometry whole{.input_height = size->height, .input_width = size->width};  // until a picture is there
  d.geometry_.resize(static_cast<size_t>(size->batch), whole);
  if (auto ready = d.feed_.prepare(d.session_, *size); !ready) return ready.error();
  return d;
}

Result<void> Detector::load(int slot, const cv::Mat& bgr) {
  if (own_size_) {
    const Geometry g = fit(bgr.rows, bgr.cols, arch_.preprocess);
    if (auto ready = feed_.prepare(session_, {size_.batch, g.input_height, g.input_width}); !ready) return ready;
  }
  geometry_[static_cast<size_t>(slot)] = feed_.load(session_, slot, bgr, arch_.preprocess);
  return {};
}

Result<double> Detector::run() {
  if (auto done = exchange_.before(session_, inputs_); !done) return done.error();
  auto time = timed_run(session_);
  if (!time) return time;
  if (auto done = exchange_.after(session_, outputs_); !done) return done.error();
  return time;
}

std::vector<Tensor> Detector::outputs() const {
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < outputs_; ++i) tensors.push_back(session_.output(static_cast<int>(i)));
  return tensors;
}

bool Detector::has_nms() const { return vision::has_nms(arch_.decoder, outputs(), geometry_[0]); }

Result<Found> Detector::found(int slot) const {
  const Geometry& g = geometry_[static_cast<size_t>(slot)];
  auto found = decode(arch_.decoder, outputs(), slot, g, arch_.options);
  if (found) return found;
  const auto fits = fitting(outputs(), g.input_height, g.input_width, static_cast<size_t>(arch_.options.classes));
  return Error{found.error().code,
               model_ + ": " + found.error().text + "; does --arch name the model's family? " +
                   (fits.empty() ? "No known one has outputs of this form" : "By their form: " + names_of(fits))};
}

}  // namespace octet::vision
