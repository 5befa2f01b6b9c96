// Sequences of tensors, which exist while a model is imported: their length and the places in them must be known.
#include <algorithm>
#include <climits>

#include "converter/import/build/build.h"
#include "converter/import/onnx/ops/ops.h"

namespace octet::convert {
namespace {

constexpr int64_t kMostItems = 1 << 16;

std::vector<TensorId> items_of(OnnxNode& n, TensorId t) {
  const auto found = n.sequences.find(t);
  if (found != n.sequences.end()) return found->second;
  n.fail("needs a sequence");
  return {};
}

// A place among `count`, counted from the end where negative; the last one where the operand is absent.
size_t place(OnnxNode& n, size_t operand, size_t count) {
  const int64_t size = static_cast<int64_t>(count);
  if (n.in(operand) < 0 && size > 0) return count - 1;
  const auto given = n.const_ints(operand, "the position");
  if (!n.failed() && given.size() != 1) n.fail("needs one position");
  if (n.failed()) return 0;
  const int64_t at = given[0] < 0 ? given[0] + size : given[0];
  if (at >= 0 && at < size) return static_cast<size_t>(at);
  n.fail("position " + std::to_string(given[0]) + " is outside a sequence of " + std::to_string(size));
  return 0;
}

}  // namespace

static void import_sequence_construct(OnnxNode& n) {
  if (std::count(n.inputs.begin(), n.inputs.end(), -1)) return n.fail("an operand is absent");
  n.sequence = n.inputs;
}

static void import_sequence_at(OnnxNode& n) {
  const auto items = items_of(n, n.in(0));
  const size_t at = n.failed() ? 0 : place(n, 1, items.size());
  if (!n.failed()) n.result(items[at]);
}

static void import_sequence_length(OnnxNode& n) {
  const int64_t size = static_cast<int64_t>(items_of(n, n.in(0)).size());
  n.result(n.constant(make_constant<int64_t>(n.name(), {}, std::span(&size, 1))));
}

static void import_sequence_insert(OnnxNode& n) {
  auto items = items_of(n, n.in(0));
  if (items.size() >= kMostItems) return n.fail("makes a sequence that is too long");
  if (n.failed()) return;
  // Behind the last one is a place, too, and the one that is meant where none is given.
  const auto given =
      n.in(2) < 0 ? std::vector<int64_t>{static_cast<int64_t>(items.size())} : n.const_ints(2, "the position");
  const bool behind = given.size() == 1 && given[0] == static_cast<int64_t>(items.size());
  const size_t at = behind || n.failed() ? items.size() : place(n, 2, items.size());
  if (n.failed()) return;
  items.insert(items.begin() + static_cast<int64_t>(at), n.in(1));
  n.sequence = std::move(items);
}

static void import_sequence_erase(OnnxNode& n) {
  auto items = items_of(n, n.in(0));
  const size_t at = n.failed() ? 0 : place(n, 1, items.size());
  if (n.failed()) return;
  items.erase(items.begin() + static_cast<int64_t>(at));
  n.sequence = std::move(items);
}

// One size for all parts (the last may be smaller), a size for each, or parts of 1, which lose the dim where `keepdims` is 0.
static void import_split_to_sequence(OnnxNode& n) {
  const TensorId x = n.in(0);
  const int axis = n.axis(n.i("axis", 0), n.rank(x));
  const bool squeezed = n.in(1) < 0 && n.i("keepdims", 1) == 0;
  if (n.failed()) return;
  const int64_t size = n.shape(x)[axis];
  if (size < 0) return n.fail("needs an axis of known size: give the input's shape", Code::kUnsupported);
  std::vector<int64_t> sizes = n.in(1) >= 0 ? n.const_ints(1, "the sizes") : std::vector<int64_t>{1};
  if (n.failed()) return;
  if (n.in(1) < 0 || n.rank(n.in(1)) == 0) {
    const int64_t each = sizes.empty() ? 0 : sizes[0];
    if (each < 1 || size / each >= kMostItems)
      return n.fail("cannot split " + std::to_string(size) + " by " + std::to_string(each));
    sizes.assign(static_cast<size_t>((size + each - 1) / each), each);
    if (size % each) sizes.back() = size % each;
  }
  std::vector<TensorId> items;
  int64_t start = 0;
  for (int64_t part : sizes) {
    if (part < 0 || part > size - start) return n.fail("its parts do not make " + std::to_string(size));
    const TensorId slice = n.slice(x, axis, start, start + part);
    items.push_back(squeezed ? build_squeeze(n, slice, {axis}) : slice);
    start += part;
  }
  if (start != size) return n.fail("its parts do not make " + std::to_string(size));
  n.sequence = std::move(items);
}

static void import_concat_from_sequence(OnnxNode& n) {
  auto items = items_of(n, n.in(0));
  if (n.failed()) return;
  if (items.empty()) return n.fail("joins no tensors");
  const int64_t is_new = n.i("new_axis", 0);
  const int axis = n.axis(n.i("axis", INT_MAX), n.rank(items[0]) + (is_new ? 1 : 0));
  if (is_new)
    for (TensorId& t : items) t = build_unsqueeze(n, t, {axis});
  n.result(n.emit(schema::ConcatT{.axis = axis}, items));
}

static constexpr OnnxOp kOnnxSequencesRows[] = {
    {"ConcatFromSequence", import_concat_from_sequence, 1, 1, "", false, true},
    {"SequenceAt", import_sequence_at, 2, 2, "", false, true},
    {"SequenceConstruct", import_sequence_construct, 1, kAnyInputs},
    {"SequenceEmpty", [](OnnxNode& n) { n.sequence.emplace(); }, 0, 0},
    {"SequenceErase", import_sequence_erase, 1, 2, "", false, true},
    {"SequenceInsert", import_sequence_insert, 2, 3, "", false, true},
    {"SequenceLength", import_sequence_length, 1, 1, "", false, true},
    {"SplitToSequence", import_split_to_sequence, 1, 2},
};
extern constinit const OnnxRows kOnnxSequences{kOnnxSequencesRows};

}  // namespace octet::convert
