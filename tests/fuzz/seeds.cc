// Writes the corpora that fuzzing starts from, most of them cut from the bundled files: fuzz_seeds SOURCE_DIR OUT_DIR.
#include <octet/convert.h>
#include <octet/export.h>
#include <octet/quantize.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <random>
#include <set>

#include "cli/npy.h"
#include "converter/import/onnx/ops/ops.h"
#include "onnx.pb.h"
#include "tests/fuzz/paddle_seeds.h"
#include "tests/fuzz/session_input.h"
#include "tests/runtime/build_model.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLargest = 48 << 10;  // of one seed: small inputs are tried more often

void write(const fs::path& path, const void* data, size_t bytes) {
  std::ofstream(path, std::ios::binary).write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes));
}

void add_input(onnx::GraphProto& g, const std::string& name, std::initializer_list<int64_t> dims) {
  auto* input = g.add_input();
  input->set_name(name);
  input->mutable_type()->mutable_tensor_type()->set_elem_type(1);
  for (int64_t d : dims) input->mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(d);
}

// Nodes [first, last) of a model as a model: what others made becomes an input of the channels that a convolution wants.
onnx::ModelProto window(const onnx::ModelProto& whole, int first, int last) {
  onnx::ModelProto part;
  *part.mutable_opset_import() = whole.opset_import();
  auto& g = *part.mutable_graph();
  std::set<std::string> known;
  const auto& from = whole.graph();
  const auto initializer = [&](const std::string& name) {
    return std::find_if(from.initializer().begin(), from.initializer().end(),
                        [&](const auto& t) { return t.name() == name; });
  };
  for (int i = first; i < last; ++i) {
    const auto& node = from.node(i);
    for (const std::string& name : node.input()) {
      if (name.empty() || !known.insert(name).second) continue;
      const auto t = initializer(name);
      if (t != from.initializer().end()) {
        *g.add_initializer() = *t;
        continue;
      }
      const auto weight = node.input_size() > 1 ? initializer(node.input(1)) : from.initializer().end();
      const bool conv = node.op_type() == "Conv" && weight != from.initializer().end();
      add_input(g, name, {1, conv ? weight->dims(1) : 16, 8, 8});
    }
    for (const std::string& name : node.output()) known.insert(name);
    *g.add_node() = node;
  }
  for (const std::string& name : from.node(last - 1).output()) g.add_output()->set_name(name);
  return part;
}

// One op of the registry on a small picture, further operands constants.
onnx::ModelProto single(const convert::OnnxOp& op) {
  onnx::ModelProto model;
  model.add_opset_import()->set_version(13);
  auto& g = *model.mutable_graph();
  auto& node = *g.add_node();
  node.set_op_type(std::string(op.name));
  add_input(g, "x", {1, 4, 6, 6});
  node.add_input("x");
  for (int i = 1; i < std::max(op.min_inputs, std::min(op.max_inputs, 2)); ++i) {
    auto& t = *g.add_initializer();
    t.set_name("c" + std::to_string(i));
    node.add_input(t.name());
    const bool weights = op.name == "Conv" || op.name == "ConvTranspose";
    t.set_data_type(weights || op.name == "PRelu" ? 1 : 7);
    if (t.data_type() == 7) {
      t.add_dims(4);
      for (int64_t v : {1, 1, 2, 1}) t.add_int64_data(v);
    } else {
      for (int64_t d : {4, weights ? 4 : 1, 1, 1}) t.add_dims(d);
      for (int k = 0; k < (weights ? 16 : 4); ++k) t.add_float_data(.1f * static_cast<float>(k - 2));
    }
  }
  node.add_output("y");
  g.add_output()->set_name("y");
  return model;
}

class Models {
 public:
  Models(const fs::path& out)
      : onnx_(out / "onnx"), octet_(out / "model"), session_(out / "session"), quantise_(out / "quantise") {
    for (const fs::path& folder : {onnx_, octet_, session_, quantise_}) fs::create_directories(folder);
  }

  void add(const onnx::ModelProto& model) {
    const std::string bytes = model.SerializeAsString();
    if (bytes.size() > kLargest) return;
    const std::string name = std::to_string(++count_);
    const fs::path path = onnx_ / name;
    write(path, bytes.data(), bytes.size());
    write(quantise_ / name, bytes.data(), bytes.size());
    if (const auto converted = convert_model(path.string())) add(*converted);
    auto source = load_source(path.string());
    if (!source) return;
    Samples zeros;
    zeros.count = 1;
    zeros.fill = [](Session&, size_t) { return Result<void>(); };
    if (const auto made = quantize(*source, zeros)) add(made->bytes), add_exported(made->bytes);
  }
  void add(const std::vector<std::byte>& file) {
    if (file.size() > kLargest) return;
    const std::string name = std::to_string(++count_);
    write(octet_ / name, file.data(), file.size());
    std::vector<std::byte> driven(fuzz::kSessionChoices);
    std::minstd_rand random(static_cast<uint32_t>(count_));
    for (std::byte& choice : driven) choice = static_cast<std::byte>(random() >> 8);
    driven.insert(driven.end(), file.begin(), file.end());
    write(session_ / name, driven.data(), driven.size());
  }

 private:
  // What is quantised already, between QuantizeLinear and DequantizeLinear nodes.
  void add_exported(const std::vector<std::byte>& file) {
    const auto model = Model::from_bytes(file, "seed");
    const auto onnx = model ? export_onnx(*model) : Error{};
    if (onnx && onnx->size() <= kLargest) write(quantise_ / std::to_string(++count_), onnx->data(), onnx->size());
  }

  fs::path onnx_, octet_, session_, quantise_;
  int count_ = 0;
};

void write_models(const fs::path& source, const fs::path& out) {
  Models models(out);
  for (const bool dynamic : {false, true}) models.add(small_model(dynamic).finish());
  for (const convert::OnnxOp& op : convert::onnx_ops()) models.add(single(op));
  for (const char* name : {"detector.onnx", "segmenter.onnx"}) {
    std::ifstream in(source / "models" / name, std::ios::binary);
    onnx::ModelProto whole;
    if (!whole.ParseFromIstream(&in)) continue;
    const int nodes = whole.graph().node_size();
    for (int length : {1, 3, 6, 12})
      for (int first = 0; first + length <= nodes; first += length) models.add(window(whole, first, first + length));
  }
}

void write_pictures(const fs::path& source, const fs::path& out) {
  fs::create_directories(out);
  const fs::path data = source / "models/data/eval";
  cv::Mat photo = cv::imread((data / "images/eval_000.jpg").string()), small;
  cv::resize(photo, small, {21, 13}, 0, 0, cv::INTER_AREA);
  for (const char* ending : {".jpg", ".png", ".bmp", ".webp", ".tiff", ".ppm", ".hdr"}) {
    std::vector<uint8_t> bytes;
    if (cv::imencode(ending, small, bytes)) write(out / (std::string("photo") + ending), bytes.data(), bytes.size());
  }
  std::vector<uint8_t> bytes;
  cv::imencode(".jpg", small, bytes, {cv::IMWRITE_JPEG_PROGRESSIVE, 1});
  write(out / "progressive.jpg", bytes.data(), bytes.size());
  for (const auto& [name, kind] : {std::pair("grey.png", CV_8UC1), {"grey16.tiff", CV_16UC1}, {"alpha.png", CV_8UC4}}) {
    const std::string_view ending = std::string_view(name).substr(std::string_view(name).find('.'));
    if (cv::imencode(std::string(ending), cv::Mat(7, 9, kind, cv::Scalar(1, 200, 30, 4)), bytes))
      write(out / name, bytes.data(), bytes.size());
  }
  fs::copy_file(data / "labels/eval_000.png", out / "labels.png", fs::copy_options::overwrite_existing);
}

void write_annotations(const fs::path& source, const fs::path& out) {
  fs::create_directories(out);
  std::ifstream in(source / "models/data/eval/instances.json");
  auto coco = nlohmann::json::parse(in);
  auto results = nlohmann::json::array();
  for (const char* list : {"images", "annotations"})
    while (coco[list].size() > 3) coco[list].erase(coco[list].size() - 1);
  for (auto a : coco["annotations"]) a["score"] = .5, results.push_back(a);
  for (const auto& [name, text] : {std::pair("instances", coco.dump()), std::pair("results", results.dump())})
    write(out / name, text.data(), text.size());
  constexpr std::string_view kVoc =
      "<annotation><filename>a.jpg</filename><size><width>32</width><height>24</height><depth>3</depth></size>"
      "<object><name>cat</name><difficult>0</difficult><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>8</ymax>"
      "</bndbox></object></annotation>";
  write(out / "voc", kVoc.data(), kVoc.size());
}

void write_configs(const fs::path& out) {
  fs::create_directories(out);
  constexpr std::string_view kDetection =
      "metric: COCO\nnum_classes: 80\nEvalDataset:\n  !COCODataSet\n  image_dir: val\n  anno_path: val.json\n"
      "  dataset_dir: data\nEvalReader:\n  sample_transforms:\n  - Decode: {}\n  - Resize: {target_size: [640, 640], "
      "keep_ratio: True, interp: 2}\n  - LetterBoxResize: {target_size: 416}\n  - NormalizeImage: {is_scale: true, "
      "mean: "
      "[0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], norm_type: mean_std}\n  - Pad: {size: 640, fill_value: [114, "
      "114, "
      "114]}\n  - PadStride: {stride: 32}\n  - Permute: {}\n  batch_size: 4\n";
  constexpr std::string_view kSegmentation =
      "batch_size: 4\nval_dataset:\n  type: Dataset\n  dataset_root: data\n  val_path: val.txt\n  num_classes: 11\n"
      "  mode: val\n  transforms:\n  - type: Resize\n    target_size: [480, 352]\n  - type: Normalize\n    mean: 0.5\n"
      "Deploy:\n  model: model.pdmodel\n  transforms:\n  - type: Normalize\n";
  write(out / "detection", kDetection.data(), kDetection.size());
  write(out / "segmentation", kSegmentation.data(), kSegmentation.size());
}

void write_arrays(const fs::path& out) {
  fs::create_directories(out);
  const std::vector<std::byte> zeros(48);
  for (const DType type : {DType::kF32, DType::kU8, DType::kS8, DType::kS32, DType::kS64, DType::kBool}) {
    const int64_t elements = static_cast<int64_t>(zeros.size() / size_of(type));
    const auto file = npy::format(type, {2, elements / 2}, zeros);
    write(out / name_of(type), file.data(), file.size());
  }
}

// For targets whose inputs are nothing but choices.
void write_choices(const fs::path& out, size_t bytes) {
  fs::create_directories(out);
  std::minstd_rand random(1);
  for (int i = 0; i < 40; ++i) {
    std::vector<uint8_t> choices(bytes);
    for (uint8_t& c : choices) c = static_cast<uint8_t>(random() >> 8);
    write(out / std::to_string(i), choices.data(), choices.size());
  }
}

}  // namespace
}  // namespace octet

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "seeds SOURCE_DIR OUT_DIR\n");
    return 2;
  }
  const std::filesystem::path source = argv[1], out = argv[2];
  octet::write_models(source, out);
  octet::fuzz::write_paddle_seeds(out / "paddle");
  octet::fuzz::write_pir_seeds(out / "pir");
  octet::write_pictures(source, out / "images");
  octet::write_annotations(source, out / "annotations");
  octet::write_configs(out / "config");
  octet::write_arrays(out / "npy");
  octet::write_choices(out / "capi", 150);
  octet::write_choices(out / "isa", 100);
  return 0;
}
