// What the tensors of a run held, kept to be fed to parts of the model and to be compared.
#pragma once
#include <functional>

#include "converter/analysis/part.h"
#include "octet/analyze.h"

namespace octet::analysis {

struct Recorded {
  Shape shape;
  DType dtype = DType::kF32;
  std::vector<std::byte> data;
  std::span<const float> f32() const {
    return {reinterpret_cast<const float*>(data.data()), dtype == DType::kF32 ? data.size() / sizeof(float) : 0};
  }
};

using Recording = std::vector<Recorded>;  // by tensor; no data: it was not there, or not wanted

// A session whose runs are recorded.
class Recorder {
 public:
  // `wanted`, by tensor: those to keep. The inputs of the model are kept as well, whatever their type.
  static Result<Recorder> open(const Model& model, const SessionOptions& options, std::vector<bool> wanted);
  Result<Recording> run(const Samples& samples, size_t i);
  Result<Recording> run_on(const Recording& inputs, std::span<const int> tensors);  // `inputs[tensors[i]]` to input i
  std::vector<Recorded> outputs() const;                                            // of the last run

 private:
  struct State;  // what the session's observer knows: it stays where it is
  explicit Recorder(std::shared_ptr<State> state) : state_(std::move(state)) {}
  Result<Recording> run();
  std::shared_ptr<State> state_;
};

// The values of a u8 tensor.
std::vector<float> dequantised(std::span<const uint8_t> values, const Quant& quant);
// What rounding to u8 makes of the values of a tensor.
std::vector<float> rounded(std::span<const float> values, const Quant& quant);

// Feeds each input of a session `feed(i)`; sizes follow.
Result<void> fill(Session& session, size_t inputs, const std::function<const Recorded&(size_t)>& feed);

size_t bytes_of(const Recording& recording);

}  // namespace octet::analysis
