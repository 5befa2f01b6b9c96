#include "converter/analysis/recording.h"

#include <cstring>

#include "kernels/quant.h"
#include "runtime/core/observe.h"

namespace octet::analysis {
namespace {

Recorded copy_of(const Tensor& t) {
  const auto* data = static_cast<const std::byte*>(t.data);
  return {t.shape, t.dtype, {data, data + (data ? t.bytes().size() : 0)}};
}

template <class F>
std::vector<float> each(size_t count, const Quant& quant, const F& value) {
  std::vector<float> out(count);
  const size_t channels = quant.scale.size();
  for (size_t i = 0; i < count; ++i) {
    const auto c = static_cast<int64_t>(i % channels);
    out[i] = value(i, quant.scale_at(c), quant.zero_at(c));
  }
  return out;
}

}  // namespace

std::vector<float> dequantised(std::span<const uint8_t> values, const Quant& quant) {
  return each(values.size(), quant,
              [&](size_t i, float scale, int32_t zero) { return kernels::dequantize_u8(values[i], scale, zero); });
}

std::vector<float> rounded(std::span<const float> values, const Quant& quant) {
  return each(values.size(), quant, [&](size_t i, float scale, int32_t zero) {
    return kernels::dequantize_u8(kernels::quantize_u8(values[i], 1 / scale, zero), scale, zero);
  });
}

Result<void> fill(Session& session, size_t inputs, const std::function<const Recorded&(size_t)>& feed) {
  for (size_t i = 0; i < inputs; ++i)
    if (auto done = session.resize_input(static_cast<int>(i), feed(i).shape); !done) return done;
  if (auto ready = session.prepare(); !ready) return ready;
  for (size_t i = 0; i < inputs; ++i) {
    const Tensor to = session.input(static_cast<int>(i));
    if (to.bytes().size() != feed(i).data.size())
      return error(Code::kUnsupported, "tensor '", to.name, "': its values are not known");
    if (!feed(i).data.empty()) std::memcpy(to.data, feed(i).data.data(), feed(i).data.size());
  }
  return {};
}

size_t bytes_of(const Recording& recording) {
  size_t bytes = 0;
  for (const Recorded& r : recording) bytes += r.data.size();
  return bytes;
}

struct Recorder::State {
  Model model;
  Session session;
  std::vector<bool> wanted;
  Recording now;

  void see(int t, const Tensor& value) {
    Recorded& to = now[at(t)];
    if (!wanted[at(t)] || !to.data.empty()) return;
    to = copy_of(value);
    const Quant& quant = model.data().tensors[at(t)].quant;
    if (value.dtype != DType::kU8 || quant.empty()) return;
    const auto values = dequantised(value.u8(), quant);
    const auto bytes = std::as_bytes(std::span(values));
    to.dtype = DType::kF32, to.data.assign(bytes.begin(), bytes.end());
  }
};

Result<Recorder> Recorder::open(const Model& model, const SessionOptions& options, std::vector<bool> wanted) {
  auto session = Session::create(model, options);
  if (!session) return session.error();
  auto state = std::make_shared<State>(State{model, std::move(*session), std::move(wanted), {}});
  observe(state->session, [s = state.get()](int t, const Tensor& value) { s->see(t, value); });
  return Recorder(std::move(state));
}

Result<Recording> Recorder::run() {
  const ModelData& m = state_->model.data();
  state_->now.assign(m.tensors.size(), {});
  for (size_t i = 0; i < m.inputs.size(); ++i)
    state_->now[at(m.inputs[i])] = copy_of(state_->session.input(static_cast<int>(i)));
  if (auto ran = state_->session.run(); !ran) return ran.error();
  return std::move(state_->now);
}

Result<Recording> Recorder::run(const Samples& samples, size_t i) {
  if (auto filled = samples.fill(state_->session, i); !filled) return filled.error();
  return run();
}

Result<Recording> Recorder::run_on(const Recording& inputs, std::span<const int> tensors) {
  const auto feed = [&](size_t i) -> const Recorded& { return inputs[at(tensors[i])]; };
  if (auto filled = fill(state_->session, tensors.size(), feed); !filled) return filled.error();
  return run();
}

std::vector<Recorded> Recorder::outputs() const {
  std::vector<Recorded> all;
  for (size_t i = 0; i < state_->model.outputs().size(); ++i)
    all.push_back(copy_of(state_->session.output(static_cast<int>(i))));
  return all;
}

}  // namespace octet::analysis
