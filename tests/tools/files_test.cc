// Whole files: what is written replaces what was there, or leaves everything alone.
#include "cli/files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace octet {
namespace {

namespace fs = std::filesystem;

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto* p = reinterpret_cast<const std::byte*>(text.data());
  return {p, p + text.size()};
}

TEST(Files, AreReplacedOrLeftAlone) {
  const fs::path folder = fs::temp_directory_path() / ("octet_files_" + std::to_string(getpid()));
  fs::create_directories(folder);
  const std::string path = folder / "m.octet";
  for (const char* text : {"old and longer", "new"}) {
    ASSERT_TRUE(write_file(path, bytes_of(text)));
    auto read = read_file(path);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(*read, bytes_of(text));
  }
  EXPECT_FALSE(write_file(folder / "no" / "m.octet", bytes_of("new")));
  EXPECT_FALSE(write_file(folder, bytes_of("new"))) << "a folder is no file";
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1) << "nothing is left behind";
  fs::remove_all(folder);
}

}  // namespace
}  // namespace octet
