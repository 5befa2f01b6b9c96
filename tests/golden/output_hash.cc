// The seeded inputs and the hash, by the public interface alone, so that it says the same of every later version.
#include "tests/golden/output_hash.h"

#include <cstring>
#include <random>

#include "schema/format.h"

namespace octet::golden {
namespace {

// Numbers from -4 to 4, small whole numbers of either sign, true and false. The generator's own sequence is the same
// everywhere, which distributions of the standard library are not.
void fill(const Tensor& t, unsigned seed) {
  std::mt19937 random(seed);
  for (int64_t i = 0; i < t.shape.elements(); ++i) {
    const auto r = static_cast<uint32_t>(random());
    const float real = static_cast<float>(r % 20001) / 2500.0f - 4.0f;
    const int64_t whole = static_cast<int64_t>(r % 13) - 6;
    if (t.dtype == DType::kF32) static_cast<float*>(t.data)[i] = real;
    if (t.dtype == DType::kS64) static_cast<int64_t*>(t.data)[i] = whole;
    if (t.dtype == DType::kS32) static_cast<int32_t*>(t.data)[i] = static_cast<int32_t>(whole);
    if (t.dtype == DType::kBool) static_cast<uint8_t*>(t.data)[i] = r & 1;
  }
}

void append(const Session& session, size_t outputs, std::vector<std::byte>& all) {
  const auto add = [&](const void* data, size_t bytes) {
    const auto* from = static_cast<const std::byte*>(data);
    if (bytes) all.insert(all.end(), from, from + bytes);
  };
  for (size_t i = 0; i < outputs; ++i) {
    const Tensor t = session.output(static_cast<int>(i));
    const int64_t rank = t.shape.rank();
    add(&t.dtype, sizeof t.dtype);
    add(&rank, sizeof rank);
    for (int64_t d : t.shape) add(&d, sizeof d);
    add(t.data, static_cast<size_t>(t.shape.elements()) * size_of(t.dtype));
  }
}

}  // namespace

Result<uint64_t> output_hash(const Model& model, Precision precision, int threads) {
  auto session = Session::create(model, {.threads = threads, .precision = precision, .use_onednn = false});
  if (!session) return session.error();
  const auto inputs = model.inputs();
  std::vector<std::byte> all;
  for (int64_t open_size : {5, 8}) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      Shape shape = inputs[i].shape;
      for (int d = 0; d < shape.rank(); ++d)
        if (shape[d] < 0) shape[d] = open_size + d;
      if (auto done = session->resize_input(static_cast<int>(i), shape); !done) return done.error();
    }
    if (auto done = session->prepare(); !done) return done.error();
    for (size_t i = 0; i < inputs.size(); ++i) fill(session->input(static_cast<int>(i)), static_cast<unsigned>(i + 1));
    if (auto done = session->run(); !done) return done.error();
    append(*session, model.outputs().size(), all);
  }
  return schema::hash(all);
}

}  // namespace octet::golden
