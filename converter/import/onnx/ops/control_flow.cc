// If and Loop, resolved: the branch that a constant condition takes, the body as often as constants say. The nodes inside are
// imported in their place.
#include "converter/import/build/build.h"
#include "converter/import/onnx/ops/ops.h"

namespace octet::convert {
namespace {

// One boolean that is known; nothing where data decide it.
std::optional<bool> condition(OnnxNode& n, TensorId t) {
  if (n.at(t).dtype != DType::kBool || (n.is_constant(t) && n.shape(t).elements() != 1))
    return n.fail("its condition must be one boolean"), std::nullopt;
  if (!n.is_constant(t)) return std::nullopt;
  return n.at(t).data[0] != std::byte{0};
}

// Both branches run, and their results are chosen from: where these are alike that gives what one branch gives.
void choose(OnnxNode& n) {
  const auto yes = n.block("then_branch", "then/", {}), no = n.block("else_branch", "else/", {});
  if (n.failed()) return;
  if (yes.size() != no.size()) return n.fail("its branches differ in their outputs");
  const TensorId chosen = n.rank(n.in(0)) ? n.reshape(n.in(0), {}) : n.in(0);
  for (size_t i = 0; i < yes.size(); ++i) {
    const bool plain =
        !n.sequences.count(yes[i]) && !n.sequences.count(no[i]) && !n.stored.count(yes[i]) && !n.stored.count(no[i]);
    if (!plain || n.at(yes[i]).dtype != n.at(no[i]).dtype || n.shape(yes[i]).elements() < 0 ||
        n.shape(yes[i]) != n.shape(no[i]))
      return n.fail("its condition depends on data, and its branches give " + n.shape(yes[i]).text() + " and " +
                        n.shape(no[i]).text() +
                        ": only branches whose results have one type and fixed sizes are supported",
                    Code::kUnsupported);
    n.result(n.emit(schema::WhereT{}, {chosen, yes[i], no[i]}));
  }
}

}  // namespace

static void import_if(OnnxNode& n) {
  const std::optional<bool> taken = condition(n, n.in(0));
  if (n.failed()) return;
  if (!taken) return choose(n);
  n.results = n.block(*taken ? "then_branch" : "else_branch", *taken ? "then/" : "else/", {});
}

// Operands: how often at most, whether at all, what is carried. The body takes its number and these, and gives whether it goes on, what
// is carried and what is collected along a new first dim.
static void import_loop(OnnxNode& n) {
  const auto data_decide = [&] {
    n.fail("how often it runs depends on data: only loops that constants and known sizes end are supported",
           Code::kUnsupported);
  };
  const auto most = constant_ints(n.g, n.in(0));
  if (n.in(0) >= 0 && !most) return data_decide();
  if (most && most->size() != 1) return n.fail("needs one trip count");
  std::optional<bool> goes_on = n.in(1) >= 0 ? condition(n, n.in(1)) : true;
  std::vector<TensorId> carried(n.inputs.size() > 2 ? n.inputs.begin() + 2 : n.inputs.end(), n.inputs.end());
  std::vector<std::vector<TensorId>> collected;
  for (int64_t i = 0; !n.failed() && (!most || i < (*most)[0]); ++i) {
    if (!goes_on) return data_decide();
    if (!*goes_on) break;
    const uint8_t yes = 1;
    Tensor on = make_constant("condition", {}, std::span(&yes, 1));
    on.dtype = DType::kBool;
    std::vector<TensorId> inputs{n.constant(make_constant<int64_t>("iteration", {}, std::array{i})),
                                 n.constant(std::move(on))};
    inputs.insert(inputs.end(), carried.begin(), carried.end());
    const std::vector<TensorId> made = n.block("body", std::to_string(i) + '/', inputs);
    if (n.failed()) return;
    if (made.size() < 1 + carried.size()) return n.fail("its body has too few outputs");
    goes_on = condition(n, made[0]);
    std::copy_n(made.begin() + 1, carried.size(), carried.begin());
    collected.resize(made.size() - 1 - carried.size());
    for (size_t k = 0; k < collected.size(); ++k) collected[k].push_back(made[1 + carried.size() + k]);
  }
  if (n.failed()) return;
  for (TensorId t : carried) n.result(t);
  if (collected.empty() && static_cast<size_t>(n.proto.output_size()) > carried.size())
    return n.fail("runs not once, so that nobody knows the shape of what it collects", Code::kUnsupported);
  for (std::vector<TensorId>& items : collected) {
    for (TensorId& t : items) t = build_unsqueeze(n, t, {0});
    n.result(n.emit(schema::ConcatT{.axis = 0}, items));
  }
}

static constexpr OnnxOp kOnnxControlFlowRows[] = {
    {"If", import_if, 1, 1, "", true, true},
    {"Loop", import_loop, 0, kAnyInputs, "", true, true},
};
extern constinit const OnnxRows kOnnxControlFlow{kOnnxControlFlowRows};

}  // namespace octet::convert
