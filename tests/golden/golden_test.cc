// What a file's bytes mean never changes: files of earlier versions load, and give the outputs that they gave then.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <vector>

#include "schema/format.h"
#include "schema/model_generated.h"
#include "tests/golden/output_hash.h"

namespace octet::golden {
namespace {

const std::filesystem::path kFolder = OCTET_SOURCE_DIR "/tests/golden";

struct Line {
  std::string model, precision;
  uint64_t hash = 0;
};

std::vector<Line> lines() {
  std::ifstream in(kFolder / "hashes.txt");
  std::vector<Line> all;
  for (Line l; in >> l.model >> l.precision >> std::hex >> l.hash;) all.push_back(l);
  EXPECT_TRUE(in.eof()) << "hashes.txt: line " << all.size() + 1;
  return all;
}

Result<Model> map(const std::string& name) { return Model::map((kFolder / (name + ".octet")).string()); }

class Golden : public testing::Test {
 protected:
  void SetUp() override {
    auto model = map("conv_int8");
    ASSERT_TRUE(model) << model.error().text;
    const auto session = Session::create(*model);
    if (!session && session.error().text.find("OCTET_CPU") != std::string::npos) GTEST_SKIP() << session.error().text;
  }
};

TEST_F(Golden, FilesOfEarlierVersionsGiveTheSameBytes) {
  for (const Line& l : lines()) {
    auto model = map(l.model);
    ASSERT_TRUE(model) << model.error().text;
    for (int threads : {1, 2}) {
      const auto hash = output_hash(*model, l.precision == "int8" ? Precision::kInt8 : Precision::kF32, threads);
      ASSERT_TRUE(hash) << hash.error().text;
      EXPECT_EQ(*hash, l.hash) << l.model << " in " << l.precision << " with " << threads << " threads on "
                               << cpu_kernels();
    }
  }
}

TEST_F(Golden, EveryFileHasItsHashes) {
  std::map<std::string, std::set<std::string>> known;
  for (const Line& l : lines()) known[l.model].insert(l.precision);
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() != ".octet") continue;
    ++files;
    const std::string name = entry.path().stem().string();
    auto model = map(name);
    ASSERT_TRUE(model) << model.error().text;
    const std::set<std::string> wanted =
        model->quantized() ? std::set<std::string>{"f32", "int8"} : std::set<std::string>{"f32"};
    EXPECT_EQ(known[name], wanted) << name;
  }
  EXPECT_EQ(files, known.size());
}

// What the attributes of all files' nodes have, as Unary.exp.
std::set<std::string> found_kinds() {
  std::set<std::string> found;
  for (const Line& l : lines()) {
    std::ifstream in(kFolder / (l.model + ".octet"), std::ios::binary);
    const std::vector<char> bytes(std::istreambuf_iterator<char>(in), {});
    schema::FileHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    for (const schema::Node* n : *schema::GetModel(bytes.data() + header.graph_offset)->nodes()) {
      const std::string op = schema::EnumNameOp(n->op_type());
      const auto add = [&](const char* kind) { found.insert(op + "." + kind); };
      found.insert(op);
      if (const auto* a = n->op_as_Unary()) add(EnumNameUnaryKind(a->kind()));
      if (const auto* a = n->op_as_Binary()) add(EnumNameBinaryKind(a->kind()));
      if (const auto* a = n->op_as_Compare()) add(EnumNameCompareKind(a->kind()));
      if (const auto* a = n->op_as_Reduce()) add(EnumNameReduceKind(a->kind()));
      if (const auto* a = n->op_as_Pool2d()) add(EnumNamePoolKind(a->kind()));
      if (const auto* a = n->op_as_Resize()) add(EnumNameResizeMode(a->mode()));
      if (const auto* a = n->op_as_Pad()) add(EnumNamePadMode(a->mode()));
      if (const auto* a = n->op_as_Conv2d()) add(EnumNameActKind(a->act() ? a->act()->kind() : schema::ActKind::none));
    }
  }
  return found;
}

TEST_F(Golden, EveryOpAndEveryKindIsInAFile) {
  const std::set<std::string> found = found_kinds();
  const auto expect = [&]<class Kind>(const std::string& op, const char* (*name_of)(Kind)) {
    for (int v = static_cast<int>(Kind::MIN); v <= static_cast<int>(Kind::MAX); ++v) {
      const std::string name = op + name_of(static_cast<Kind>(v));
      EXPECT_TRUE(found.contains(name) || name == "NONE")
          << name << " is in no golden file: add a model with it to tests/golden, then run write_golden";
    }
  };
  expect("", schema::EnumNameOp);
  expect("Unary.", schema::EnumNameUnaryKind);
  expect("Binary.", schema::EnumNameBinaryKind);
  expect("Compare.", schema::EnumNameCompareKind);
  expect("Reduce.", schema::EnumNameReduceKind);
  expect("Pool2d.", schema::EnumNamePoolKind);
  expect("Resize.", schema::EnumNameResizeMode);
  expect("Pad.", schema::EnumNamePadMode);
  expect("Conv2d.", schema::EnumNameActKind);
}

}  // namespace
}  // namespace octet::golden
