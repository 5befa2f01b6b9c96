// What transformers are made of: normalisation, GELU, sampling, gathers and scatters, Einsum, Mod: known results.
#include <cmath>
#include <map>

#include "tests/converter/rig.h"

namespace octet::convert {
namespace {

// Inputs are constants, so that only folding runs.
std::vector<float> folded(TestModel& m, const std::string& result) {
  m.output(m.op("Add", {m.op("Mul", {m.input("x", {1}), m.floats({}, {0})}), result}));
  return run(converted(m));
}

void expect_near(const std::vector<float>& got, const std::vector<float>& expected, const std::string& why) {
  ASSERT_EQ(got.size(), expected.size()) << why;
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-5) << why << " at " << i;
}

// Rows of `size` elements, each normalised.
std::vector<float> normalised(std::vector<float> v, size_t size, float epsilon) {
  for (size_t first = 0; first < v.size(); first += size) {
    double mean = 0, squares = 0;
    for (size_t i = first; i < first + size; ++i) mean += double{v[i]} / static_cast<double>(size);
    for (size_t i = first; i < first + size; ++i) squares += (v[i] - mean) * (v[i] - mean) / static_cast<double>(size);
    for (size_t i = first; i < first + size; ++i)
      v[i] = static_cast<float>((v[i] - mean) / std::sqrt(squares + epsilon));
  }
  return v;
}

std::vector<float> numbers(size_t count) {
  std::vector<float> v;
  for (size_t i = 0; i < count; ++i) v.push_back(static_cast<float>(static_cast<int>(i * 7 % 11) - 4) * 0.5f);
  return v;
}

TEST(TransformerOps, LayerNormalizationOverOneDimOrSeveral) {
  const auto data = numbers(24);
  for (int axis : {-1, 1}) {
    TestModel m(17);
    const size_t row = axis == 1 ? 12 : 4;
    const std::vector<int64_t> of = axis == 1 ? std::vector<int64_t>{3, 4} : std::vector<int64_t>{4};
    const std::vector<float> scale(row, 2), bias(row, 1);
    const auto got =
        folded(m, m.op("LayerNormalization", {m.floats({2, 3, 4}, data), m.floats(of, scale), m.floats(of, bias)},
                       {attr("axis", axis), attr("epsilon", 0.01f)}));
    auto expected = normalised(data, row, 0.01f);
    for (float& v : expected) v = v * 2 + 1;
    expect_near(got, expected, "axis " + std::to_string(axis));
  }
}

TEST(TransformerOps, LayerNormalizationWithComputedScale) {
  TestModel m(17);
  const std::string x = m.input("x", {2, 3, 4}), scale = m.input("scale", {4});
  m.output(m.op("LayerNormalization", {x, scale}));
  const Graph g = converted(m);
  EXPECT_EQ(count(g, schema::Op::LayerNorm), 1);
  EXPECT_EQ(count(g, schema::Op::Binary), 1);
}

TEST(TransformerOps, InstanceAndGroupNormalization) {
  const auto data = numbers(48);
  TestModel instance(6 + 7), old(18), now(21);
  const std::vector<float> four = {1, 2, 3, 4}, zeros(4, 0);
  auto expected = normalised(data, 6, 1e-5f);
  for (size_t i = 0; i < 48; ++i) expected[i] *= four[i / 6 % 4];
  expect_near(
      folded(instance, instance.op("InstanceNormalization", {instance.floats({2, 4, 3, 2}, data),
                                                             instance.floats({4}, four), instance.floats({4}, zeros)})),
      expected, "instance");
  expected = normalised(data, 12, 1e-5f);
  for (size_t i = 0; i < 48; ++i) expected[i] = expected[i] * four[i / 12 % 2] + 1;
  expect_near(folded(old, old.op("GroupNormalization",
                                 {old.floats({2, 4, 3, 2}, data), old.floats({2}, {1, 2}), old.floats({2}, {1, 1})},
                                 {attr("num_groups", 2)})),
              expected, "a scale a group");
  expected = normalised(data, 12, 1e-5f);
  for (size_t i = 0; i < 48; ++i) expected[i] *= four[i / 6 % 4];
  expect_near(folded(now, now.op("GroupNormalization",
                                 {now.floats({2, 4, 3, 2}, data), now.floats({4}, four), now.floats({4}, zeros)},
                                 {attr("num_groups", 2)})),
              expected, "a scale a channel");
}

TEST(TransformerOps, Gelu) {
  for (bool tanh : {false, true}) {
    TestModel m(20);
    const auto x = numbers(11);
    std::vector<float> expected;
    for (double v : x)
      expected.push_back(
          static_cast<float>(tanh ? v / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)))
                                  : v / 2 * std::erfc(-v * M_SQRT1_2)));
    expect_near(folded(m, m.op("Gelu", {m.floats({11}, x)}, {attr("approximate", tanh ? "tanh" : "none")})), expected,
                tanh ? "tanh" : "erf");
  }
  TestModel m(20);
  m.output(m.op("Gelu", {m.input("x", {1})}, {attr("approximate", "cubic")}));
  EXPECT_NE(error_of(m).find("'cubic' is unknown"), std::string::npos) << error_of(m);
}

TEST(TransformerOps, GridSampleOfBothOpsets) {
  // One channel 2x2, sampled between its pixels, on a corner, and half outside.
  const std::vector<float> image = {1, 2, 3, 4}, places = {0, 0, -0.5f, -0.5f, -1, -1};
  const std::tuple<int64_t, const char*, const char*, std::vector<float>> cases[] = {
      {16, "bilinear", "zeros", {2.5f, 1, 0.25f}},
      {20, "linear", "border", {2.5f, 1, 1}},
      {20, "nearest", "reflection", {1, 1, 1}},
  };
  for (const auto& [opset, mode, padding, expected] : cases) {
    TestModel m(opset);
    expect_near(folded(m, m.op("GridSample", {m.floats({1, 1, 2, 2}, image), m.floats({1, 1, 3, 2}, places)},
                               {attr("mode", mode), attr("padding_mode", padding)})),
                expected, mode);
  }
  TestModel m(16);
  m.output(m.op("GridSample", {m.input("x", {1, 1, 4, 4}), m.input("g", {1, 4, 4, 2})}, {attr("mode", "bicubic")}));
  EXPECT_NE(error_of(m).find("'bicubic' is not supported"), std::string::npos) << error_of(m);
  TestModel volume(20);
  volume.output(volume.op("GridSample", {volume.input("x", {1, 1, 4, 4, 4}), volume.input("g", {1, 4, 4, 4, 3})}));
  EXPECT_NE(error_of(volume).find("rank 4"), std::string::npos) << error_of(volume);
}

TEST(TransformerOps, GridSampleKeepsItsLayout) {
  TestModel m(16);
  const std::string x = m.conv(m.input("x", {1, 3, 6, 8}), 3, 5, 1);
  m.output(m.conv(m.op("GridSample", {x, m.input("g", {1, 4, 7, 2})}), 5, 2, 1));
  const Graph g = converted(m);
  EXPECT_EQ(count(g, schema::Op::GridSample), 1);
  EXPECT_EQ(count(g, schema::Op::Transpose), 2) << dump(g);  // of the input and the output
}

TEST(TransformerOps, GatherAndScatter) {
  TestModel gather(13), elements(18), old(10), nd(18), odd(16);
  const std::vector<float> data = {0, 1, 2, 3, 4, 5};
  expect_near(folded(gather, gather.op("GatherElements",
                                       {gather.floats({2, 3}, data),
                                        gather.op("Reshape", {gather.ints({2, -1, 0, 0}), gather.ints({2, 2})})},
                                       {attr("axis", 1)})),
              {2, 2, 3, 3}, "gather");
  expect_near(
      folded(elements, elements.op("ScatterElements",
                                   {elements.floats({6}, data), elements.ints({1, 1}), elements.floats({2}, {9, 7})},
                                   {attr("reduction", "max")})),
      {0, 9, 2, 3, 4, 5}, "scatter max");
  expect_near(folded(old, old.op("Scatter", {old.floats({6}, data), old.ints({1, -1}), old.floats({2}, {9, 7})})),
              {0, 9, 2, 3, 4, 7}, "scatter");
  const std::string where = nd.op("Reshape", {nd.ints({1, 1}), nd.ints({2, 1})});
  expect_near(folded(nd, nd.op("ScatterND", {nd.floats({2, 3}, data), where, nd.floats({2, 3}, {1, 1, 1, 2, 2, 2})},
                               {attr("reduction", "add")})),
              {0, 1, 2, 6, 7, 8}, "scatter_nd");
  odd.output(odd.op("ScatterND",
                    {odd.input("x", {3}), odd.op("Reshape", {odd.ints({1}), odd.ints({1, 1})}), odd.floats({1}, {1})},
                    {attr("reduction", "mean")}));
  EXPECT_NE(error_of(odd).find("'mean' is unknown"), std::string::npos) << error_of(odd);
  TestModel outside(13);
  outside.output(outside.op("GatherElements", {outside.input("x", {3}), outside.ints({5})}));
  EXPECT_NE(error_of(outside).find("index 5 on axis 0"), std::string::npos) << error_of(outside);
}

TEST(TransformerOps, Mod) {
  for (int fmod : {0, 1}) {
    TestModel m(13);
    const std::string y = m.op("Mod", {m.ints({7, -7, 7, -7, 6}), m.ints({4, 4, -4, -4, 3})}, {attr("fmod", fmod)});
    expect_near(folded(m, m.op("Cast", {y}, {attr("to", 1)})),
                fmod ? std::vector<float>{3, -3, 3, -3, 0} : std::vector<float>{3, 1, -1, -3, 0},
                fmod ? "fmod" : "mod");
  }
  TestModel m(13);
  m.output(m.op("Mod", {m.input("x", {3}), m.floats({}, {2})}, {attr("fmod", 0)}));
  EXPECT_NE(error_of(m).find("of floats needs fmod"), std::string::npos) << error_of(m);
}

// Every form against a loop over all letters.
TEST(TransformerOps, Einsum) {
  const std::map<char, int64_t> size = {{'b', 2}, {'h', 3}, {'i', 4}, {'j', 5}, {'d', 3}, {'e', 2}};
  const std::tuple<std::string, std::string, std::string, std::string> cases[] = {
      {"bhid,bhjd->bhij", "bhid", "bhjd", "bhij"},
      {"bhij,bhjd->bhid", "bhij", "bhjd", "bhid"},
      {"bid,dj->bij", "bid", "dj", "bij"},
      {"bid , jd -> bji", "bid", "jd", "bji"},
      {"bihd,bjhd->bhij", "bihd", "bjhd", "bhij"},
      {"ij,ji->ij", "ij", "ji", "ij"},
      {"i,j->ij", "i", "j", "ij"},
      {"bij,bij->", "bij", "bij", ""},
      {"bide,jde->bij", "bide", "jde", "bij"},
      {"bhi,bj->bih", "bhi", "bj", "bih"},
      {"ij,jd", "ij", "jd", "di"},  // implied: by the alphabet
      {"bij->ji", "bij", "", "ji"},
      {"ij->", "ij", "", ""}};
  for (const auto& [equation, a, b, out] : cases) {
    TestModel m(12);
    std::map<char, int64_t> at;
    auto dims = [&](const std::string& letters) {
      std::vector<int64_t> d;
      for (char c : letters) d.push_back(size.at(c));
      return d;
    };
    auto place = [&](const std::string& letters) {
      int64_t i = 0;
      for (char c : letters) i = i * size.at(c) + at[c];
      return static_cast<size_t>(i);
    };
    auto count_of = [&](const std::string& letters) {
      size_t n = 1;
      for (char c : letters) n *= static_cast<size_t>(size.at(c));
      return n;
    };
    const auto x = numbers(count_of(a)), y = b.empty() ? std::vector<float>{1} : numbers(count_of(b));
    std::string letters = a;
    for (char c : b)
      if (letters.find(c) == std::string::npos) letters += c;

    const std::string& result = out;
    std::vector<float> expected(count_of(result), 0);
    for (size_t i = 0; i < count_of(letters); ++i) {
      size_t rest = i;
      for (size_t k = letters.size(); k-- > 0; rest /= static_cast<size_t>(size.at(letters[k])))
        at[letters[k]] = static_cast<int64_t>(rest % static_cast<size_t>(size.at(letters[k])));
      expected[place(result)] += x[place(a)] * y[b.empty() ? 0 : place(b)];
    }
    std::vector<std::string> operands{m.floats(dims(a), x)};
    if (!b.empty()) operands.push_back(m.floats(dims(b), y));
    expect_near(folded(m, m.op("Einsum", operands, {attr("equation", equation.c_str())})), expected, equation);
  }
}

TEST(TransformerOps, EinsumIsOneProduct) {
  TestModel m(12);
  m.output(
      m.op("Einsum", {m.input("a", {2, 3, 8, 4}), m.input("b", {2, 3, 9, 4})}, {attr("equation", "bhid,bhjd->bhij")}));
  const Graph g = converted(m);
  EXPECT_EQ(count(g, schema::Op::MatMul), 1);
  EXPECT_EQ(g.nodes.size(), 1u) << dump(g);
}

TEST(TransformerOps, EinsumRefusesTheRest) {
  for (const char* equation : {"ii->i", "..i,ij->..j", "ij,jk,kl->il", "ij,jk->iz", "ij,jk->ii", "ij", "i1,1j->ij"}) {
    TestModel m(12);
    m.output(m.op("Einsum", {m.input("a", {3, 3}), m.input("b", {3, 3})}, {attr("equation", equation)}));
    EXPECT_NE(error_of(m).find("is not supported"), std::string::npos) << equation << ": " << error_of(m);
  }
  TestModel m(12);
  m.output(m.op("Einsum", {m.input("a", {3, 3}), m.input("b", {3})}, {attr("equation", "ij,jk->ik")}));
  EXPECT_NE(error_of(m).find("for an operand {3}"), std::string::npos) << error_of(m);
}

}  // namespace
}  // namespace octet::convert
