// docs/MODELS.md says of each family what the table of families holds.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <sstream>

#include "vision/arch.h"

namespace octet::vision {
namespace {

std::string numbers(const std::array<float, 3>& v) {
  std::ostringstream text;
  text << v[0];
  if (v[1] != v[0] || v[2] != v[0]) text << ' ' << v[1] << ' ' << v[2];
  return text.str();
}

std::string row(const std::string& name, const Arch& a) {
  constexpr const char* kResize[] = {"stretch", "letterbox", "letterbox, top left", "middle cut out"};
  constexpr const char* kInterpolation[] = {"nearest", "linear", "cubic", "area", "Lanczos"};
  const Preprocess& p = a.preprocess;
  std::ostringstream text;
  text << "| " << name << " | " << kResize[static_cast<int>(p.resize)] << ", " << kInterpolation[p.interpolation]
       << " | " << (p.channels == Channels::kRgb ? "RGB" : "BGR") << " | " << (p.scale == 1 ? "1" : "1/255") << " | "
       << numbers(p.mean) << " | " << numbers(p.std) << " | " << a.options.score_threshold << " | " << a.options.nms_iou
       << " | " << a.options.max_detections << " |\n";
  return text.str();
}

TEST(Arch, DocumentHasTheTable) {
  std::string table, names = arch_names() + ", ";
  for (size_t end; (end = names.find(", ")) != names.npos; names.erase(0, end + 2)) {
    const auto arch = arch_of(names.substr(0, end));
    ASSERT_TRUE(arch);
    table += row(names.substr(0, end), *arch);
  }
  std::ifstream file(OCTET_SOURCE_DIR "/docs/MODELS.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(text.find(table), text.npos) << "docs/MODELS.md should hold\n" << table;
}

}  // namespace
}  // namespace octet::vision
