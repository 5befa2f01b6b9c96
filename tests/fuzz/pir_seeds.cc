// Synthetic programs of Paddle 3: each op alone, and what programs put around ops.
#include <fstream>

#include "converter/import/paddle/pir/ops.h"
#include "tests/converter/paddle/pir_program.h"
#include "tests/fuzz/paddle_seeds.h"

namespace octet::fuzz {
namespace {

using namespace convert;

// What suits an operand that was an attribute once, of an op on a picture.
Dims numbers_for(std::string_view attribute) {
  if (attribute == "kernel_size" || attribute == "sections") return {2, 2};
  if (attribute == "shape") return {1, 4, 36};
  if (attribute == "repeat_times") return {1, 1, 2, 1};
  if (attribute == "paddings") return {1, 1, 1, 1};
  if (attribute == "output_size") return {};
  return {1};
}

// One op on a picture, with as many operands as it takes; attributes of several ops, which others ignore.
TestPir single(const PirOp& op) {
  TestPir p;
  Ids operands;
  std::string_view rest = op.operands;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(' '), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    int64_t value = 0;
    if (operands.empty())
      value = p.input("x", {1, 4, 6, 6});
    else if (word == "Filter")
      value = p.random({4, 4, 1, 1});
    else if (word == "Y" || word == "W")
      value = p.random({6, 6});
    else if (word.find('=') != std::string_view::npos)
      value = p.integers(numbers_for(word.substr(0, word.find('='))));
    else if (word.ends_with("Scale") && op.legacy.find("quantize") != std::string_view::npos)
      value = p.floats({1}, {2});
    else if (word != "-")
      value = p.random({4});
    operands.push_back(word.ends_with('*') ? p.combine({value, value}) : value);
  }
  const TestPir::Attributes attributes = {{"strides", pir_ints({2, 2})},
                                          {"dtype", pir_dtype("float32")},
                                          {"num", pir_int(2)},
                                          {"out_h", pir_int(3)},
                                          {"out_w", pir_int(4)},
                                          {"perm", pir_ints({0, 2, 1, 3})},
                                          {"value", op.name == "full_int_array" ? pir_ints({2, 2}) : pir_float(2)}};
  const std::string name(op.name);
  const bool list = op.results.ends_with('*');
  const int64_t made = list ? p.list(name, operands, 2, attributes) : p.op(name, operands, attributes);
  p.output(list ? p.op("0.split", {made}, {}, 2) : made);
  return p;
}

// A quantised convolution, sizes from shapes, a list, a branch.
TestPir network() {
  TestPir p;
  const int64_t x = p.input("x", {-1, 3, 8, 8}), scale = p.floats({1}, {2});
  const TestPir::Attributes one = {{"quant_axis", pir_int(-1)}};
  int64_t q = p.op("quantize_linear", {x, scale, 0, 0, 0}, one);
  q = p.op("dequantize_linear", {q, scale, 0, 0, 0}, one);
  const int64_t w =
      p.op("dequantize_linear", {p.bytes({4, 3, 3, 3}, std::vector<int8_t>(108, 7)), p.random({4}), 0, 0, 0},
           {{"quant_axis", pir_int(0)}});
  int64_t y = p.op("conv2d", {q, w}, {{"strides", pir_ints({1, 1})}, {"paddings", pir_ints({1, 1})}});
  y = p.op("relu_", {p.op("add", {y, p.op("reshape", {p.random({4}), p.integers({1, -1, 1, 1})})})});
  const int64_t shape = p.op("shape64", {x});
  const int64_t batch = p.op("slice", {shape, p.integers({0}), p.integers({1})},
                             {{"axes", pir_ints({0})}, {"decrease_axis", pir_ints({0})}});
  const int64_t sizes = p.op("stack", {p.combine({batch, p.full(-1, {}, "int64")})}, {{"axis", pir_int(0)}});
  y = p.op("reshape", {y, sizes});
  y = p.branch(
      p.full(1, {1}, "bool"),
      [&] {
        return Ids{p.op("scale", {y, p.full(2)}, {{"bias", pir_float(1)}})};
      },
      [&] { return Ids{y}; });
  p.output(p.op("softmax", {y}, {{"axis", pir_int(-1)}}));
  return p;
}

}  // namespace

void write_pir_seeds(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  int count = 0;
  const auto write = [&](const TestPir& p) {
    const std::string bytes = PaddleInput{p.program_bytes(), p.parameter_bytes()}.bytes();
    std::ofstream(folder / std::to_string(++count), std::ios::binary) << bytes;
  };
  for (const PirOp& op : pir_ops()) write(single(op));
  write(network());
}

}  // namespace octet::fuzz
