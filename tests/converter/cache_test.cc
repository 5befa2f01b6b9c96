// Converted models beside their sources: used while nothing changes, replaced when something does.

#include <chrono>
#include <fstream>
#include <thread>

#include "octet/convert.h"
#include "tests/converter/rig.h"

namespace octet::convert {
namespace {

namespace fs = std::filesystem;

std::string model_bytes(int outputs, int64_t opset = 13) {
  TestModel m(opset);
  std::string x = m.input("x", {1, 2, 4, 4});
  m.output(m.conv(x, 2, outputs, 3, 1));
  return m.proto.SerializeAsString();
}

void write(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }
std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> names;
  for (const auto& file : fs::directory_iterator(folder)) names.push_back(file.path());
  std::sort(names.begin(), names.end());
  return names;
}

int64_t channels_of(const Result<Model>& model) { return model ? model->outputs()[0].shape[1] : -1; }

TEST(ConvertBeside, IsUsedUntilTheSourceChanges) {
  const TempFile source(model_bytes(3));
  const fs::path mine = source.folder / "model.octet";
  write(mine, "not of the cache");
  const auto first = convert_beside(source.path());
  ASSERT_TRUE(first) << first.error().text;
  EXPECT_EQ(channels_of(first), 3);
  const std::string kept = first->name();
  EXPECT_EQ(files_in(source.folder).size(), 3u);
  const auto made = fs::last_write_time(kept);
  fs::last_write_time(source.path(), fs::last_write_time(source.path()) + std::chrono::seconds(1));
  ASSERT_TRUE(convert_beside(source.path()));
  EXPECT_EQ(fs::last_write_time(kept), made) << "touched, but the same";

  write(source.path(), model_bytes(5));
  EXPECT_EQ(channels_of(convert_beside(source.path())), 5);
  EXPECT_EQ(files_in(source.folder).size(), 3u) << "replaced";
  EXPECT_EQ(channels_of(first), 3) << "who mapped the old one keeps it";
  auto session = Session::create(*first, {.precision = Precision::kF32});
  ASSERT_TRUE(session);
  EXPECT_TRUE(session->run());
  EXPECT_EQ(read(mine), "not of the cache");
}

TEST(ConvertBeside, SeesOtherBytesOfTheSameSizeAndTime) {
  const TempFile source(model_bytes(3, 13));
  const auto time = fs::last_write_time(source.path());
  const auto first = convert_beside(source.path());
  ASSERT_TRUE(first);
  const std::string before = read(first->name());
  std::string other = read(source.path());
  other.back() = static_cast<char>(other.back() ^ 1);  // the version of ONNX' ops
  write(source.path(), other);
  fs::last_write_time(source.path(), time);
  ASSERT_TRUE(convert_beside(source.path()));
  EXPECT_NE(read(first->name()), before);
}

TEST(ConvertBeside, ReplacesWhatAnotherConverterMadeOrDamageLeft) {
  const TempFile source(model_bytes(3));
  const auto first = convert_beside(source.path());
  ASSERT_TRUE(first);
  const std::string kept = first->name(), good = read(kept);
  auto other =
      convert_model(source.path(), {.outputs = {}, .input_shapes = {}, .metadata = {{"octet.made_from", "0.1.0"}}});
  ASSERT_TRUE(other);
  const std::string foreign(reinterpret_cast<const char*>(other->data()), other->size());
  for (const std::string& bytes : {foreign, good.substr(0, good.size() / 2), std::string()}) {
    write(kept, bytes);
    EXPECT_EQ(channels_of(convert_beside(source.path())), 3);
    EXPECT_EQ(read(kept), good);
  }
}

TEST(ConvertBeside, OptionsHaveFilesOfTheirOwn) {
  const TempFile source(model_bytes(3));
  const auto whole = convert_beside(source.path());
  const auto simulated = convert_beside(source.path(), {.outputs = {}, .input_shapes = {}, .simulate = true});
  ASSERT_TRUE(whole && simulated);
  EXPECT_NE(whole->name(), simulated->name());
  EXPECT_TRUE(fs::exists(whole->name())) << "another process may be about to map it";
  const TempFile damaged(model_bytes(3).substr(0, 40));
  EXPECT_FALSE(convert_beside(damaged.path()));
  EXPECT_EQ(files_in(damaged.folder).size(), 1u);
}

TEST(ConvertBeside, WorksWhereNothingCanBeWritten) {
  const TempFile source(model_bytes(3));
  const auto first = convert_beside(source.path());
  ASSERT_TRUE(first);
  const std::string kept = first->name();
  fs::remove(kept);
  fs::create_directories(fs::path(kept) / "in the way");  // root may write to folders that are read-only
  std::string said;
  const auto model = convert_beside(
      source.path(), {.outputs = {}, .input_shapes = {}, .log = [&](const std::string& line) { said += line + "\n"; }});
  EXPECT_EQ(channels_of(model), 3);
  EXPECT_TRUE(said.find("warning: the converted model is not kept: " + kept) != said.npos) << said;
  EXPECT_EQ(files_in(source.folder).size(), 2u) << "nothing half written stays";
}

TEST(ConvertBeside, ManyAtOnceAllGetTheirModel) {
  const TempFile source(model_bytes(3));
  std::vector<int64_t> channels(8);
  {
    std::vector<std::jthread> threads;
    for (int64_t& c : channels) threads.emplace_back([&] { c = channels_of(convert_beside(source.path())); });
  }
  EXPECT_EQ(channels, std::vector<int64_t>(channels.size(), 3));
  EXPECT_EQ(files_in(source.folder).size(), 2u);
}

}  // namespace
}  // namespace octet::convert
