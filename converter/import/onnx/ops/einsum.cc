// Einsum of one or two operands, as transposes, sums and one matrix product.
#include <algorithm>

#include "converter/import/build/build.h"
#include "converter/import/onnx/ops/ops.h"

namespace octet::convert {
namespace {

// An operand and the letters of its dims.
struct Term {
  TensorId x;
  std::string letters;
};

bool has(const std::string& letters, char c) { return letters.find(c) != std::string::npos; }

// The letters of `from` for which `wanted` holds.
template <class Wanted>
std::string those(const std::string& from, Wanted wanted) {
  std::string out;
  std::copy_if(from.begin(), from.end(), std::back_inserter(out), wanted);
  return out;
}

Term ordered(SourceNode& n, const Term& t, const std::string& letters) {
  Perm perm;
  for (char c : letters) perm.push_back(static_cast<int>(t.letters.find(c)));
  return {is_identity(perm) ? t.x : n.transpose(t.x, perm), letters};
}

// Sums over the letters that `kept` lacks.
Term summed(SourceNode& n, const Term& t, const std::string& kept) {
  std::vector<int> axes;
  for (size_t i = 0; i < t.letters.size(); ++i)
    if (!has(kept, t.letters[i])) axes.push_back(static_cast<int>(i));
  if (axes.empty()) return t;
  const schema::ReduceT sum{.kind = schema::ReduceKind::sum, .axes = axes, .keep_dims = false};
  return {n.emit(sum, {t.x}), those(t.letters, [&](char c) { return has(kept, c); })};
}

// The sizes of these letters, in a Reshape's spelling; one dim that may be unknown.
int64_t joined(SourceNode& n, const Term& t, const std::string& letters) {
  int64_t size = 1;
  for (char c : letters) {
    const int64_t d = n.shape(t.x)[static_cast<int>(t.letters.find(c))];
    if (d < 0) return -1;
    size *= d;
  }
  return size;
}

Term product(SourceNode& n, const Term& a, const Term& b, const std::string& out) {
  const auto in_both = [&](char c) { return has(a.letters, c) && has(b.letters, c); };
  const std::string batch = those(a.letters, [&](char c) { return in_both(c) && has(out, c); });
  const std::string inner = those(a.letters, [&](char c) { return in_both(c) && !has(out, c); });
  const std::string rows = those(a.letters, [&](char c) { return !in_both(c); });
  const std::string columns = those(b.letters, [&](char c) { return !in_both(c); });
  const Term left = ordered(n, a, batch + rows + inner), right = ordered(n, b, batch + columns + inner);
  std::vector<int64_t> sizes[3];
  const std::pair<const Term*, const std::string*> matrices[] = {{&left, &rows}, {&right, &columns}};
  TensorId flat[2];
  for (size_t k = 0; k < 2; ++k) {
    const auto& [term, own] = matrices[k];
    for (size_t i = 0; i < batch.size(); ++i) sizes[k].push_back(n.same_dim(term->x, static_cast<int>(i)));
    sizes[k].push_back(joined(n, *term, *own));
    sizes[k].push_back(joined(n, *term, inner));
    flat[k] = own->size() == 1 && inner.size() == 1 ? term->x : n.reshape(term->x, sizes[k]);
  }
  const TensorId y = build_matmul(n, flat[0], flat[1], false, true);
  Term whole{y, batch + rows + columns};
  if (rows.size() == 1 && columns.size() == 1) return whole;
  for (size_t i = 0; i < batch.size(); ++i) sizes[2].push_back(n.same_dim(y, static_cast<int>(i)));
  for (size_t k = 0; k < 2; ++k)
    for (char c : *matrices[k].second) sizes[2].push_back(joined(n, *matrices[k].first, std::string(1, c)));
  if (std::count_if(sizes[2].begin(), sizes[2].end(), [](int64_t d) { return d < 0; }) > 1)
    n.fail("needs known sizes: give the input's shape", Code::kUnsupported);
  return {n.reshape(y, sizes[2]), whole.letters};
}

// "..." stands for digits, counted from the last of its dims, so that those of two operands meet.
bool is_own(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

std::string with_digits(const std::string& letters, int64_t dims) {
  const size_t dots = letters.find("...");
  if (dots == std::string::npos || dims < 0 || dims > kMaxRank) return letters;
  std::string digits;
  for (int64_t i = dims; i-- > 0;) digits += static_cast<char>('0' + i);
  return letters.substr(0, dots) + digits + letters.substr(dots + 3);
}

// Whether nothing else is there than letters, and "..." once.
bool is_spelled_well(const std::string& text) {
  const size_t dots = text.find("...");
  const std::string rest = dots == std::string::npos ? text : text.substr(0, dots) + text.substr(dots + 3);
  return std::all_of(rest.begin(), rest.end(), [](char c) { return std::isalpha(static_cast<unsigned char>(c)); });
}

// Dims of "..." that are 1 here and more in the other operand are left to it.
Term without_ones(SourceNode& n, const Term& t, const Term& other) {
  std::vector<int> ones;
  std::string letters;
  for (size_t i = 0; i < t.letters.size(); ++i) {
    const size_t there = other.letters.find(t.letters[i]);
    const bool goes = is_own(t.letters[i]) && there != std::string::npos && n.shape(t.x)[static_cast<int>(i)] == 1 &&
                      n.shape(other.x)[static_cast<int>(there)] != 1;
    if (goes)
      ones.push_back(static_cast<int>(i));
    else
      letters += t.letters[i];
  }
  return ones.empty() ? t : Term{build_squeeze(n, t.x, ones), letters};
}

// The result's letters where the equation does not say: the dims of "...", and those that stand once, by the alphabet.
std::string implied(const std::string& all) {
  std::string out = those(all, [&](char c) { return !is_own(c) && std::count(all.begin(), all.end(), c) == 1; });
  std::string own = those(all, is_own);
  std::sort(out.begin(), out.end());
  std::sort(own.rbegin(), own.rend());
  own.erase(std::unique(own.begin(), own.end()), own.end());
  return own + out;
}

bool distinct(const std::string& letters) {
  return std::all_of(letters.begin(), letters.end(),
                     [&](char c) { return std::count(letters.begin(), letters.end(), c) == 1; });
}

}  // namespace

static void import_einsum(OnnxNode& n) {
  const std::string given = n.s("equation", "");
  const std::string equation = those(given, [](char c) { return c != ' '; });
  const auto unsupported = [&] { n.fail("the equation '" + given + "' is not supported", Code::kUnsupported); };
  const size_t arrow = equation.find("->");
  const std::string inputs = equation.substr(0, arrow),
                    wanted = arrow == std::string::npos ? "" : equation.substr(arrow + 2);
  const size_t comma = inputs.find(',');
  std::vector<Term> terms{{n.in(0), inputs.substr(0, comma)}};
  if (comma != std::string::npos) terms.push_back({n.in(1), inputs.substr(comma + 1)});
  std::string all;
  int64_t most = 0;  // dims that "..." stands for
  for (Term& t : terms) {
    if (!is_spelled_well(t.letters)) return unsupported();
    if (t.x < 0 || n.at(t.x).dtype != DType::kF32) return n.fail("needs float operands", Code::kUnsupported);
    const int64_t dims = n.rank(t.x) - (static_cast<int64_t>(t.letters.size()) - 3);
    if (has(t.letters, '.')) most = std::max(most, dims);
    t.letters = with_digits(t.letters, dims);
    if (n.rank(t.x) != static_cast<int>(t.letters.size()))
      return n.fail("'" + given + "' for an operand " + n.shape(t.x).text());
    if (!distinct(t.letters)) return unsupported();
    all += t.letters;
  }
  const bool says = arrow != std::string::npos;
  if (says && !is_spelled_well(wanted)) return unsupported();
  const std::string out = says ? with_digits(wanted, most) : implied(all);
  if (terms.size() != n.inputs.size() || !distinct(out) || out.find_first_not_of(all) != std::string::npos)
    return unsupported();
  if (terms.size() == 1) return n.result(ordered(n, summed(n, terms[0], out), out).x);
  const Term first = without_ones(n, terms[0], terms[1]), second = without_ones(n, terms[1], terms[0]);
  const Term a = summed(n, first, out + second.letters), b = summed(n, second, out + first.letters);
  n.result(ordered(n, product(n, a, b, out), out).x);
}

static constexpr OnnxOp kOnnxEinsumRows[] = {
    {"Einsum", import_einsum, 1, 2},
};
extern constinit const OnnxRows kOnnxEinsum{kOnnxEinsumRows};

}  // namespace octet::convert
