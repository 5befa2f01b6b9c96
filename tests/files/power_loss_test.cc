// What a loss of power may leave of a file that octet-convert or octet-run replaces: after every prefix of what the program
// did, and whichever of its unsynced steps reached the disk, the old file or the new one is there, whole.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>

#include "files/files.h"
#include "tests/files/journal.h"

namespace octet::test {
namespace {

namespace fs = std::filesystem;

const std::string kModels = OCTET_SOURCE_DIR "/models/", kBin = OCTET_BIN "/";

struct Step {
  Entry entry;
  std::string first, second;
};

std::string text_of(const std::string& path) {
  const auto bytes = read_file(path);
  EXPECT_TRUE(bytes) << bytes.error().text;
  return bytes ? std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()) : "";
}

std::vector<Step> steps_of(const std::string& journal) {
  const std::string text = text_of(journal);
  std::vector<Step> steps;
  for (size_t at = 0; at + sizeof(Entry) <= text.size();) {
    Step s;
    std::memcpy(&s.entry, text.data() + at, sizeof(Entry));
    at += sizeof(Entry);
    s.first = text.substr(at, s.entry.first_bytes);
    s.second = text.substr(at + s.first.size(), s.entry.second_bytes);
    at += s.first.size() + s.second.size();
    steps.push_back(std::move(s));
  }
  return steps;
}

// A folder on a disk that loses power. Data of a file are safe once it is synced; before that any part of them may be there,
// here none or all. Names are safe once the folder is synced; before that the first few changes may be there, with or without the
// data of the files that they name.
class Disk {
 public:
  explicit Disk(const std::string& folder) : folder_(folder) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string text = text_of(entry.path());
      files_.push_back({.written = text, .synced = text});
      names_[entry.path().filename()] = files_.size() - 1;
    }
  }

  void apply(const Step& s) {
    const Entry& e = s.entry;
    if (e.kind == 'o') return open(s);
    if (e.kind == 'r' && ours(e.folder) && ours(e.flags)) return change({.from = s.first, .to = s.second});
    if (e.kind == 'u' && ours(e.folder)) return change({.from = s.first});
    if (e.kind == 'c') {
      folders_.erase(e.fd);
      open_.erase(e.fd);
    }
    const auto file = open_.find(e.fd);
    if (e.kind == 'w' && file != open_.end()) files_[file->second].written += s.first;
    if (e.kind == 's' && file != open_.end()) files_[file->second].synced = files_[file->second].written;
    if (e.kind == 's' && ours(e.fd)) {
      for (const Change& c : unsynced_) c.make(names_);
      unsynced_.clear();
    }
  }

  // What `name` may hold when the power comes back; nothing at all is "(no file)".
  std::set<std::string> possible(const std::string& name) const {
    std::set<std::string> all;
    std::map<std::string, size_t> names = names_;
    for (size_t made = 0;; ++made) {
      const auto found = names.find(name);
      if (found == names.end())
        all.insert("(no file)");
      else
        all.insert({files_[found->second].written, files_[found->second].synced});
      if (made == unsynced_.size()) return all;
      unsynced_[made].make(names);
    }
  }

 private:
  struct File {
    std::string written, synced;
  };
  struct Change {  // `from` is called `to` (empty: removed), or a file that is new is called `to`
    std::string from = {}, to = {};
    size_t file = 0;
    void make(std::map<std::string, size_t>& names) const {
      if (from.empty())
        names[to] = file;
      else if (!to.empty())
        names[to] = names.at(from);
      if (!from.empty()) names.erase(from);
    }
  };

  bool ours(int fd) const { return folders_.count(fd) > 0; }
  void change(Change c) { unsynced_.push_back(std::move(c)); }

  void open(const Step& s) {
    const Entry& e = s.entry;
    if (e.flags & O_DIRECTORY && fs::path(s.first) == folder_) folders_.insert(e.fd);
    if (!(e.flags & O_CREAT) || !ours(e.folder)) return;
    files_.push_back({});
    open_[e.fd] = files_.size() - 1;
    change({.to = s.first, .file = files_.size() - 1});
  }

  const fs::path folder_;
  std::vector<File> files_;
  std::map<std::string, size_t> names_;  // as far as they are safe
  std::vector<Change> unsynced_;         // of names
  std::map<int, size_t> open_;           // files by descriptor
  std::set<int> folders_;                // descriptors of the folder
};

class PowerLoss : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_ / "out"); }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return folder_ / name; }

  // Runs the command, which replaces these files of out/, and cuts the power after each of its steps.
  void cut(const std::string& command, const std::vector<std::string>& names) {
    std::map<std::string, std::set<std::string>> whole;
    for (const auto& name : names)
      whole[name] = {fs::exists(path("out/") + name) ? text_of(path("out/") + name) : "(no file)"};
    Disk disk(path("out"));
    const std::string preloaded =
        "OCTET_JOURNAL=" + path("journal") + " LD_PRELOAD=" OCTET_JOURNAL_LIBRARY " " + kBin + command;
    ASSERT_EQ(std::system((preloaded + " > /dev/null").c_str()), 0) << command;
    for (const auto& name : names) whole[name].insert(text_of(path("out/") + name));
    int states = 0;
    for (const Step& step : steps_of(path("journal"))) {
      disk.apply(step);
      for (const auto& name : names)
        for (const std::string& found : disk.possible(name)) {
          ++states;
          ASSERT_TRUE(whole[name].count(found)) << name << " has " << found.size() << " bytes: neither old nor new";
        }
    }
    for (const auto& name : names)
      EXPECT_EQ(disk.possible(name), std::set{text_of(path("out/") + name)}) << "the program has ended: it is safe";
    std::printf("%s: %d states\n", command.substr(0, command.find(' ')).c_str(), states);
    fs::remove(path("journal"));
  }

  const fs::path folder_ = fs::temp_directory_path() / ("octet_power_" + std::to_string(getpid()));
};

TEST_F(PowerLoss, LeavesTheOldOrTheNewModel) {
  const auto convert = [&](const std::string& model) {
    return "octet-convert convert " + kModels + model + " -o " + path("out/m.octet");
  };
  cut(convert("detector.onnx"), {"m.octet"});
  cut(convert("segmenter.onnx"), {"m.octet"});
}

TEST_F(PowerLoss, LeavesEachOutputOldOrNew) {
  const std::string run =
      "octet-run " OCTET_MODELS "/float.octet --input " OCTET_MODELS "/photo.npy --output-dir " + path("out");
  ASSERT_EQ(std::system((kBin + run + " > /dev/null").c_str()), 0);
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path("out"))) {
    names.push_back(entry.path().filename());
    ASSERT_TRUE(write_text(entry.path(), "old"));
  }
  cut(run, names);
}

}  // namespace
}  // namespace octet::test
