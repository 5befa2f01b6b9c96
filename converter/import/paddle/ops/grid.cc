// Ops that make grids, ramps and masks: meshgrid, linspace, one_hot_v2, tril_triu; and what picks by them: lookup_table_v2.
#include <cmath>
#include <numeric>

#include "converter/import/build/build.h"
#include "converter/import/paddle/ops/ops.h"
#include "converter/import/paddle/parameters.h"

namespace octet::convert {
namespace {

constexpr int kMostElements = 1 << 24;  // of a constant that an attribute asks for

// The number in a constant operand.
std::optional<double> number_in(PaddleNode& n, std::string_view parameter) {
  const TensorId t = n.in(parameter);
  if (n.is_constant_floats(t) && n.shape(t).elements() == 1) return static_cast<double>(n.at(t).values<float>()[0]);
  const auto values = constant_ints(n.g, t);
  if (values && values->size() == 1) return static_cast<double>((*values)[0]);
  n.fail(std::string(parameter) + " must be one constant number", Code::kUnsupported);
  return std::nullopt;
}

}  // namespace

static void import_paddle_meshgrid(PaddleNode& n) {
  const auto axes = n.all("X");
  if (axes.size() > static_cast<size_t>(kMaxRank)) return n.fail("more than 8 axes");
  std::vector<TensorId> sizes;
  for (TensorId t : axes) {
    if (n.rank(t) > 1) return n.fail("an axis of shape " + n.shape(t).text());
    sizes.push_back(n.rank(t) == 0 ? n.integers(std::array<int64_t, 1>{1}) : n.dim_of(t, 0));
  }
  const TensorId shape = sizes.size() == 1 ? sizes[0] : n.emit(schema::ConcatT{.axis = 0}, sizes);
  for (size_t i = 0; i < axes.size(); ++i) {
    std::vector<int64_t> spec(axes.size(), 1);
    spec[i] = -1;
    n.result("Out", n.emit(schema::ExpandT{}, {n.reshape(axes[i], spec), shape}));
  }
}

static void import_paddle_linspace(PaddleNode& n) {
  const auto start = number_in(n, "Start"), stop = number_in(n, "Stop"), count = number_in(n, "Num");
  if (!start || !stop || !count) return;
  if (n.i("dtype", 5) != 5) return n.fail("of other than 32 bit floats is not supported", Code::kUnsupported);
  if (!(*count >= 1 && *count <= kMostElements)) return n.fail("of " + std::to_string(*count) + " numbers");
  const auto size = static_cast<int64_t>(*count);
  const double step = size > 1 ? (*stop - *start) / static_cast<double>(size - 1) : 0;
  std::vector<float> values;
  for (int64_t i = 0; i < size; ++i)  // from both ends, so that the last is what was asked for
    values.push_back(static_cast<float>(i < size / 2 || size == 1 ? *start + step * static_cast<double>(i)
                                                                  : *stop - step * static_cast<double>(size - 1 - i)));
  n.result("Out", n.floats({size}, values));
}

static void import_paddle_one_hot(PaddleNode& n) {
  TensorId x = n.cast(n.in("X"), DType::kS64);
  const auto given = n.in("depth_tensor") >= 0 ? number_in(n, "depth_tensor") : std::nullopt;
  const auto depth = n.bounded("depth", given ? static_cast<int64_t>(*given) : n.i("depth", 1), 1, kMostElements);
  const auto dtype = dtype_of_paddle(static_cast<int32_t>(n.i("dtype", 5)));
  if (!dtype) return n.fail("its element type is not supported", Code::kUnsupported);
  std::vector<int64_t> classes(static_cast<size_t>(depth));
  std::iota(classes.begin(), classes.end(), 0);
  x = build_unsqueeze(n, x, {-1});
  n.result("Out",
           n.cast(n.emit(schema::CompareT{.kind = schema::CompareKind::equal}, {x, n.integers(classes)}), *dtype));
}

static void import_paddle_tril_triu(PaddleNode& n) {
  const TensorId x = n.in("X");
  const int rank = n.rank(x);
  if (rank < 2) return n.fail("needs a matrix, got " + n.shape(x).text());
  const int64_t rows = n.shape(x)[rank - 2], columns = n.shape(x)[rank - 1];
  if (rows < 0 || columns < 0 || rows * columns > kMostElements)
    return n.fail("needs known sizes: give the input's shape", Code::kUnsupported);
  const int64_t diagonal = n.bounded("diagonal", n.i("diagonal", 0), -kMostElements, kMostElements);
  const bool lower = n.b("lower", false);
  Tensor kept{.name = "kept", .dtype = DType::kBool, .shape = {rows, columns}, .constant = true};
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) kept.data.push_back(std::byte{lower ? c - r <= diagonal : c - r >= diagonal});
  n.result("Out", n.emit(schema::WhereT{}, {n.constant(std::move(kept)), x, n.scalar_like(x, 0)}));
}

static void import_paddle_lookup_table(PaddleNode& n) {
  if (n.i("padding_idx", -1) != -1) return n.fail("padding_idx is not supported", Code::kUnsupported);
  n.result("Out", n.emit(schema::GatherT{.axis = 0}, {n.in("W"), n.cast(n.in("Ids"), DType::kS64)}));
}

static constexpr PaddleOp kPaddleGridRows[] = {
    {"linspace", import_paddle_linspace, {"Start", "Stop", "Num"}},
    {"lookup_table_v2", import_paddle_lookup_table, {"W", "Ids"}},
    {"meshgrid", import_paddle_meshgrid, {"X"}},
    {"one_hot_v2", import_paddle_one_hot, {"X"}},
    {"tril_triu", import_paddle_tril_triu, {"X"}},
};
extern constinit const PaddleRows kPaddleGrid{kPaddleGridRows};

}  // namespace octet::convert
