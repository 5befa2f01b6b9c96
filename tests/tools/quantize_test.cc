// octet-convert quantize from outside: defaults of families, old and new names of options, what help says of methods.
#include <gtest/gtest.h>
#include <octet/quantize.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/npy.h"
#include "files/files.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

struct Ran {
  int exit_code = -1;
  std::string text;  // both streams
};

Ran run(const std::string& command) {
  Ran ran;
  std::FILE* pipe = popen((std::string(OCTET_BIN) + "/octet-convert " + command + " 2>&1").c_str(), "r");
  char buffer[4096];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) ran.text.append(buffer, n);
  const int status = pclose(pipe);
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

class Quantize : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("octet_quantize_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  // The bytes that the bundled detector becomes.
  std::vector<std::byte> made(const std::string& flags, const char* worst = "0") {
    const std::string file = (folder_ / "made.octet").string();
    const Ran ran = run("quantize " OCTET_SOURCE_DIR "/models/detector.onnx --data " OCTET_SOURCE_DIR
                        "/models/data/calib/images --threads 1 -o " +
                        file + " --images 2 --worst " + worst + " " + flags);
    EXPECT_EQ(ran.exit_code, 0) << flags << "\n" << ran.text;
    auto bytes = read_file(file);
    EXPECT_TRUE(bytes) << flags;
    return bytes ? *bytes : std::vector<std::byte>{};
  }
  fs::path folder_;
};

// Where it does not matter how.
const std::string kQuick = " --algo minmax --per_channel depthwise --weights max ";

TEST_F(Quantize, DefaultsAreWhatTheHelpSays) {
  EXPECT_EQ(made("--arch yolov5"), made("--arch YOLOv5 --algo auto --per_channel auto --weights adaround --bias mean"));
}

// The bundled detector says nothing, its outputs are those of a YOLOv5.
TEST_F(Quantize, TheFileRemembersHowItWasMade) {
  const auto bytes = made(kQuick + "--scale 128", "1");
  EXPECT_EQ(bytes, made(kQuick + "--arch YOLOv5 --scale 128", "1"));
  const auto said = [](const std::vector<std::byte>& file, const char* key) {
    return std::string(Model::from_bytes(file, "made")->metadata(key));
  };
  EXPECT_EQ(said(bytes, "octet.arch"), "YOLOv5");
  EXPECT_NE(said(bytes, "octet.preprocess").find("\"scale\":0.0078125"), std::string::npos);
  const std::string calibration = said(bytes, "octet.calibration");
  EXPECT_EQ(calibration.find("samples=2 digest="), 0u) << calibration;
  EXPECT_NE(calibration.find(" algo=minmax per_channel=depthwise weights=max bias=mean"), std::string::npos);
  const std::string other = said(made(kQuick + "--scale 127"), "octet.calibration");
  EXPECT_NE(calibration.substr(10, 24), other.substr(10, 24)) << "fed otherwise, another digest";
  EXPECT_NE(said(bytes, "octet.layer_errors").find(" /stem/conv/Conv\n"), std::string::npos);
  EXPECT_EQ(said(made(kQuick), "octet.layer_errors"), "") << "--worst 0: not measured";
  const Ran shown = run("--version; " OCTET_BIN "/octet-inspect " + (folder_ / "made.octet").string());
  EXPECT_NE(shown.text.find("octet.arch = YOLOv5"), std::string::npos) << shown.text;
}

TEST_F(Quantize, AFamilyThatNobodyNamesIsAskedFor) {
  const std::string end = " --data " OCTET_SOURCE_DIR "/models/data/calib/images --images 1 --worst 0" + kQuick +
                          " -o " + (folder_ / "x.octet").string();
  const std::string head = "quantize " OCTET_SOURCE_DIR "/models/detector.onnx --outputs /stem/conv/Conv_output_0";
  const Ran segmenter = run(head + end);
  EXPECT_NE(segmenter.text.find("family       seg"), std::string::npos) << segmenter.text;
  const char* shared = std::getenv("OCTET_TEST_DATA");
  const std::string yolox =
      std::string(shared ? shared : OCTET_SOURCE_DIR "/../shared") + "/models/onnx/yolox_nano.onnx";
  if (!fs::exists(yolox)) GTEST_SKIP() << yolox << " is missing";
  const Ran ran = run("quantize " + yolox + end);
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.text.find("say --arch, one of YOLOv6, YOLOX"), std::string::npos) << ran.text;
  EXPECT_NE(ran.text.find("--scale"), std::string::npos) << ran.text;
  EXPECT_EQ(run("quantize " + yolox + " --scale 255" + end).exit_code, 0);
}

TEST_F(Quantize, BiasesByEitherName) {
  const auto none = made(kQuick + "--bias none");
  EXPECT_EQ(none, made(kQuick + "--no_bias_correction"));
  EXPECT_NE(none, made(kQuick));
  EXPECT_EQ(run("quantize x.onnx --data . -o y --bias mean --no_bias_correction").exit_code, 2) << "they contradict";
}

TEST(QuantizeHelp, NamesEveryMethod) {
  const Ran help = run("quantize --help");
  EXPECT_EQ(help.exit_code, 0);
  for (const auto& choices : {range_choices(), per_channel_choices(), weight_choices(), bias_choices()})
    for (const Choice& c : choices)
      EXPECT_NE(help.text.find(std::string(c.name) + " ("), std::string::npos) << c.name << "\n" << help.text;
}

// What is no picture, as files of what the model takes.
TEST_F(Quantize, ArraysAreCalibrationDataToo) {
  const fs::path data = folder_ / "arrays";
  const auto write = [&](const std::string& name, const Shape& shape, float value) {
    const std::vector<float> values(static_cast<size_t>(shape.elements()), value);
    const NewFile file{(data / name).string(), npy::format(DType::kF32, shape, std::as_bytes(std::span(values)))};
    ASSERT_TRUE(write_files({&file, 1}));
  };
  const std::string command = "quantize " OCTET_SOURCE_DIR
                              "/models/detector.onnx --algo minmax --worst 0 --threads 1 --data " +
                              data.string() + " -o " + (folder_ / "made.octet").string();
  fs::create_directories(data);
  EXPECT_NE(run(command).text.find("holds no pictures"), std::string::npos);
  for (const char* name : {"a.npy", "b.npy", "c.npy"}) write(name, {1, 3, 320, 320}, 0.5f);
  const Ran ran = run(command);
  EXPECT_EQ(ran.exit_code, 0) << ran.text;
  EXPECT_NE(ran.text.find("calibrated   3 samples"), std::string::npos) << ran.text;
  EXPECT_NE(run(command + " --images 2").text.find("calibrated   2 samples"), std::string::npos);
  write("b.npy", {1, 3, 320}, 0.5f);
  const Ran wrong = run(command);
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_NE(wrong.text.find("b.npy: "), std::string::npos) << wrong.text;

  // Archives of NumPy's, compressed or not.
  fs::remove_all(data);
  fs::create_directories(data);
  ASSERT_EQ(
      std::system(("/usr/bin/python3 -c \"import numpy as n; x = n.full((1, 3, 320, 320), .5, n.float32); n.savez('" +
                   data.string() + "/a.npz', images=x); n.savez_compressed('" + data.string() + "/b.npz', other=x)\"")
                      .c_str()),
      0);
  const Ran archives = run(command);
  EXPECT_NE(archives.text.find("calibrated   2 samples"), std::string::npos) << archives.text;
  fs::resize_file(data / "b.npz", fs::file_size(data / "b.npz") / 2);
  const Ran damaged = run(command);
  EXPECT_EQ(damaged.exit_code, 1);
  EXPECT_NE(damaged.text.find("b.npz: is not a NumPy .npz file"), std::string::npos) << damaged.text;
}

TEST_F(Quantize, PicturesFitChannelsAndBatches) {
  const std::string jpg = OCTET_SOURCE_DIR "/models/data/calib/images", png = (folder_ / "png").string();
  fs::create_directories(png);
  ASSERT_EQ(
      std::system(
          ("/usr/bin/python3 -c \"import struct, zlib; c = lambda t, d: struct.pack('>I', len(d)) + t + d + "
           "struct.pack('>I', "
           "zlib.crc32(t + d)); open('" +
           png +
           "/a.png', 'wb').write(b'\\x89PNG\\r\\n\\x1a\\n' + c(b'IHDR', struct.pack('>IIBBBBB', 8, 8, 8, 6, 0, 0, 0)) "
           "+ "
           "c(b'IDAT', zlib.compress((b'\\0' + bytes(range(32))) * 8)) + c(b'IEND', b''))\"")
              .c_str()),
      0);
  const auto quantized = [&](const char* shape, const std::string& pictures) {
    const std::string model = (folder_ / "small.onnx").string();
    EXPECT_EQ(std::system((OCTET_SOURCE_DIR "/tests/tools/small_onnx.py " + model + " " + shape).c_str()), 0);
    return run("quantize " + model + " --scale 255 --images 4 --worst 0 --threads 1 --data " + pictures + " -o " +
               (folder_ / "small.octet").string());
  };
  EXPECT_NE(quantized("1 1 32 32", jpg).text.find("calibrated   4 samples"), std::string::npos) << "grey";
  EXPECT_NE(quantized("4 3 32 32", jpg).text.find("calibrated   1 samples"), std::string::npos) << "a batch of four";
  EXPECT_NE(quantized("1 4 32 32", png).text.find("calibrated   1 samples"), std::string::npos) << "four channels";
  const Ran refused = quantized("1 4 32 32", jpg);
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.text.find("the model takes 4 channels"), std::string::npos) << refused.text;
  const Ran other = quantized("1 5 32 32", jpg);
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_NE(other.text.find("1, 3 or 4 channels"), std::string::npos) << other.text;
}

constexpr const char* kOnTheDetector = OCTET_SOURCE_DIR "/models/detector.onnx --data " OCTET_SOURCE_DIR
                                                        "/models/data/calib/images --images 2 --threads 1 ";
constexpr const char* kItsDataset = " --dataset " OCTET_SOURCE_DIR "/models/data/eval --metric_images 2 --jobs 1 ";

std::string text_of(const fs::path& path) {
  const auto bytes = read_file(path.string());
  EXPECT_TRUE(bytes) << path;
  return bytes ? std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()) : "";
}

TEST_F(Quantize, AnalysisWritesAPageATableAndJson) {
  const std::string command = std::string("analyze ") + kOnTheDetector + "--algo minmax --pictures 1 -o " +
                              folder_.string() + kItsDataset + "--metric_layers 1";
  const Ran ran = run(command);
  ASSERT_EQ(ran.exit_code, 0) << ran.text;
  const std::string json = text_of(folder_ / "analysis.json"), table = text_of(folder_ / "analysis.csv"),
                    page = text_of(folder_ / "analysis.html");
  const auto found = nlohmann::json::parse(json);
  ASSERT_GT(found["layers"].size(), 50u);
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), static_cast<int>(found["layers"].size()) + 1);
  double before = -1e9;
  for (const auto& layer : found["layers"]) {
    EXPECT_GE(layer["both"]["db"].get<double>(), before) << "the worst come first";
    before = layer["both"]["db"];
    EXPECT_GT(layer["read"]["histogram"]["bins"].size(), 8u) << layer["name"];
    EXPECT_NE(table.find(layer["name"].get<std::string>()), std::string::npos);
  }
  EXPECT_TRUE(found["layers"][0].contains("metric"));
  EXPECT_FALSE(found["layers"][1].contains("metric")) << "--metric_layers";
  EXPECT_EQ(found["metric"]["pictures"], 2);
  for (const char* outside : {"src=", "href=", "@import", "url(", "@LAYOUT@", "@ANALYSIS@"})
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  const std::string kBegin = "<script id=\"analysis\" type=\"application/json\">";
  const size_t begin = page.find(kBegin);
  ASSERT_NE(begin, std::string::npos);
  const std::string inside = page.substr(begin + kBegin.size(), page.find("</script>", begin) - begin - kBegin.size());
  EXPECT_EQ(nlohmann::json::parse(inside), found) << "the page has the same numbers";

  // What the metric was once is not measured again, unless the model or the data are others.
  const auto written = fs::last_write_time(folder_ / "metric.json");
  EXPECT_EQ(run(command).exit_code, 0);
  EXPECT_EQ(fs::last_write_time(folder_ / "metric.json"), written);
}

TEST_F(Quantize, CompareNamesWhatDeparts) {
  const std::string file = (folder_ / "made.octet").string();
  made(kQuick);
  const std::string on = " --data " OCTET_SOURCE_DIR "/models/data/calib/images";
  const Ran same = run("compare " + file + " " + file + on);
  EXPECT_EQ(same.exit_code, 0) << same.text;
  const Ran first = run("compare " + file + " " + file + " --float_b --least_db 200" + on);
  EXPECT_EQ(first.exit_code, 1) << first.text;
  EXPECT_NE(first.text.find("departs "), std::string::npos) << first.text;
  EXPECT_NE(first.text.find("by /stem/conv/Conv"), std::string::npos) << first.text;
  EXPECT_EQ(run("compare " + file + " " + folder_.string() + on).exit_code, 2) << "no tensor of a common name";
}

TEST_F(Quantize, ABoundThatCannotBeHeldSaysSo) {
  const std::string file = (folder_ / "made.octet").string();
  const std::string command =
      std::string("quantize ") + kOnTheDetector + "--worst 0 -o " + file + kItsDataset + "--evaluations 4 ";
  const Ran never = run(command + "--target_metric 1 --per_channel all --algo percentile --weights max");
  EXPECT_EQ(never.exit_code, 3) << never.text;
  EXPECT_NE(never.text.find("mAP 1.0000 was not reached"), std::string::npos) << never.text;
  EXPECT_TRUE(fs::exists(file)) << "the best that was found";
  const Ran plain = run(command + kQuick + "--max_drop 1");
  EXPECT_EQ(plain.exit_code, 0) << plain.text;
  EXPECT_EQ(text_of(file), [&] {
    const auto bytes = made(kQuick);
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }()) << "a bound that holds changes nothing";
  EXPECT_EQ(run(std::string("quantize ") + kOnTheDetector + "-o " + file + " --max_drop 0.1").exit_code, 2)
      << "without data there is no metric";
}

}  // namespace
}  // namespace octet
