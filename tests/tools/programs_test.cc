// octet-run, octet-bench and octet-inspect from outside: what they print, write and exit with.
#include <gtest/gtest.h>
#include <octet/octet.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/npy.h"
#include "files/files.h"

namespace octet {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

const std::string kModels = OCTET_MODELS, kInt8 = kModels + "/int8.octet", kFloat = kModels + "/float.octet",
                  kPhoto = kModels + "/photo.npy";

struct Ran {
  int exit_code = -1;
  std::string text;  // both streams
};

// A program of the build, by name, with these arguments (quoted by the caller where that matters).
Ran run(const std::string& command) {
  Ran ran;
  std::FILE* pipe = popen((std::string(OCTET_BIN) + "/" + command + " 2>&1").c_str(), "r");
  char buffer[4096];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) ran.text.append(buffer, n);
  const int status = pclose(pipe);
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

bool contains(const Ran& ran, const std::string& what) { return ran.text.find(what) != std::string::npos; }

class Programs : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("octet_programs_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string write(const std::string& name, const std::vector<std::byte>& bytes) const {
    const NewFile file{path(name), bytes};
    EXPECT_TRUE(write_files({&file, 1}));
    return file.path;
  }
  std::string zeros(const std::string& name, DType dtype, const Shape& shape) const {
    const std::vector<std::byte> data(static_cast<size_t>(shape.elements()) * size_of(dtype));
    return write(name, npy::format(dtype, shape, data));
  }
  fs::path folder_;
};

// What a session gives, as the files that octet-run should write.
std::vector<NewFile> expected(const std::string& model_path, const SessionOptions& options) {
  auto model = Model::map(model_path);
  auto session = Session::create(*model, options);
  const auto photo = npy::read(kPhoto);
  std::memcpy(session->input(0).data, photo->data.data(), photo->data.size());
  EXPECT_TRUE(session->run());
  std::vector<NewFile> files;
  for (size_t i = 0; i < model->outputs().size(); ++i) {
    const Tensor t = session->output(static_cast<int>(i));
    const std::span data(static_cast<const std::byte*>(t.data),
                         static_cast<size_t>(t.shape.elements()) * size_of(t.dtype));
    files.push_back({npy::file_stem(t.name) + ".npy", npy::format(t.dtype, t.shape, data)});
  }
  return files;
}

TEST_F(Programs, RunWritesWhatTheSessionGives) {
  for (const auto& [model, precision, why] : {std::tuple{kInt8, Precision::kInt8, "int8"},
                                              {kInt8, Precision::kF32, "a quantised file in float"},
                                              {kFloat, Precision::kF32, "a float file"}}) {
    const std::string out = path(std::string("out/") + (precision == Precision::kInt8 ? "int8" : "fp32"));
    const Ran ran = run("octet-run " + model + " --input " + kPhoto + " --output-dir " + out + " --precision " +
                        (precision == Precision::kInt8 ? "int8" : "fp32"));
    ASSERT_EQ(ran.exit_code, 0) << why << ran.text;
    SessionOptions options;
    options.precision = precision;
    const auto files = expected(model, options);
    for (const NewFile& f : files) {
      const auto bytes = read_file(out + "/" + f.path);
      ASSERT_TRUE(bytes) << why;
      EXPECT_EQ(*bytes, f.bytes) << why;
    }
    EXPECT_EQ(static_cast<size_t>(std::distance(fs::directory_iterator(out), {})), files.size()) << "nothing else";
    fs::remove_all(out);
  }
}

TEST_F(Programs, AllTakeSourceModelsAndNamesOfAnyKind) {
  const std::string onnx = std::string(OCTET_SOURCE_DIR) + "/models/detector.onnx", unnamed = path("model");
  fs::copy_file(kFloat, unnamed);
  for (const std::string& model : {onnx, unnamed}) {
    const Ran ran = run("octet-run " + model + " --input " + kPhoto +
                        " --cpu_threads 2 --use_mkldnn True --output-dir " + path("out"));
    EXPECT_EQ(ran.exit_code, 0) << ran.text;
    for (const NewFile& f : expected(kFloat, {.precision = Precision::kF32}))
      EXPECT_EQ(*read_file(path("out/") + f.path), f.bytes) << model;
    fs::remove_all(path("out"));
    const Ran inspected = run("octet-inspect --json " + model);
    EXPECT_EQ(Json::parse(inspected.text, nullptr, false)["inputs"][0]["shape"], Json({1, 3, 320, 320}));
  }
  for (const char* program :
       {"octet-run", "octet-bench", "octet-inspect", "octet-convert", "paddle_inference_eval", "test_seg"})
    EXPECT_TRUE(run(std::string(program) + " --version")
                    .text.starts_with(std::string(version()) + ", kernels " + std::string(cpu_kernels())))
        << program;
}

TEST_F(Programs, RunRestrictsOps) {
  const std::string base = "octet-run " + kInt8 + " --input " + kPhoto + " --output-dir ";
  ASSERT_EQ(run(base + path("all")).exit_code, 0);
  ASSERT_EQ(run(base + path("fp32") + " --precision fp32").exit_code, 0);
  ASSERT_EQ(run(base + path("none") + " --int8_exclude conv2d,depthwise_conv2d").exit_code, 0);
  const auto bytes = [&](const char* name) { return *read_file(fs::directory_iterator(path(name))->path().string()); };
  EXPECT_NE(bytes("all"), bytes("fp32"));
  EXPECT_NE(bytes("all"), bytes("none"));
  const Ran unknown = run(base + path("x") + " --int8_ops conv2d,no_such_op");
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_TRUE(contains(unknown, "no_such_op")) << unknown.text;
  EXPECT_FALSE(fs::exists(path("x")));
}

TEST_F(Programs, RunRefusesBadArgumentsAndWritesNothing) {
  auto truncated = *read_file(kInt8);
  truncated.resize(truncated.size() - 1);
  const std::string cut = write("cut.octet", truncated), text = write("text.npy", std::vector<std::byte>(40));
  const std::string shape = zeros("shape.npy", DType::kF32, {1, 3, 32}),
                    floats = zeros("sizes.npy", DType::kF32, {1, 4, 320, 320});
  const std::string boolean = zeros("bool.npy", DType::kBool, {1, 3, 320, 320});
  const std::string model = " " + kInt8 + " ", input = " --input " + kPhoto, out = " --output-dir " + path("out");
  for (const auto& [arguments, code, part] : std::vector<std::tuple<std::string, int, std::string>>{
           {"", 2, "required"},
           {model + input, 2, "--output-dir"},
           {model + input + out + " --no-such-flag", 2, "--no-such-flag"},
           {model + input + out + " --precision int4", 2, "int4"},
           {model + input + out + " --threads 0", 2, "0"},
           {model + input + out + " --threads two", 2, "two"},
           {" " + path("none.octet") + input + out, 1, "none.octet"},
           {" " + cut + input + out, 1, "cut.octet"},
           {" " + kPhoto + input + out, 1, "photo.npy"},
           {model + out, 1, "no file for input"},
           {model + input + input + out, 1, "given twice"},
           {model + " --input nobody=" + kPhoto + out, 1, "no input 'nobody'"},
           {model + " --input " + path("none.npy") + out, 1, "none.npy"},
           {model + " --input " + folder_.string() + out, 1, "is a folder"},
           {model + " --input " + text + out, 1, "not a NumPy"},
           {model + " --input " + shape + out, 1, "{1, 3, 32}"},
           {model + " --input " + floats + out, 1, "{1, 4, 320, 320}"},
           {model + " --input " + boolean + out, 1, "bool"},
           {" " + kFloat + input + out + " --precision int8", 1, "quantised"}}) {
    const Ran ran = run("octet-run" + arguments);
    EXPECT_EQ(ran.exit_code, code) << arguments << "\n" << ran.text;
    EXPECT_NE(ran.text.find(part), std::string::npos) << arguments << "\n" << ran.text;
    EXPECT_FALSE(fs::exists(path("out"))) << arguments;
  }
  EXPECT_EQ(run("octet-run --help").exit_code, 0);
}

TEST_F(Programs, RunLeavesNothingHalfWritten) {
  const std::string command = "octet-run " + kInt8 + " --input " + kPhoto + " --output-dir ";
  const Ran file_in_the_way = run(command + write("file", {}));
  EXPECT_EQ(file_in_the_way.exit_code, 1) << file_in_the_way.text;
  ASSERT_EQ(run(command + path("out")).exit_code, 0);
  const std::string output = fs::directory_iterator(path("out"))->path().string();
  fs::remove(output);
  fs::create_directories(output + "/folder");  // a rename cannot replace it
  const Ran folder_in_the_way = run(command + path("out"));
  EXPECT_EQ(folder_in_the_way.exit_code, 1) << folder_in_the_way.text;
  for (const auto& entry : fs::directory_iterator(path("out"))) EXPECT_EQ(entry.path().string(), output);
}

TEST_F(Programs, InspectPrintsTheModel) {
  const Ran text = run("octet-inspect " + kInt8);
  EXPECT_EQ(text.exit_code, 0);
  for (const char* part :
       {"int8.octet: format 1.", "inputs\n", "images f32{1,3,320,320}", "conv2d '", "int8 ops: ", "does the work of '"})
    EXPECT_TRUE(contains(text, part)) << part << "\n" << text.text.substr(0, 2000);
  for (const std::string& model : {kInt8, kFloat}) {
    const Ran ran = run("octet-inspect --json " + model);
    const Json d = Json::parse(ran.text, nullptr, false);
    ASSERT_FALSE(d.is_discarded()) << ran.text.substr(0, 500);
    EXPECT_EQ(d["quantized"], model == kInt8);
    EXPECT_EQ(d["file_bytes"], fs::file_size(model));
    EXPECT_EQ(d["inputs"][0]["shape"], Json({1, 3, 320, 320}));
    EXPECT_EQ(d["weights"].contains("s8"), model == kInt8);
    EXPECT_GT(d["nodes"].size(), 20u);
    bool quantised = false, fused = false;
    for (const Json& n : d["nodes"]) fused |= !n["fused"].empty();
    EXPECT_TRUE(fused);
    for (const Json& n : d["nodes"])
      for (const Json& t : n["outputs"]) quantised |= t.contains("quant");
    EXPECT_EQ(quantised, model == kInt8);
  }
  EXPECT_EQ(run("octet-inspect").exit_code, 2);
  const Ran missing = run("octet-inspect " + path("none.octet"));
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_TRUE(contains(missing, "none.octet")) << missing.text;
}

// Control characters of a model's names would move the cursor, or worse.
TEST_F(Programs, NamesOfAModelReachTheTerminalEscaped) {
  auto bytes = *read_file(OCTET_SOURCE_DIR "/models/detector.onnx");
  std::string onnx(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (size_t at = 0; (at = onnx.find("images", at)) != onnx.npos;) onnx.replace(at, 6, "</s>\x1b[");
  ASSERT_TRUE(write_text(path("m.onnx"), onnx));
  for (const std::string& command :
       {"octet-inspect " + path("m.onnx"), "octet-inspect --json " + path("m.onnx"),
        "octet-bench --runs 1 --warmup 0 --profile " + path("m.onnx"),
        "octet-run " + path("m.onnx") + " --input x=y.npy --output-dir " + path("out"),
        "octet-convert convert " + path("m.onnx") + " --outputs '\x1b[31m' -o " + path("m.octet"),
        "octet-convert quantize " + path("m.onnx") +
            " --images 1 --data " OCTET_SOURCE_DIR "/models/data/calib/images -o " + path("m.octet")}) {
    const Ran ran = run(command);
    EXPECT_FALSE(contains(ran, "\x1b")) << command;
    EXPECT_TRUE(ran.exit_code == 0 || contains(ran, "\\x1b[")) << ran.text;
  }
  EXPECT_TRUE(contains(run("octet-inspect " + path("m.onnx")), "</s>\\x1b[ f32{1,3,320,320}"));
  ASSERT_EQ(run("octet-inspect " + path("m.onnx") + " --html " + path("m.html")).exit_code, 0);
  bytes = *read_file(path("m.html"));
  const std::string page(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  EXPECT_EQ(page.find("</s>"), page.npos) << "no name ends the script";
}

TEST_F(Programs, InspectDrawsAPageWithTheModelAndItsTimes) {
  const std::string page = path("model.html"), profile = path("profile.json");
  ASSERT_EQ(run("octet-bench " + kInt8 + " --runs 1 --warmup 0 --profile --json " + profile).exit_code, 0);
  const Ran ran = run("octet-inspect " + kInt8 + " --html " + page + " --profile " + profile);
  ASSERT_EQ(ran.exit_code, 0) << ran.text;
  std::ifstream file(page);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::string begin = "<script id=\"model\" type=\"application/json\">";
  const size_t at = text.find(begin);
  ASSERT_NE(at, text.npos);
  const size_t from = at + begin.size();
  const Json d = Json::parse(text.substr(from, text.find("</script>", from) - from), nullptr, false);
  ASSERT_FALSE(d.is_discarded());
  EXPECT_GT(d["nodes"].size(), 20u);
  EXPECT_GT(d["profile"]["steps"].size(), 20u);
  std::map<std::string, int> precisions;
  for (const Json& n : d["nodes"]) ++precisions[n["precision"]];
  EXPECT_GT(precisions["int8"], 20);
  for (const char* outside : {"http://", "https://", "src=", "@import"})
    EXPECT_EQ(text.find(outside), text.npos) << outside;

  const std::string other = write("other.json", {std::byte{'{'}, std::byte{'}'}});
  const Ran wrong = run("octet-inspect " + kInt8 + " --html " + path("none.html") + " --profile " + other);
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_TRUE(contains(wrong, "octet-bench MODEL --profile --json")) << wrong.text;
  EXPECT_FALSE(fs::exists(path("none.html")));
}

TEST_F(Programs, BenchReportsNumbers) {
  const std::string json = path("bench.json");
  const Ran ran = run("octet-bench " + kInt8 + " --runs 5 --warmup 1 --threads 2 --profile --json " + json);
  ASSERT_EQ(ran.exit_code, 0) << ran.text;
  for (const char* part : {"median ", " p99 ", "GMAC/s", "int8 peak", "conv2d"})
    EXPECT_TRUE(contains(ran, part)) << ran.text;
  std::ifstream file(json);
  const Json d = Json::parse(file, nullptr, false);
  ASSERT_FALSE(d.is_discarded());
  EXPECT_EQ(d["precision"], "int8");
  EXPECT_EQ(d["runs"], 5);
  EXPECT_EQ(d["threads"], 2);
  EXPECT_LE(d["min_ms"], d["median_ms"]);
  EXPECT_LE(d["median_ms"], d["p90_ms"]);
  EXPECT_LE(d["p90_ms"], d["p99_ms"]);
  EXPECT_GT(d["gmac"], 0.1);
  EXPECT_GT(d["int8_peak_gmac_per_s"], 1);
  EXPECT_GT(d["share_of_int8_peak"], 0);
  double share = 0, macs = 0, op_ms = 0, step_ms = 0;
  for (const Json& s : d["steps"])
    share += s["share"].get<double>(), macs += s["macs"].get<double>(), step_ms += s["ms"].get<double>();
  for (const Json& s : d["ops"]) op_ms += s["ms"].get<double>();
  EXPECT_NEAR(share, 1, 1e-6);
  EXPECT_NEAR(macs * 1e-9, d["gmac"].get<double>(), 1e-9);
  EXPECT_NEAR(op_ms, step_ms, 1e-6);
}

TEST_F(Programs, BenchTakesSourceModelsAndRefusesNonsense) {
  const std::string onnx = std::string(OCTET_SOURCE_DIR) + "/models/detector.onnx";
  const Ran ran = run("octet-bench " + onnx + " --runs 1 --warmup 0 --json -");
  EXPECT_EQ(ran.exit_code, 0) << ran.text;
  EXPECT_EQ(Json::parse(ran.text, nullptr, false)["precision"], "fp32");
  for (const auto& [arguments, code, part] : std::vector<std::tuple<std::string, int, std::string>>{
           {"", 2, "required"},
           {kInt8 + " --runs 0", 2, "0"},
           {kInt8 + " --shape 1,3,x", 2, "1,3,640,640"},
           {kInt8 + " --shape 1,3,64", 1, "{1, 3, 64}"},
           {kInt8 + " --shape nobody=1,3,320,320", 1, "nobody"},
           {kInt8 + " --runs 1 --warmup 0 --json " + path("no/such/folder.json"), 1, "folder.json"},
           {kFloat + " --precision int8", 1, "quantised"},
           {path("none.onnx"), 1, "none.onnx"}}) {
    const Ran refused = run("octet-bench " + arguments);
    EXPECT_EQ(refused.exit_code, code) << arguments << "\n" << refused.text;
    EXPECT_TRUE(contains(refused, part)) << arguments << "\n" << refused.text;
  }
}

}  // namespace
}  // namespace octet
