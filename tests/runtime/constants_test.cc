// What layers need is made once for a model: one lock each, dropped when unused, and no weight is read for a second shape.
#include "runtime/core/constants.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <barrier>
#include <fstream>
#include <random>
#include <thread>

#include "runtime/core/model.h"
#include "tests/runtime/build_model.h"

namespace octet {
namespace {

using Int = std::shared_ptr<const int>;

TEST(Constants, TheSameKeyGivesTheSameOne) {
  Constants constants;
  int made = 0, node = 0, other = 0;
  const auto get = [&](const ConstantKey& key) {
    return constants.get<int>(key, sizeof(int), [&] { return std::make_shared<int>(made++); });
  };
  const std::string text = "packing";  // compared as text, wherever it stands
  const ConstantKey key{&node, "packing", "avx2", 7};
  const Int first = get(key);
  EXPECT_EQ(get({&node, text, "avx2", 7}), first);
  EXPECT_EQ(made, 1);
  std::vector<Int> others;
  for (const ConstantKey& k :
       {ConstantKey{&other, "packing", "avx2", 7}, ConstantKey{&node, "rows", "avx2", 7},
        ConstantKey{&node, "packing", "avx512vnni", 7}, ConstantKey{&node, "packing", "avx2", 8}})
    others.push_back(get(k));
  EXPECT_EQ(made, 5);
}

TEST(Constants, GoWhenNobodyUsesThem) {
  Constants constants;
  int made = 0;
  const auto get = [&] {
    return constants.get<int>({.packing = "x"}, 1, [&] { return std::make_shared<int>(made++); });
  };
  std::weak_ptr<const int> seen;
  {
    const Int a = get(), b = get();
    seen = a;
    EXPECT_EQ(made, 1);
  }
  EXPECT_TRUE(seen.expired());
  EXPECT_EQ(*get(), 1);
}

TEST(Constants, MemoryIsAligned) {
  Constants constants;
  const auto bytes = constants.bytes({.packing = "x"}, 100, [](std::byte* to) { std::fill_n(to, 100, std::byte{3}); });
  EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes.get()) % 64, 0u);
  EXPECT_EQ(bytes.get()[99], std::byte{3});
}

// Both makers must be inside at once, or the barrier waits for ever.
TEST(Constants, ThreadsMakeDifferentOnesAtOnce) {
  Constants constants;
  std::barrier both(2);
  const auto make = [&](int64_t form) {
    return constants.get<int>({.packing = "x", .form = form}, 1, [&] {
      both.arrive_and_wait();
      return std::make_shared<int>(static_cast<int>(form));
    });
  };
  Int other;
  std::thread thread([&] { other = make(2); });
  EXPECT_EQ(*make(1), 1);
  thread.join();
  EXPECT_EQ(*other, 2);
}

TEST(Constants, ThreadsThatWantTheSameOneWaitForIt) {
  Constants constants;
  std::atomic<int> made{0};
  std::vector<Int> got(8);
  {
    std::vector<std::jthread> threads;
    for (Int& one : got)
      threads.emplace_back([&] {
        one = constants.get<int>({.packing = "x"}, 1, [&] {
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
          return std::make_shared<int>(++made);
        });
      });
  }
  EXPECT_EQ(made, 1);
  for (const Int& one : got) EXPECT_EQ(one, got[0]);
}

// Layers of every kind, for any image: windows in place, merged and repacked, depthwise, a matmul, a deformable convolution.
class Layers {
 public:
  Layers() {
    const int x = b_.input("x", {1, -1, -1, 3});
    b_.quantise(x, {0.02f}, {128});
    int y = conv("stem", x, 3, 24, 3);
    y = depthwise("depthwise", y, 24);
    y = conv("rows", y, 24, 80, 3);
    y = conv("taps", y, 80, 16, 3);
    const int products = tensor("matmul", 20, true);
    schema::MatMulT matmul;
    matmul.transpose_b = true;
    b_.node("matmul", matmul, {y, weights("matmul.w", {20, 1, 1, 16}, {20, 16}), bias("matmul.b", 20)}, products);
    const int offsets = tensor("offsets", 2, false);
    b_.node("offsets", schema::Conv2dT{},
            {products, weights("offsets.w", {2, 1, 1, 20}, {2, 1, 1, 20}), bias("offsets.b", 2)}, offsets);
    const int last = tensor("last", 5, false);
    b_.node("last", schema::DeformConv2dT{}, {products, floats("last.w", {5, 1, 1, 20}), bias("last.b", 5), offsets},
            last);
    b_.model.outputs = {last};
    b_.model.int8_ops = {"conv2d", "depthwise_conv2d", "matmul"};
  }

  std::vector<std::byte> finish() const { return b_.finish(); }

 private:
  int tensor(const std::string& name, int64_t channels, bool quantised) {
    const int t = b_.tensor(name, {1, -1, -1, channels});
    if (quantised) b_.quantise(t, {0.03f}, {100});
    return t;
  }
  std::vector<int8_t> random_s8(int64_t count) {
    std::vector<int8_t> v(static_cast<size_t>(count));
    for (int8_t& w : v) w = static_cast<int8_t>(static_cast<int>(random_() % 255) - 127);
    return v;
  }
  int weights(const std::string& name, const std::vector<int64_t>& shape, const std::vector<int64_t>& stored) {
    const int t = b_.conv_weights(name, shape, random_s8(shape[0] * shape[1] * shape[2] * shape[3]),
                                  std::vector<float>(static_cast<size_t>(shape[0]), 0.002f));
    b_.at(t).shape = stored;
    return t;
  }
  int floats(const std::string& name, const std::vector<int64_t>& shape) {
    std::vector<float> v(static_cast<size_t>(shape[0] * shape[3]));
    for (float& w : v) w = static_cast<float>(random_() % 200) / 1000 - 0.1f;
    return b_.f32(name, shape, v);
  }
  int bias(const std::string& name, int64_t channels) {
    std::vector<float> v(static_cast<size_t>(channels));
    for (float& w : v) w = static_cast<float>(random_() % 100) / 100 - 0.5f;
    return b_.f32(name, {channels}, v);
  }
  int conv(const std::string& name, int x, int64_t in, int64_t out, int kernel) {
    const int y = tensor(name, out, true);
    schema::Conv2dT a;
    a.pad_top = a.pad_left = a.pad_bottom = a.pad_right = kernel / 2;
    a.act = schema::Activation(schema::ActKind::silu, 0, 0);
    b_.node(name, a,
            {x, weights(name + ".w", {out, kernel, kernel, in}, {out, kernel, kernel, in}), bias(name + ".b", out)}, y);
    return y;
  }
  int depthwise(const std::string& name, int x, int64_t channels) {
    const int y = tensor(name, channels, true);
    schema::Conv2dT a;
    a.groups = static_cast<int>(channels);
    a.pad_top = a.pad_left = a.pad_bottom = a.pad_right = 1;
    const int w = b_.constant(name + ".w", {channels, 3, 3, 1}, random_s8(channels * 9), schema::DType::s8);
    b_.at(w).weight_scale.assign(static_cast<size_t>(channels), 0.002f);
    b_.node(name, a, {x, w, bias(name + ".b", channels)}, y);
    return y;
  }

  ModelBuilder b_;
  std::mt19937 random_{1};
};

// A model of a mapped file whose pages can be taken away.
struct Mapped {
  Mapped() {
    const std::string path = testing::TempDir() + "/constants_test_" + std::to_string(getpid()) + ".octet";
    const auto bytes = Layers().finish();
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    auto mapped = Model::map(path);
    unlink(path.c_str());
    EXPECT_TRUE(mapped) << mapped.error().text;
    model = *mapped;
  }
  void protect(int access) const {
    const ModelData& data = model->data();
    ASSERT_EQ(::mprotect(const_cast<std::byte*>(data.file.get()), data.file_bytes, access), 0);
  }
  std::optional<Model> model;
};

std::vector<float> run(Session& session) {
  std::mt19937 random(1);
  for (float& v : session.input(0).f32()) v = static_cast<float>(random() % 500) / 100.0f - 2.5f;
  auto done = session.run();
  EXPECT_TRUE(done) << done.error().text;
  const auto y = session.output(0).f32();
  return {y.begin(), y.end()};
}

Session prepared(const Model& model, const SessionOptions& options, const Shape& shape) {
  auto session = Session::create(model, options);
  EXPECT_TRUE(session) << session.error().text;
  EXPECT_TRUE(session->resize_input(0, shape));
  auto done = session->prepare();
  EXPECT_TRUE(done) << done.error().text;
  return std::move(*session);
}

// A read of the file would end the test by SIGSEGV.
TEST(Constants, ASecondShapeAndASecondSessionReadNoWeights) {
  for (const SessionOptions& options :
       {SessionOptions{}, SessionOptions{.precision = Precision::kF32, .use_onednn = false},
        SessionOptions{.precision = Precision::kF32}}) {
    const Mapped m;
    Session first = prepared(*m.model, options, {1, 12, 14, 3});
    int int8_layers = 0;
    for (const StepProfile& step : first.profile()) int8_layers += step.macs > 0 && step.precision == Precision::kInt8;
    EXPECT_EQ(int8_layers, options.precision == Precision::kInt8 ? 6 : 0);
    m.protect(PROT_NONE);
    ASSERT_TRUE(first.resize_input(0, {1, 20, 9, 3}));
    const auto done = first.prepare();
    EXPECT_TRUE(done) << done.error().text;
    Session second = prepared(*m.model, options, {1, 20, 9, 3});
    m.protect(PROT_READ);
    const auto expected = run(first);
    EXPECT_EQ(run(second), expected);
    EXPECT_EQ(expected.size(), 20u * 9 * 5);
    Session alone = prepared(*Mapped().model, options, {1, 20, 9, 3});
    EXPECT_EQ(run(alone), expected);
  }
}

}  // namespace
}  // namespace octet
