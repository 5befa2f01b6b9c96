// What users do wrong, a row each: the exit code, a part of the message, and nothing left behind.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

namespace octet {
namespace {

namespace fs = std::filesystem;

// In a command: {in} and {out} are folders, {int8} {float} {onnx} {seg} {photo} {picture} good files, {data} a good data set;
// {full} is a folder on a full disk, {fixed} one that cannot be written. Everything in {in} is made by make_inputs().
struct Row {
  const char* command;
  int exit_code;
  const char* message;
};

constexpr Row kRows[] = {
    // octet-convert
    {"octet-convert", 2, "subcommand"},
    {"octet-convert translate {onnx} -o {out}/a.octet", 2, "there is no command 'translate'"},
    {"octet-convert quantise {onnx} -o {out}/a.octet", 2, "'quantise'; did you mean quantize?"},
    {"octet-convert quantize --per-chanel all", 2, "there is no flag --per-chanel; did you mean --per_channel?"},
    {"octet-convert convert {onnx}", 2, "--output"},
    {"octet-convert convert {in}/none.onnx -o {out}/a.octet", 1, "none.onnx: No such file"},
    {"octet-convert convert {in}/empty.onnx -o {out}/a.octet", 1, "empty.onnx: is not an ONNX file"},
    {"octet-convert convert {in}/text.onnx -o {out}/a.octet", 1, "text.onnx: is not an ONNX file"},
    {"octet-convert convert {in}/cut.onnx -o {out}/a.octet", 1, "cut.onnx: is not an ONNX file"},
    {"octet-convert convert {in} -o {out}/a.octet", 1, "{in}"},
    {"octet-convert convert {int8} -o {out}/a.octet", 1, "int8.octet"},
    {"octet-convert convert {onnx} -o {out}/a.octet --outputs nosuch", 1, "'nosuch'"},
    {"octet-convert convert {onnx} -o {out}/a.octet --input-shape images=1,3", 1, "images"},
    {"octet-convert convert {onnx} -o {out}/a.octet --input-shape images=x", 2, "--input-shape: images=x"},
    {"octet-convert convert {onnx} -o {out}/a.octet --input-shape nosuch=1,3,320,320", 1, "nosuch"},
    {"octet-convert convert {onnx} -o {out}/a.octet --input-shape 1,3,320,320", 2, "say of which input"},
    {"octet-convert convert --simulate False --outputs nosuch {onnx} -o {out}/a.octet", 1, "'nosuch'"},
    {"octet-convert convert {onnx} --simulate=perhaps -o {out}/a.octet", 2, "--simulate"},
    {"octet-convert convert {onnx} -o {in}/text.txt/a.octet", 1, "text.txt/a.octet"},
    {"octet-convert convert {onnx} -o {out}/none/a.octet", 1, "none/a.octet"},
    {"octet-convert convert {onnx} -o {in}", 1, "{in}"},
    {"octet-convert convert {onnx} -o {full}/a.octet", 1, "a.octet"},
    {"octet-convert convert {onnx} -o {fixed}/a.octet", 1, "a.octet"},
    {"octet-convert export-onnx {int8}", 2, "--output"},
    {"octet-convert export-onnx {in}/none.octet -o {out}/a.onnx", 1, "none.octet: No such file"},
    {"octet-convert export-onnx {onnx} -o {out}/a.onnx", 1, "detector.onnx"},
    {"octet-convert export-onnx {float} -o {out}/a.onnx", 1, "not quantised; --float"},
    {"octet-convert export-onnx {int8} -o {out}/a.onnx --opset 12", 2, "12: wanted is a number from 13 to 21"},
    {"octet-convert export-onnx {int8} -o {out}/none/a.onnx", 1, "none/a.onnx"},
    {"octet-convert export-onnx {int8} -o {full}/a.onnx", 1, "a.onnx"},
    {"octet-convert quantize {onnx} -o {out}/a.octet", 2, "--data"},
    {"octet-convert quantize {onnx} -o {out}/a.octet --data {in}/none", 1, "none"},
    {"octet-convert quantize {onnx} -o {out}/a.octet --data {in}/empty", 1, "empty"},
    {"octet-convert quantize {onnx} -o {out}/a.octet --data {in}/text.txt", 1, "text.txt"},
    {"octet-convert quantize {onnx} -o {out}/a.octet --data {in}/broken", 1, "broken.jpg"},
    {"octet-convert quantize {onnx} -o {out}/a.octet --data {in}/pictures --algo best", 2, "best"},
    {"octet-convert quantize {onnx} -o {out}/a.octet --data {in}/pictures --weights best", 2, "max,mse"},
    {"octet-convert quantize {onnx} -o {out}/a.octet --data {in}/pictures --bias best", 2, "mean,none"},
    {"octet-convert quantize {onnx} -o {out}/a.octet --data {in}/pictures --percentile 101 --algo percentile", 2,
     "ercentile"},
    {"octet-convert quantize {onnx} -o {out}/a.octet --data {in}/pictures --per_channel some", 2,
     "--per_channel: some"},
    {"octet-convert quantize {onnx} -o {out}/a.octet --data {in}/pictures --arch RCNN", 2, "RCNN"},
    {"octet-convert quantize {onnx} -o {out}/a.octet --data {in}/pictures --images -1", 2, "--images: -1: wanted"},
    {"octet-convert quantize {onnx} -o {out}/a.octet --data {in}/pictures --worst -1", 2, "--worst: -1: wanted"},
    {"octet-convert quantize {onnx} -o {out}/a.octet --data {in}/pictures --percentile nan", 2, "nan: wanted"},
    {"octet-convert convert {onnx} -o {out}/a.octet --memory_limit 1", 1, "more than the memory_limit of 1 MiB"},
    {"octet-convert convert {onnx} -o {out}/a.octet --max_nodes 3", 1, "more than the max_nodes of 3"},
    {"octet-convert convert {onnx} -o {out}/a.octet --memory_limit -1", 2, "-1: wanted is a number from 0"},
    {"octet-convert convert {onnx} -o /dev/full", 1, "/dev/full: cannot write: No space left"},
    {"octet-convert ops > /dev/full", 1, "standard output: cannot write: "},
    {"octet-convert --version > /dev/full", 1, "standard output: cannot write: "},
    {"octet-convert quantize {onnx} -o {out}/a.octet --data {in}/pictures --exclude nosuch", 1, "nosuch"},
    {"octet-convert quantize {onnx} -o {out}/a.octet --data {in}/pictures --threads 0", 2, "--threads"},
    {"octet-convert quantize {onnx} -o {out}/none/a.octet --data {in}/pictures", 1, "none/a.octet"},
    {"octet-convert quantize {onnx} -o {full}/a.octet --data {in}/pictures", 1, "a.octet"},

    // octet-run
    {"octet-bench --hlep", 2, "there is no flag --hlep; did you mean --help?"},
    {"octet-run", 2, "model"},
    {"octet-run {int8} --input {photo} --output_dir {out} --int8-exclude nosuch", 1, "'nosuch'"},
    {"octet-run {int8} --input {photo}", 2, "--output-dir"},
    {"octet-run {int8} --input {photo} --output-dir {out} --turbo", 2, "--turbo"},
    {"octet-run {int8} --input {photo} --output-dir {out} --threads none", 2, "--threads"},
    {"octet-run {int8} --input {photo} --output-dir {out} --precision int4", 2, "int4"},
    {"octet-run {float} --input {photo} --output-dir {out} --precision int8", 1, "not quantised"},
    {"octet-run {int8} --input {photo} --output-dir {out} --int8_ops convolution", 1, "'convolution'"},
    {"octet-run {int8} --input {photo} --output-dir {out} --int8_exclude nosuch", 1, "'nosuch'"},
    {"octet-run {in}/none.octet --input {photo} --output-dir {out}", 1, "none.octet: No such file"},
    {"octet-run {in}/cut.octet --input {photo} --output-dir {out}", 1, "cut.octet: truncated or damaged"},
    {"octet-run {in}/flipped.octet --input {photo} --output-dir {out}", 1, "flipped.octet: checksum mismatch"},
    {"octet-run {in}/text.onnx --input {photo} --output-dir {out}", 1, "text.onnx: is not an ONNX file"},
    {"octet-run {onnx} --input {photo} --output-dir {out} --precision int8", 1, "octet-convert quantize"},
    {"octet-run {onnx} --input {photo} --output-dir {fixed}", 1, "Read-only"},
    {"octet-run {in}/empty.onnx --input {photo} --output-dir {out}", 1, "empty.onnx"},
    {"octet-run {in} --input {photo} --output-dir {out}", 1, "{in}: "},
    {"octet-run --int8_exclude conv2d --input {in}/none.npy {int8} --output-dir {out}", 1, "none.npy"},
    {"octet-run {int8} --input {photo} --output-dir {out} --use_mkldnn=maybe", 2, "--use_mkldnn"},
    {"octet-run --use_mkldnn {in}/none.octet --input {photo} --output-dir {out}", 1, "none.octet: No such file"},
    {"octet-run {int8} --output-dir {out}", 1, "images"},
    {"octet-run {int8} --input {in}/none.npy --output-dir {out}", 1, "none.npy"},
    {"octet-run {int8} --input {in}/text.txt --output-dir {out}", 1, "text.txt"},
    {"octet-run {int8} --input pixels={photo} --output-dir {out}", 1, "no input 'pixels'"},
    {"octet-run {int8} --input {photo} --output-dir {in}/text.txt", 1, "text.txt"},
    {"octet-run {int8} --input {photo} --output-dir {in}/text.txt/x", 1, "text.txt/x"},
    {"octet-run {int8} --input {photo} --output-dir {full}", 1, "No space left"},
    {"octet-run {int8} --input {photo} --output-dir {fixed}", 1, "Read-only"},

    {"octet-run {int8} --input {photo} --output-dir {out} --kept_mib -1", 2, "--kept_mib: -1: wanted"},
    {"octet-run {int8} --input {photo} --output-dir {out} --kept_mib 99999999999999999999", 2, "9: wanted"},

    // octet-bench
    {"octet-bench {int8} --runs 1 > /dev/full", 1, "standard output: cannot write: "},
    {"octet-bench {int8} --shape images=1,3,64,64 --shape 1,3,96,96", 2, "write each as name=1,3,640,640"},
    {"octet-bench {int8} --runs 1 --shape nan", 2, "--shape: nan"},
    {"octet-bench", 2, "model"},
    {"octet-bench {int8} --runs 0", 2, "--runs"},
    {"octet-bench --int8_ops nosuch {int8}", 1, "'nosuch'"},
    {"octet-bench --shape 1,3,64 {int8}", 1, "{1, 3, 64}"},
    {"octet-bench {in}/none.octet", 1, "none.octet: No such file"},
    {"octet-bench {in}/text.onnx", 1, "text.onnx: is not an ONNX file"},
    {"octet-bench {int8} --shape images=1,3,x", 2, "--shape: images=1,3,x"},
    {"octet-bench {int8} --shape images=1,3,64,64 --runs 1", 1, "images"},
    {"octet-bench {int8} --runs 1 --json {out}/none/a.json", 1, "none/a.json"},
    {"octet-bench {int8} --runs 1 --profile --json {full}/a.json", 1, "No space left"},

    // octet-inspect
    {"octet-inspect", 2, "model"},
    {"octet-inspect {in}/none.octet", 1, "none.octet: No such file"},
    {"octet-inspect {in}/cut.octet", 1, "truncated or damaged"},
    {"octet-inspect {in}/text.onnx", 1, "text.onnx: is not an ONNX file"},
    {"octet-inspect {in}/octet_inside", 1, "octet_inside: truncated or damaged"},
    {"octet-inspect {int8} --json --html {out}/a.html", 2, "--html"},
    {"octet-inspect {int8} --profile {in}/text.txt", 2, "--html"},
    {"octet-inspect {int8} --html {out}/a.html --profile {in}/none.json", 1, "none.json"},
    {"octet-inspect {int8} --html {out}/a.html --profile {in}/coco.json", 1, "holds no profile"},
    {"octet-inspect {int8} --html {out}/none/a.html", 1, "none/a.html"},
    {"octet-inspect {int8} --html {full}/a.html", 1, "No space left"},
    {"octet-inspect {int8} > /dev/full", 1, "standard output: cannot write: "},
    {"octet-inspect {int8} --json > /dev/full", 1, "standard output: cannot write: "},
    {"octet-inspect --help > /dev/full", 1, "standard output: cannot write: "},

    // paddle_inference_eval
    {"paddle_inference_eval", 2, "--model_path"},
    {"paddle_inference_eval --model_path {int8} --batch_size 0", 2, "--batch_size"},
    {"paddle_inference_eval --model_path {int8} --benchmark maybe", 2, "--benchmark"},
    {"paddle_inference_eval --model_path {int8} --include_nms=perhaps", 2, "--include_nms"},
    {"paddle_inference_eval --model_path {int8} --include_nms --image_file {in}/none.jpg", 1,
     "none.jpg': no such file"},
    {"paddle_inference_eval --model_path {int8} --image_file {picture} --include_nms --output_file {out}/a.jpg", 1,
     "--include_nms True"},
    {"paddle_inference_eval --model_path {int8} --use_trt --device CPU", 1, "TensorRT"},
    {"paddle_inference_eval --model_path {int8} --image_file {picture} {picture} --output_file {out}/a.jpg", 2,
     "eval_000.jpg"},
    {"paddle_inference_eval --model_path {int8} --device GPU", 1, "use --device CPU"},
    {"paddle_inference_eval --model_path {int8} --use_trt True", 1, "TensorRT"},
    {"paddle_inference_eval --model_path {int8} --arch RCNN", 2, "RCNN"},
    {"paddle_inference_eval --model_path {int8} --threshold nan", 2, "--threshold: nan: wanted"},
    {"paddle_inference_eval --model_path {int8} --arch YOLOv8 --image_file {picture} --output_file {out}/a.jpg", 1,
     "more boxes than classes; does --arch name"},
    {"paddle_inference_eval --model_path {int8} --precision bf16", 2, "bf16"},
    {"paddle_inference_eval --model_path {float} --precision int8", 1, "octet-convert quantize"},
    {"paddle_inference_eval --model_path {in}/none.octet", 1, "none.octet: No such file"},
    {"paddle_inference_eval --model_path {in}/text.txt", 1, "text.txt"},
    {"paddle_inference_eval --model_path {in}/cut.octet", 1, "truncated or damaged"},
    {"paddle_inference_eval --model_path {seg} {data}", 1, "segmenter.octet"},
    {"paddle_inference_eval --model_path {int8} --img_shape 333 {data}", 1, "--img_shape 333"},
    {"paddle_inference_eval --model_path {int8} --image_file {in}/none.jpg --output_file {out}/a.jpg", 1,
     "none.jpg': no such file"},
    {"paddle_inference_eval --model_path {int8} --image_file {in}/broken/broken.jpg --output_file {out}/a.jpg", 1,
     "broken.jpg': not a picture"},
    {"paddle_inference_eval --model_path {int8} --image_file {in} --output_file {out}/a.jpg", 1, "is a folder"},
    {"paddle_inference_eval --model_path {int8} --image_file {picture} --output_file {out}/a.xyz", 1, "a.xyz"},
    {"paddle_inference_eval --model_path {int8} --image_file {picture} --output_file {out}/none/a.jpg", 1,
     "none/a.jpg"},
    {"paddle_inference_eval --model_path {int8} --image_file {picture} --output_file {full}/a.jpg", 1, "a.jpg"},
    {"paddle_inference_eval --model_path {int8} --image_file {picture} --output_file {fixed}/a.jpg", 1, "a.jpg"},
    {"paddle_inference_eval --model_path {int8} --dataset_dir {in}/none", 1, "none"},
    {"paddle_inference_eval --model_path {int8} --dataset_dir {in} --val_image_dir pictures --val_anno_path text.txt",
     1, "text.txt"},
    {"paddle_inference_eval --model_path {int8} --dataset_dir {in} --val_image_dir pictures --val_anno_path gone.json",
     1, "gone.jpg': no such file"},
    {"paddle_inference_eval --model_path {int8} --dataset_dir {in} --val_image_dir pictures --val_anno_path "
     "none_listed.json",
     1, "no images"},
    {"paddle_inference_eval --model_path {int8} --dataset_dir {in} --val_image_dir broken --val_anno_path broken.json",
     1, "broken.jpg': not a picture"},
    {"paddle_inference_eval --model_path {int8} --dataset_dir {in} --val_image_dir pictures --val_anno_path coco.json "
     "--save_json {out}/none/a.json",
     1, "none/a.json"},
    {"paddle_inference_eval --model_path {int8} --dataset_dir {in} --val_image_dir pictures --val_anno_path coco.json "
     "--save_json {full}/a.json",
     1, "a.json"},

    // test_seg
    {"test_seg", 2, "--model_path"},
    {"test_seg --model_path {seg}", 1, "nothing to evaluate"},
    {"test_seg --model_path {int8} --int8_ops concat", 1, "test_seg: warning: "},
    {"test_seg --model_path {seg} --benchmark maybe", 2, "--benchmark"},
    {"test_seg --model_path {seg} --use_trt --benchmark", 1, "TensorRT"},
    {"test_seg --model_path {seg} --benchmark --image_file {in}/none.jpg", 1, "none.jpg': no such file"},
    {"test_seg --model_path {seg} --dataset_config {in}/none.yml", 1, "none.yml"},
    {"test_seg --model_path {seg} --ignore_index 256", 2, "--ignore_index"},
    {"test_seg --model_path {int8} --image_file {picture}", 1, "neither labels nor scores"},
    {"test_seg --model_path {seg} --image_file {picture} > /dev/full", 1, "standard output: cannot write: "},
    {"test_seg --model_path {seg} --precision int8", 1, "octet-convert quantize"},
    {"test_seg --model_path {in}/none.octet", 1, "none.octet: No such file"},
};

void write(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }
std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Every file and folder below, with its size.
std::map<std::string, uintmax_t> listing(const fs::path& folder) {
  std::map<std::string, uintmax_t> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    files[entry.path().string()] = entry.is_regular_file() ? entry.file_size() : 0;
  return files;
}

class Errors : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = fs::temp_directory_path() / ("octet_errors_" + std::to_string(getpid()));
    for (const char* name : {"in/empty", "in/pictures", "in/broken", "out", "full", "fixed"})
      fs::create_directories(folder_ / name);
    make_inputs(folder_ / "in");
    mounted_ = mount_disks();
  }
  static void TearDownTestSuite() {
    if (mounted_)
      for (const char* name : {"full", "fixed"}) umount((folder_ / name).c_str());
    fs::remove_all(folder_);
  }

  static void make_inputs(const fs::path& in) {
    const std::string eval = std::string(OCTET_SOURCE_DIR) + "/models/data/eval/images/";
    fs::copy_file(eval + "eval_000.jpg", in / "pictures/a.jpg");
    write(in / "broken/broken.jpg", "no picture");
    write(in / "text.txt", "no model");
    write(in / "text.onnx", "no model");
    write(in / "empty.onnx", "");
    const std::string onnx = read(OCTET_SOURCE_DIR "/models/detector.onnx"), octet = read(OCTET_MODELS "/int8.octet");
    write(in / "cut.onnx", onnx.substr(0, onnx.size() / 2));
    write(in / "cut.octet", octet.substr(0, octet.size() / 2));
    write(in / "octet_inside", octet.substr(0, octet.size() / 2));
    std::string flipped = octet;
    flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 4);
    write(in / "flipped.octet", flipped);
    const auto coco = [&](const char* name, const std::string& images) {
      write(in / name, "{\"images\": [" + images + R"(], "categories": [{"id": 10, "name": "x"}], "annotations": []})");
    };
    coco("coco.json", R"({"id": 1, "file_name": "a.jpg"})");
    coco("gone.json", R"({"id": 1, "file_name": "gone.jpg"})");
    coco("broken.json", R"({"id": 1, "file_name": "broken.jpg"})");
    coco("none_listed.json", "");
  }

  // A full disk and one that is mounted to be read, seen by this process and its children only.
  static bool mount_disks() {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
    const auto disk = [](const char* name, unsigned long flags) {
      return mount("tmpfs", (folder_ / name).c_str(), "tmpfs", flags, "size=8k") == 0;
    };
    if (!disk("full", 0) || !disk("fixed", MS_RDONLY)) return false;
    write(folder_ / "full/filling", std::string(16384, 'x'));
    return true;
  }

  static std::string expanded(std::string text) {
    const std::string models = OCTET_MODELS, source = OCTET_SOURCE_DIR;
    const std::pair<std::string, std::string> names[] = {
        {"{in}", (folder_ / "in").string()},
        {"{out}", (folder_ / "out").string()},
        {"{full}", (folder_ / "full").string()},
        {"{fixed}", (folder_ / "fixed").string()},
        {"{int8}", models + "/int8.octet"},
        {"{float}", models + "/float.octet"},
        {"{seg}", models + "/segmenter.octet"},
        {"{photo}", models + "/photo.npy"},
        {"{onnx}", source + "/models/detector.onnx"},
        {"{picture}", source + "/models/data/eval/images/eval_000.jpg"},
        {"{data}",
         "--dataset_dir " + source + "/models/data/eval --val_image_dir images --val_anno_path instances.json"}};
    for (const auto& [name, value] : names)
      for (size_t at; (at = text.find(name)) != text.npos;) text.replace(at, name.size(), value);
    return text;
  }

  static fs::path folder_;
  static bool mounted_;
};
fs::path Errors::folder_;
bool Errors::mounted_ = false;

TEST_F(Errors, AreNamedAndLeaveNothingBehind) {
  int left_out = 0;
  for (const Row& row : kRows) {
    const std::string text = row.command;
    if (!mounted_ && (text.find("{full}") != text.npos || text.find("{fixed}") != text.npos)) {
      ++left_out;
      continue;
    }
    const auto before = listing(folder_);
    std::FILE* pipe = popen(("{ " + std::string(OCTET_BIN) + "/" + expanded(text) + "; } 2>&1").c_str(), "r");
    std::string said;
    char buffer[4096];
    for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) said.append(buffer, n);
    const int status = pclose(pipe);
    EXPECT_TRUE(WIFEXITED(status)) << text;
    EXPECT_EQ(WEXITSTATUS(status), row.exit_code) << text << "\n" << said;
    EXPECT_NE(said.find(expanded(row.message)), said.npos) << text << "\nlacks: " << row.message << "\n" << said;
    const auto after = listing(folder_);
    EXPECT_EQ(before, after) << text;
    if (before != after)
      for (const auto& [path, size] : after)
        if (!before.count(path)) fs::remove_all(path);
  }
  if (left_out) std::printf("%d rows left out: no disks can be mounted here\n", left_out);
}

}  // namespace
}  // namespace octet
