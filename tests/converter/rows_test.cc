// Ops are rows that their files define and the build collects: none is lost, and no two claim one name.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include "converter/export/export_ops.h"
#include "converter/import/onnx/ops/ops.h"
#include "converter/import/paddle/ops/ops.h"
#include "converter/import/paddle/pir/ops.h"

namespace octet::convert {
namespace {

// How many lines of the sources in a folder match.
size_t lines_that_match(const std::string& folder, const std::string& pattern) {
  const std::regex wanted(pattern);
  size_t count = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(OCTET_SOURCE_DIR "/" + folder)) {
    if (file.path().extension() != ".cc") continue;
    std::ifstream in(file.path());
    for (std::string line; std::getline(in, line);) count += std::regex_search(line, wanted);
  }
  return count;
}

TEST(Rows, AllFilesAreCollected) {
  EXPECT_EQ(onnx_rows().size(), lines_that_match("converter/import/onnx/ops", "^extern constinit const OnnxRows "));
  EXPECT_EQ(paddle_rows().size(),
            lines_that_match("converter/import/paddle/ops", "^extern constinit const PaddleRows "));
  EXPECT_EQ(export_rows().size(), lines_that_match("converter/export", "^extern constinit const ExportRows "));
  EXPECT_EQ(all_ops().size(), lines_that_match("runtime/ops", "^const OpKind k.* = "));
  EXPECT_GT(onnx_ops().size(), 100u);
  EXPECT_GT(paddle_ops().size(), 100u);
}

TEST(Rows, OpsOfPaddle3AreOpsThatThereAre) {
  std::set<std::string_view> names;
  for (const PirOp& op : pir_ops()) {
    EXPECT_TRUE(names.insert(op.name).second) << op.name;
    EXPECT_NE(find_paddle_op(op.legacy), nullptr) << op.name << " is written as " << op.legacy;
    EXPECT_EQ(find_pir_op(op.name), &op);
  }
  EXPECT_GT(names.size(), 100u);
}

TEST(Rows, NoTwoClaimOneName) {
  std::set<std::pair<std::string_view, std::string_view>> onnx;
  for (const OnnxOp& op : onnx_ops()) {
    EXPECT_TRUE(onnx.insert({op.domain, op.name}).second) << op.domain << "." << op.name;
    EXPECT_EQ(find_onnx_op(op.name, op.domain), &op) << op.name;
  }
  std::set<std::string_view> paddle;
  for (const PaddleOp& op : paddle_ops()) {
    EXPECT_TRUE(paddle.insert(op.name).second) << op.name;
    EXPECT_EQ(find_paddle_op(op.name), &op) << op.name;
  }
  std::set<schema::Op> exported, run;
  for (const ExportRows* rows : export_rows())
    for (const ExportOp& op : *rows) {
      EXPECT_TRUE(exported.insert(op.type).second) << schema::EnumNameOp(op.type);
      EXPECT_EQ(&export_op(op.type), &op);
    }
  for (const OpKind* op : all_ops()) {
    EXPECT_TRUE(run.insert(op->type).second) << schema::EnumNameOp(op->type);
    EXPECT_EQ(find_op(op->type), op);
  }
}

TEST(Rows, ANameThatNobodyClaims) {
  EXPECT_EQ(find_onnx_op("Sub", "com.example"), nullptr);
  EXPECT_EQ(find_onnx_op(""), nullptr);
  EXPECT_EQ(find_onnx_op("Zzz"), nullptr);
  EXPECT_EQ(find_paddle_op("conv"), nullptr);
}

}  // namespace
}  // namespace octet::convert
