#include "tests/fuzz/fuzz.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace octet::fuzz {
namespace {

constexpr int64_t kMostMacs = 50'000'000;

// A folder that goes with the process: in memory where there is such a place, for every attempt writes a file. Its name is as
// long each time, as what is covered depends on it.
struct Folder {
  std::filesystem::path path;
  Folder() {
    const std::filesystem::path memory = "/dev/shm";
    const std::string pid = std::to_string(getpid());
    path = (exists(memory) ? memory : std::filesystem::temp_directory_path()) /
           ("octet_fuzz_" + std::string(10 - pid.size(), '0') + pid);
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

}  // namespace

void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

std::string file_of(std::span<const uint8_t> bytes, const char* ending) {
  static const Folder folder;
  const std::string path = (folder.path / "input").string() + ending;
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (!file || std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size() || std::fclose(file) != 0)
    fail(path + ": cannot be written");
  return path;
}

int threads(int wanted) { return std::getenv("OCTET_FUZZ_ONE_THREAD") ? std::min(wanted, 1) : wanted; }

bool small(const Session& session) {
  int64_t macs = 0;
  for (const StepProfile& p : session.profile())
    if (__builtin_add_overflow(macs, p.macs, &macs)) return false;
  return macs <= kMostMacs;
}

bool prepare(Session& session, const Model& model, uint32_t seed) {
  const auto inputs = model.inputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    Shape shape = inputs[i].shape;
    for (int d = 0; d < shape.rank(); ++d)
      if (shape[d] < 0) shape[d] = 8;
    if (inputs[i].shape.elements() < 0 && !session.resize_input(static_cast<int>(i), shape)) return false;
  }
  if (!session.prepare() || !small(session)) return false;
  std::minstd_rand random(seed);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor t = session.input(static_cast<int>(i));
    const size_t bytes = static_cast<size_t>(t.shape.elements()) * size_of(t.dtype);
    if (t.dtype == DType::kF32)
      for (float& v : t.f32()) v = static_cast<float>(random() % 2001) / 250.0f - 4.0f;
    else
      for (size_t b = 0; b < bytes; ++b) static_cast<uint8_t*>(t.data)[b] = random() % 2;
  }
  return true;
}

size_t mutate(std::span<uint8_t> data, size_t size, unsigned seed,
              size_t (*change)(std::span<uint8_t> data, size_t size, std::minstd_rand& random)) {
  std::minstd_rand random(seed);
  const size_t changed = random() % 2 ? change(data, size, random) : 0;
  return changed ? changed : LLVMFuzzerMutate(data.data(), size, data.size());
}

}  // namespace octet::fuzz
