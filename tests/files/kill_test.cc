// octet-convert is killed at random moments, OCTET_KILLS times (30; tools/nightly has it 1,000 times): the old file or the new
// one stands, whole.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <octet/octet.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "files/files.h"

namespace octet {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// One run of octet-convert. Only a child that was started and has not been waited for is ever sent a signal: kill(-1) would
// end every process of the machine, and the number of a child that was waited for may be another's.
class Child {
 public:
  Child(const std::string& model, const std::string& output) {
    const std::string program = OCTET_BIN "/octet-convert", source = OCTET_SOURCE_DIR "/models/" + model;
    const char* words[] = {program.c_str(), "convert", source.c_str(), "-o", output.c_str(), nullptr};
    pid_t child = 0;
    if (posix_spawn(&child, program.c_str(), nullptr, nullptr, const_cast<char**>(words), environ) == 0) child_ = child;
  }
  ~Child() { end(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool started() const { return child_ > 0 || ended_; }
  bool runs() {
    wait(WNOHANG);
    return child_ > 0;
  }
  int status() {  // of the whole run
    wait(0);
    return status_;
  }
  bool end() {  // whether it was the signal that ended it
    if (runs()) kill(child_, SIGKILL);
    return WIFSIGNALED(status());
  }

 private:
  void wait(int flags) {
    if (child_ == 0 || waitpid(child_, &status_, flags) == 0) return;
    child_ = 0, ended_ = true;  // an error too: then it is not ours to signal
  }

  pid_t child_ = 0;  // 0: none, or waited for
  int status_ = 0;
  bool ended_ = false;
};

TEST(Kill, LeavesTheOldOrTheNewModel) {
  const fs::path folder = fs::temp_directory_path() / ("octet_kill_" + std::to_string(getpid()));
  fs::create_directories(folder);
  const std::string path = folder / "m.octet";
  std::vector<std::vector<std::byte>> whole;
  Clock::duration longest{};
  for (const char* model : {"segmenter.onnx", "detector.onnx"}) {
    const auto begin = Clock::now();
    Child run(model, path);
    ASSERT_TRUE(run.started());
    ASSERT_EQ(run.status(), 0);
    longest = std::max(longest, Clock::now() - begin);
    whole.push_back(*read_file(path));
  }
  const char* kills = std::getenv("OCTET_KILLS");
  const int all = kills ? std::atoi(kills) : 30;
  std::mt19937 random(1);
  int killed = 0, in_the_act = 0;
  for (int i = 0; i < all; ++i) {
    Child run(i % 2 ? "detector.onnx" : "segmenter.onnx", path);
    ASSERT_TRUE(run.started()) << "is octet-convert being built?";
    if (i % 3 == 0) {  // any moment; else one while the file is written
      std::this_thread::sleep_for(longest * std::uniform_real_distribution<>(0, 1)(random));
    } else {
      while (std::distance(fs::directory_iterator(folder), {}) == 1 && run.runs()) {
      }
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
    }
    killed += run.end();
    const auto found = read_file(path);
    ASSERT_TRUE(found);
    ASSERT_TRUE(*found == whole[0] || *found == whole[1]) << "kill " << i << ": " << found->size() << " bytes";
    EXPECT_TRUE(Model::map(path));
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.path() != path) ++in_the_act, fs::remove(entry.path());
  }
  std::printf("%d of %d were killed, %d of them while they wrote\n", killed, all, in_the_act);
  EXPECT_GT(in_the_act, 0) << "no moment was one of writing";
  fs::remove_all(folder);
}

}  // namespace
}  // namespace octet
