// Converted models beside their sources: used while nothing changes, made anew when something does.
#include <chrono>
#include <fstream>

#include "octet/convert.h"
#include "tests/converter/rig.h"

namespace octet::convert {
namespace {

namespace fs = std::filesystem;

std::string model_bytes(int outputs) {
  TestModel m;
  std::string x = m.input("x", {1, 2, 4, 4});
  m.output(m.conv(x, 2, outputs, 3, 1));
  return m.proto.SerializeAsString();
}

std::vector<std::string> converted_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& file : fs::directory_iterator(folder))
    if (file.path().extension() == ".octet") names.push_back(file.path().string());
  std::sort(names.begin(), names.end());
  return names;
}

int64_t channels_of(const std::string& path) {
  auto model = Model::map(path);
  return model ? model->outputs()[0].shape[1] : -1;
}

TEST(ConvertBeside, IsUsedUntilTheSourceChanges) {
  const TempFile source(model_bytes(3));
  const fs::path mine = source.folder / "model.octet";
  std::ofstream(mine) << "not of the cache";
  const auto first = convert_beside(source.path());
  ASSERT_TRUE(first) << first.error().text;
  EXPECT_EQ(channels_of(*first), 3);
  const auto made = fs::last_write_time(*first);
  const auto again = convert_beside(source.path());
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, *first);
  EXPECT_EQ(fs::last_write_time(*first), made);
  EXPECT_EQ(converted_in(source.folder), (std::vector<std::string>{*first, mine.string()}));

  std::ofstream(source.path(), std::ios::binary) << model_bytes(5);
  const auto changed = convert_beside(source.path());
  ASSERT_TRUE(changed) << changed.error().text;
  EXPECT_NE(*changed, *first);
  EXPECT_EQ(channels_of(*changed), 5);
  EXPECT_EQ(converted_in(source.folder), (std::vector<std::string>{*changed, mine.string()}));

  // The same size, another time.
  fs::last_write_time(source.path(), fs::last_write_time(source.path()) + std::chrono::seconds(1));
  const auto touched = convert_beside(source.path());
  ASSERT_TRUE(touched);
  EXPECT_NE(*touched, *changed);
}

TEST(ConvertBeside, OptionsCountAndErrorsLeaveNothing) {
  const TempFile source(model_bytes(3));
  const auto whole = convert_beside(source.path());
  const auto simulated = convert_beside(source.path(), {.simulate = true});
  ASSERT_TRUE(whole && simulated);
  EXPECT_NE(*whole, *simulated);
  const TempFile damaged(model_bytes(3).substr(0, 40));
  EXPECT_FALSE(convert_beside(damaged.path()));
  EXPECT_TRUE(converted_in(damaged.folder).empty());
}

}  // namespace
}  // namespace octet::convert
