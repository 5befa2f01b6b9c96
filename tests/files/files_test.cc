// Whole files: what is written replaces what was there, or leaves everything alone.
#include "files/files.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <thread>

namespace octet {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return folder_ / name; }
  auto entries() const { return std::distance(fs::directory_iterator(folder_), fs::directory_iterator()); }
  const fs::path folder_ = fs::temp_directory_path() / ("octet_files_" + std::to_string(getpid()));
};

std::string text_of(const std::string& path) {
  const auto bytes = read_file(path);
  return bytes ? std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()) : bytes.error().text;
}

mode_t mode_of(const std::string& path) {
  struct stat st = {};
  lstat(path.c_str(), &st);
  return st.st_mode;
}

// The exit code of what a child process does.
template <class F>
int in_child(const F& work) {
  const pid_t child = fork();
  if (child == 0) _exit(work());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(Files, AreReplacedOrLeftAlone) {
  for (const char* text : {"old and longer", "new", ""}) {
    ASSERT_TRUE(write_text(path("m"), text));
    EXPECT_EQ(text_of(path("m")), text);
  }
  for (const char* nowhere : {"no/m", ".", "", "m/", "m/m"}) {
    const auto done = write_text(path(nowhere), "new");
    ASSERT_FALSE(done) << nowhere;
    EXPECT_EQ(done.error().text.find(path(nowhere) + ": "), 0u) << done.error().text;
  }
  EXPECT_EQ(entries(), 1) << "nothing is left behind";
  const std::string longest(255, 'n');
  EXPECT_TRUE(write_text(path(longest), "of the longest name"));
  EXPECT_EQ(text_of(path(longest)), "of the longest name");
}

TEST_F(Files, BehindLinks) {
  fs::create_directory(path("far"));
  ASSERT_TRUE(write_text(path("far/m"), "old"));
  fs::create_symlink("far/m", path("near"));
  fs::create_symlink(path("near"), path("nearest"));
  fs::create_symlink("far/made", path("dangling"));
  ASSERT_TRUE(write_text(path("nearest"), "new"));
  ASSERT_TRUE(write_text(path("dangling"), "made"));
  EXPECT_EQ(text_of(path("far/m")), "new");
  EXPECT_EQ(text_of(path("far/made")), "made");
  for (const char* link : {"near", "nearest", "dangling"}) EXPECT_TRUE(S_ISLNK(mode_of(path(link)))) << link;
  EXPECT_EQ(std::distance(fs::directory_iterator(path("far")), fs::directory_iterator()), 2);
  fs::create_symlink("b", path("a"));
  fs::create_symlink("a", path("b"));
  fs::create_symlink("none/m", path("nowhere"));
  const auto loop = write_text(path("a"), "new");
  ASSERT_FALSE(loop);
  EXPECT_EQ(loop.error().text, path("a") + ": cannot write: Too many levels of symbolic links");
  EXPECT_FALSE(write_text(path("nowhere"), "new"));
}

TEST_F(Files, StandAsideUnderNamesThatNobodyCanPlant) {
  std::vector<std::string> names;
  const auto note = [&](const std::string& aside) -> Result<void> {
    names.push_back(aside);
    EXPECT_TRUE(S_ISREG(mode_of(aside)));
    EXPECT_EQ(text_of(aside), "new") << "it is complete when it is checked";
    return {};
  };
  const std::string text = "new";
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(write_file(path("m"), std::as_bytes(std::span(text)), note));
  ASSERT_EQ(names.size(), 2u);
  EXPECT_NE(names[0], names[1]);
  EXPECT_EQ(fs::path(names[0]).parent_path(), folder_);
}

TEST_F(Files, WhatDoesNotPassTheCheckIsNotThere) {
  ASSERT_TRUE(write_text(path("m"), "old"));
  const std::string text = "new";
  for (const char* name : {"m", "none"}) {
    const auto done = write_file(path(name), std::as_bytes(std::span(text)), [](const std::string&) -> Result<void> {
      return Error{Code::kBadModel, "no"};
    });
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().text, "no");
  }
  EXPECT_EQ(text_of(path("m")), "old");
  EXPECT_EQ(entries(), 1);
}

TEST_F(Files, KeepPermissions) {
  const mode_t before = umask(027);
  ASSERT_TRUE(write_text(path("m"), "old"));
  EXPECT_EQ(mode_of(path("m")) & 07777, 0640u) << "what the umask leaves";
  chmod(path("m").c_str(), 0604);
  ASSERT_TRUE(write_text(path("m"), "new"));
  EXPECT_EQ(mode_of(path("m")) & 07777, 0604u);
  umask(before);
}

TEST_F(Files, DevicesAndPipesStay) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  std::string read;
  std::thread reader([&] { read = text_of(path("pipe")); });
  EXPECT_TRUE(write_text(path("pipe"), "through"));
  reader.join();
  EXPECT_EQ(read, "through");
  EXPECT_TRUE(S_ISFIFO(mode_of(path("pipe"))));
  if (mknod(path("null").c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0) {  // who is not root makes no devices
    ASSERT_EQ(mknod(path("full").c_str(), S_IFCHR | 0600, makedev(1, 7)), 0);
    fs::create_symlink("null", path("link"));
    EXPECT_TRUE(write_text(path("null"), "away"));
    EXPECT_TRUE(write_text(path("link"), "away"));
    EXPECT_FALSE(write_text(path("full"), "away"));
    EXPECT_TRUE(S_ISCHR(mode_of(path("null"))) && S_ISCHR(mode_of(path("full"))) && S_ISLNK(mode_of(path("link"))));
  }
}

TEST_F(Files, OpenFilesOfTheProcessAreWrittenOn) {
  for (const char* name : {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}) {
    EXPECT_EQ(in_child([&] {
                if (!std::freopen(path("said").c_str(), "w", stdout)) return 2;
                std::printf("before ");
                const bool written = static_cast<bool>(write_text(name, "file "));
                std::printf("after");
                return std::fflush(stdout) == 0 && written ? 0 : 1;
              }),
              0);
    EXPECT_EQ(text_of(path("said")), "before file after") << name;
  }
  EXPECT_EQ(entries(), 1);
}

TEST_F(Files, NothingIsLeftWhereThereIsNoRoom) {
  ASSERT_TRUE(write_text(path("m"), "old"));
  ASSERT_TRUE(write_text(path("n"), "old"));
  EXPECT_EQ(
      in_child([&] {
        const rlimit small = {1000, 1000};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &small);
        const NewFile files[] = {{path("n"), std::vector<std::byte>(500)}, {path("m"), std::vector<std::byte>(5000)}};
        return write_files(files) ? 1 : 0;
      }),
      0);
  EXPECT_EQ(text_of(path("m")) + text_of(path("n")), "oldold") << "all or none";
  EXPECT_EQ(entries(), 2);
}

TEST_F(Files, OfWritersAtOnceOneWins) {
  const std::string a(300'000, 'a'), b(200'000, 'b');
  {
    std::jthread other([&] {
      for (int i = 0; i < 50; ++i) EXPECT_TRUE(write_text(path("m"), a));
    });
    for (int i = 0; i < 50; ++i) {
      EXPECT_TRUE(write_text(path("m"), b));
      const std::string seen = text_of(path("m"));
      EXPECT_TRUE(seen == a || seen == b) << seen.size();
    }
  }
  EXPECT_EQ(entries(), 1);
}

}  // namespace
}  // namespace octet
