// Any bytes as an ONNX file that is quantised after training and exported again: each step refuses it, or makes what the next
// one takes.
#include <octet/export.h>
#include <octet/quantize.h>

#include "tests/fuzz/change_onnx.h"
#include "tests/fuzz/fuzz.h"

namespace octet::fuzz {
namespace {

QuantizeOptions options_of(Choices& choices) {
  static const auto algos = range_choices(), channels = per_channel_choices(), weights = weight_choices(),
                    biases = bias_choices();
  QuantizeOptions options;
  options.algo = choices.one_of(algos).name;
  options.per_channel = choices.one_of(channels).name;
  options.weights = choices.one_of(weights).name;
  options.bias = choices.one_of(biases).name;
  options.float_first = choices.flag(), options.float_last = choices.flag();
  options.threads = threads(choices.range(1, 2));
  return options;
}

void try_export(const Model& model, const ExportOptions& options) {
  const auto onnx = export_onnx(model, options);
  if (!onnx) return;
  const auto* data = reinterpret_cast<const uint8_t*>(onnx->data());
  const auto bytes = convert_model(file_of({data, onnx->size()}, ".exported.onnx"));
  if (!bytes) fail("the exporter wrote what the converter refuses: " + bytes.error().text);
  if (const auto again = Model::from_bytes(*bytes, "exported"); !again)
    fail("the converter wrote what the loader refuses: " + again.error().text);
}

void try_file(std::span<const uint8_t> data) {
  const auto source = load_source(file_of(data, ".onnx"));
  if (!source) return;
  // The options follow from the file's bytes.
  uint32_t hash = 2166136261;
  for (const uint8_t b : data) hash = (hash ^ b) * 16777619;
  std::minstd_rand random(hash);
  uint8_t decided[16];
  for (uint8_t& d : decided) d = static_cast<uint8_t>(random() >> 8);
  Choices choices(decided);
  Samples samples{.count = 2, .fill = [&](Session& session, size_t i) -> Result<void> {
                    if (prepare(session, source->model, static_cast<uint32_t>(i) + 1)) return {};
                    return Error{Code::kUnsupported, "too large"};
                  }};
  const auto made = quantize(*source, samples, options_of(choices));
  if (!made) return;
  const auto model = Model::from_bytes(made->bytes, "quantised");
  if (!model) fail("the quantiser wrote what the loader refuses: " + model.error().text);
  auto session = Session::create(*model, {.memory_limit = kMemory, .use_onednn = false});
  if (session && prepare(*session, *model, 1)) (void)session->run();
  try_export(*model, {.opset = choices.range(kLeastOpset, kMostOpset), .as_float = choices.flag()});
}

}  // namespace
}  // namespace octet::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return octet::fuzz::mutate({data, max_size}, size, seed, octet::fuzz::change_onnx);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  octet::fuzz::try_file({data, size});
  return 0;
}
