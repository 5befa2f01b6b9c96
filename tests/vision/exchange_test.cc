// Tensors handed to another runtime, and taken back.
#include "vision/exchange.h"

#include "tests/runtime/build_model.h"
#include "tests/vision/scratch.h"

namespace octet::vision {
namespace {

std::string raw(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

TEST(Exchange, WhatLiesInTheFolderCounts) {
  const test::Scratch scratch;
  ModelBuilder b;
  schema::UnaryT neg;
  neg.kind = schema::UnaryKind::neg;
  const int x = b.input("x", {2}), y = b.tensor("y", {2});
  b.node("neg", neg, {x}, y);
  b.model.outputs = {y};
  auto model = Model::from_bytes(b.finish(), "test");
  ASSERT_TRUE(model) << model.error().text;
  auto session = Session::create(*model, {.precision = Precision::kF32});
  ASSERT_TRUE(session) << session.error().text;
  Exchange exchange(scratch.path("runs"));
  const auto run = [&](float value) {
    std::ranges::fill(session->input(0).f32(), value);
    EXPECT_TRUE(exchange.before(*session, 1));
    EXPECT_TRUE(session->run());
    return exchange.after(*session, 1);
  };
  ASSERT_TRUE(run(3));
  EXPECT_EQ(session->output(0).f32()[1], -3) << "no file: the session's";
  std::filesystem::create_directories(scratch.path("runs/1"));
  scratch.write("runs/1/out_0.raw", raw({7, 8}));
  ASSERT_TRUE(run(4));
  EXPECT_EQ(session->output(0).f32()[1], 8);
  std::string written(8, '\0');
  std::ifstream(scratch.path("runs/1/in_0.raw"), std::ios::binary).read(written.data(), 8);
  EXPECT_EQ(written, raw({4, 4}));
  std::filesystem::create_directories(scratch.path("runs/2"));
  scratch.write("runs/2/out_0.raw", "short");
  const auto done = run(5);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().text.find("out_0.raw': 5 bytes for output 'y'"), std::string::npos) << done.error().text;
}

}  // namespace
}  // namespace octet::vision
