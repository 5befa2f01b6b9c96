// NumPy files: what numpy.save writes is read, what Octet writes is what numpy.save would write, the rest is refused.
#include "cli/npy.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <thread>

namespace octet::npy {
namespace {

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto* p = reinterpret_cast<const std::byte*>(text.data());
  return {p, p + text.size()};
}

// A file of format `major` with this dictionary as its header, as it stands.
std::vector<std::byte> file(const std::string& dict, const std::string& data, char major = 1) {
  std::string text = "\x93NUMPY";
  text += {major, '\0', static_cast<char>(dict.size() & 255), static_cast<char>(dict.size() >> 8)};
  if (major > 1) text += std::string(2, '\0');
  return bytes_of(text + dict + data);
}

std::string dict(const std::string& descr, const std::string& shape, const char* fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
}

template <class T>
std::string raw(std::initializer_list<T> values) {
  return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T)};
}

template <class T>
T element(const Array& a, size_t i) {
  T value;
  std::memcpy(&value, a.data.data() + i * sizeof(T), sizeof(T));
  return value;
}

// Devices without end: no further is read than a header says, and where there is none no further than one could be.
TEST(Npy, ReadsToTheEndOfTheArrayOnly) {
  for (const char* path : {"/dev/zero", "/nosuchfile", "/"}) {
    const auto array = read(path);
    ASSERT_FALSE(array) << path;
    EXPECT_NE(array.error().text.find(path), std::string::npos) << array.error().text;
  }
  const std::string pipe = ::testing::TempDir() + "octet_npy_" + std::to_string(::getpid());
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::signal(SIGPIPE, SIG_IGN);
  for (const size_t more : {size_t{0}, size_t{1}, size_t{64} << 20}) {
    std::thread writer([&] {
      auto bytes = file(dict("|u1", "(3000000,)"), std::string(3000000, 'x'));
      bytes.resize(bytes.size() + more);
      std::FILE* out = std::fopen(pipe.c_str(), "wb");
      std::fwrite(bytes.data(), 1, bytes.size(), out);  // ends early where the reader has gone
      std::fclose(out);
    });
    const auto array = read(pipe);
    writer.join();
    EXPECT_EQ(static_cast<bool>(array), more == 0) << more;
    if (array) {
      EXPECT_EQ(array->data.size(), 3000000u);
    }
  }
  ::unlink(pipe.c_str());
}

TEST(Npy, WritesWhatNumpySaves) {
  // numpy.save of numpy.arange(3, dtype=float32): 128 bytes of header, then the numbers.
  const float values[] = {0, 1, 2};
  const auto written = format(DType::kF32, {3}, std::as_bytes(std::span(values)));
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";
  header.append(128 - 10 - header.size() - 1, ' ');
  EXPECT_EQ(written, file(header + "\n", raw({0.0f, 1.0f, 2.0f})));
}

TEST(Npy, RoundTrip) {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{7}, Shape{2, 3}, Shape{1, 3, 5, 2}, Shape{0}, Shape{2, 0, 3}})
    for (DType dtype : {DType::kF32, DType::kU8, DType::kS8, DType::kS32, DType::kS64, DType::kBool}) {
      std::vector<std::byte> data(static_cast<size_t>(shape.elements()) * size_of(dtype));
      for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i & 1);
      const auto written = format(dtype, shape, data);
      EXPECT_EQ((written.size() - data.size()) % 64, 0u);
      const auto array = parse(written, "x.npy");
      ASSERT_TRUE(array) << shape.text() << name_of(dtype) << array.error().text;
      EXPECT_EQ(array->dtype, dtype);
      EXPECT_EQ(array->shape, shape);
      EXPECT_EQ(array->data, data);
    }
}

TEST(Npy, ReadsOtherSpellings) {
  for (const auto& [text, why] : std::vector<std::pair<std::vector<std::byte>, const char*>>{
           {file(dict("<f4", "(2, 1)"), raw({1.5f, -2.0f})), "1.0"},
           {file(dict("<f4", "(2, 1)"), raw({1.5f, -2.0f}), 2), "2.0"},
           {file(dict("<f4", "(2, 1)"), raw({1.5f, -2.0f}), 3), "3.0"},
           {file(dict("<f4", "(2L, 1L)"), raw({1.5f, -2.0f})), "Python 2's long numbers"},
           {file("{\"shape\" : (2,1), \"fortran_order\":False, \"descr\":\"<f4\"}\n", raw({1.5f, -2.0f})),
            "other order"},
           {file(dict("<f8", "(2, 1)"), raw({1.5, -2.0})), "double"}}) {
    const auto array = parse(text, "x.npy");
    ASSERT_TRUE(array) << why << ": " << array.error().text;
    EXPECT_EQ(array->dtype, DType::kF32) << why;
    EXPECT_EQ(array->shape, (Shape{2, 1})) << why;
    EXPECT_EQ(element<float>(*array, 0), 1.5f) << why;
    EXPECT_EQ(element<float>(*array, 1), -2.0f) << why;
  }
}

TEST(Npy, ReadsNarrowNumbersAsWiderOnes) {
  const auto halves =
      parse(file(dict("<f2", "(5,)"), raw<uint16_t>({0x3e00, 0xc000, 0x0001, 0x7bff, 0xfc00})), "x.npy");
  ASSERT_TRUE(halves) << halves.error().text;
  EXPECT_EQ(halves->dtype, DType::kF32);
  const float expected[] = {1.5f, -2, 0x1p-24f, 65504, -INFINITY};
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(element<float>(*halves, i), expected[i]);
  const auto shorts = parse(file(dict("<i2", "(2,)"), raw<int16_t>({-32768, 7})), "x.npy");
  const auto words = parse(file(dict("<u2", "(1,)"), raw<uint16_t>({65535})), "x.npy");
  const auto longs = parse(file(dict("<u4", "(1,)"), raw<uint32_t>({4294967295u})), "x.npy");
  ASSERT_TRUE(shorts && words && longs);
  EXPECT_EQ(element<int32_t>(*shorts, 0), -32768);
  EXPECT_EQ(element<int32_t>(*words, 0), 65535);
  EXPECT_EQ(element<int64_t>(*longs, 0), 4294967295);
}

TEST(Npy, RefusesWithAReason) {
  for (const auto& [text, reason] : std::vector<std::pair<std::vector<std::byte>, const char*>>{
           {bytes_of(""), "not a NumPy"},
           {bytes_of("PK\3\4 an .npz archive"), "not a NumPy"},
           {file(dict("<f4", "(1,)"), raw({1.0f}), 4), "version 4"},
           {file(dict("<f4", "(2, 3)", "True"), std::string(24, '\0')), "Fortran"},
           {file(dict("<f4", "(2, 3)", "Maybe"), std::string(24, '\0')), "neither True nor False"},
           {file(dict(">f4", "(1,)"), raw({1.0f})), "'>f4'"},
           {file(dict("<c8", "(1,)"), "abcdefgh"), "'<c8'"},
           {file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", raw({1.0f})), "records"},
           {file(dict("<f4", "(2,)"), raw({1.0f})), "4 bytes of data"},
           {file(dict("<f4", "(1,)"), raw({1.0f, 2.0f})), "8 bytes of data"},
           {file(dict("<f4", "(-1,)"), raw({1.0f})), "no valid shape"},
           {file(dict("<f4", "(1 1)"), raw({1.0f})), "no valid shape"},
           {file(dict("<f4", "(1,1,1,1,1,1,1,1,1)"), raw({1.0f})), "no valid shape"},
           {file(dict("<f4", "(4294967296, 4294967296)"), ""), "no valid shape"},
           {file(dict("<f4", "(99999999999999999999,)"), ""), "no valid shape"},
           {file("{'descr': '<f4'}", ""), "no descr, fortran_order and shape"}}) {
    const auto array = parse(text, "x.npy");
    ASSERT_FALSE(array) << reason;
    EXPECT_NE(array.error().text.find(reason), std::string::npos) << array.error().text;
    EXPECT_TRUE(array.error().text.starts_with("x.npy: ")) << array.error().text;
  }
}

TEST(Npy, DamagedFilesNeverCrash) {
  const auto whole = file(dict("<i4", "(2, 2)") + "\n", raw<int32_t>({1, 2, 3, 4}));
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_FALSE(parse(std::span(whole).first(length), "x.npy")) << length;
  for (size_t at = 0; at < whole.size() - 16; ++at)
    for (int value = 0; value < 256; ++value) {
      auto damaged = whole;
      damaged[at] = static_cast<std::byte>(value);
      if (auto array = parse(damaged, "x.npy")) {
        EXPECT_EQ(array->data.size(), static_cast<size_t>(array->shape.elements()) * size_of(array->dtype));
      }
    }
}

TEST(Npy, ConvertsWhatSurvives) {
  const Array u8{DType::kU8, {2}, bytes_of("\x01\xff")};
  EXPECT_EQ(element<float>(*convert(u8, DType::kF32, "x"), 1), 255.0f);
  EXPECT_EQ(element<int64_t>(*convert(u8, DType::kS64, "x"), 1), 255);
  const Array s64{DType::kS64, {1}, bytes_of(raw<int64_t>({-5}))},
      big{DType::kS64, {1}, bytes_of(raw<int64_t>({1ll << 40}))};
  EXPECT_EQ(element<int32_t>(*convert(s64, DType::kS32, "x"), 0), -5);
  EXPECT_FALSE(convert(big, DType::kS32, "x")) << "does not fit";
  EXPECT_FALSE(convert(Array{DType::kF32, {1}, bytes_of(raw({1.0f}))}, DType::kS64, "x")) << "may have a fraction";
  EXPECT_FALSE(convert(u8, DType::kBool, "x"));
}

TEST(Npy, FileNames) {
  EXPECT_EQ(file_stem("output"), "output");
  EXPECT_EQ(file_stem("/model.24/Sigmoid_output:0"), "_model.24_Sigmoid_output_0");
  EXPECT_EQ(file_stem("../../etc/passwd"), "_._.._etc_passwd") << "stays in its folder";
  EXPECT_EQ(file_stem(""), "output");
  EXPECT_EQ(file_stem("-rf"), "_rf");
  EXPECT_EQ(file_stem("save_infer_model/scale_0.tmp_0"), "save_infer_model_scale_0.tmp_0");
  EXPECT_EQ(file_stem(std::string(5000, 'a')).size(), 200u);
}

TEST(Npy, FilesOfSeveralTensorsAreDistinct) {
  const std::string_view names[] = {"a/b", "a_b", "a.b", "a:b"};
  EXPECT_EQ(file_stems(names), (std::vector<std::string>{"a_b_2", "a_b", "a.b", "a_b_3"}));
}

}  // namespace
}  // namespace octet::npy
