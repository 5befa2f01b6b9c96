// Models of other programs, known by their file's name: what they are, and how an ONNX file is made of them.
#include "converter/import/onnx/other_formats.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

namespace octet::convert {
namespace {

struct Format {
  std::string_view ending, what, way;
};

constexpr std::string_view kTorch =
    ": load it in Python and call torch.onnx.export (a YOLO of Ultralytics: yolo export format=onnx model=FILE)";
constexpr std::string_view kSource = ", which cannot be turned back: export the network that it was made of as ONNX";

constexpr Format kFormats[] = {
    {".tflite", "a TensorFlow Lite model", ": python -m tf2onnx.convert --tflite FILE --output model.onnx"},
    {".pb", "a TensorFlow graph",
     ": python -m tf2onnx.convert --saved-model FOLDER --output model.onnx (a frozen graph: --graphdef "
     "FILE, with --inputs and --outputs)"},
    {".h5", "a Keras model", ": python -m tf2onnx.convert --keras FILE --output model.onnx"},
    {".keras", "a Keras model",
     ": model.export(FOLDER) in Python, then python -m tf2onnx.convert --saved-model FOLDER"},
    {".pt", "a PyTorch model", kTorch},
    {".pth", "a PyTorch model", kTorch},
    {".torchscript", "a TorchScript model", kTorch},
    {".safetensors", "a file of weights without a network", kTorch},
    {".xml", "an OpenVINO model", kSource},
    {".param", "an ncnn model", kSource},
    {".mnn", "an MNN model", kSource},
    {".mlmodel", "a Core ML model", kSource},
    {".engine", "a TensorRT engine", kSource},
};

}  // namespace

std::optional<std::string> other_format(const std::string& path) {
  std::string ending = std::filesystem::path(path).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  for (const Format& f : kFormats)
    if (f.ending == ending) return "is " + std::string(f.what) + std::string(f.way);
  return std::nullopt;
}

}  // namespace octet::convert
