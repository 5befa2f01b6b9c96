// Ops along axes whose values meet: CumSum, Reduce, Softmax, ArgMax, TopK, NonMaxSuppression.
#include "converter/export/export_ops.h"

namespace octet::convert {

// The sum has its axes as an operand from opset 13 on, the others from 18 on.
static Result<void> export_reduce(ExportNode& n) {
  const auto& a = n.attributes<schema::Reduce>();
  constexpr const char* kNames[] = {"ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd"};
  std::vector<int64_t> axes;
  if (a.axes())
    for (int32_t axis : *a.axes()) axes.push_back(n.axis(axis, n.rank(0)));
  Names operands = {n.operand(0)};
  Attributes attributes = {{"keepdims", int64_t{a.keep_dims()}}};
  const bool as_operand = n.opset() >= 18 || a.kind() == schema::ReduceKind::sum;
  if (!axes.empty() && as_operand) operands.push_back(n.ints(axes));
  if (!axes.empty() && !as_operand) attributes.push_back({"axes", axes});
  return n.result(n.emit(kNames[static_cast<int>(a.kind())], operands, attributes));
}

static Result<void> export_cum_sum(ExportNode& n) {
  const auto& a = n.attributes<schema::CumSum>();
  return n.result(n.emit("CumSum", {n.operand(0), n.ints({a.axis()})},
                         {{"exclusive", int64_t{a.exclusive()}}, {"reverse", int64_t{a.reverse()}}}));
}

static Result<void> export_softmax(ExportNode& n) {
  const int64_t axis = n.axis(n.attributes<schema::Softmax>().axis(), n.rank(0));
  return n.result(n.emit("Softmax", {n.operand(0)}, {{"axis", axis}}));
}

static Result<void> export_arg_max(ExportNode& n) {
  const auto& a = n.attributes<schema::ArgMax>();
  const Attributes attributes = {{"axis", n.axis(a.axis(), n.rank(0))}, {"keepdims", int64_t{a.keep_dims()}}};
  return n.result(n.emit("ArgMax", {n.operand(0)}, attributes));
}

static Result<void> export_top_k(ExportNode& n) {
  const auto& a = n.attributes<schema::TopK>();
  const std::string k = n.rank(1) == 1 ? n.operand(1) : n.emit("Reshape", {n.operand(1), n.ints({1})});
  Names stems;
  for (int i = 0; i < 2; ++i) stems.push_back(std::string(n.result_def(i).name));
  return n.results(
      n.e.out.node("TopK", {n.operand(0), k}, {{"axis", int64_t{a.axis()}}, {"largest", int64_t{a.largest()}}}, stems));
}

static Result<void> export_non_max_suppression(ExportNode& n) {
  const int64_t centres = n.attributes<schema::NonMaxSuppression>().center_point_box();
  return n.result(n.emit("NonMaxSuppression", {n.operand(0), n.operand(1), n.operand(2), n.operand(3), n.operand(4)},
                         {{"center_point_box", centres}}));
}

static constexpr ExportOp kExportReduceRows[] = {
    {schema::Op::ArgMax, Wants::kAny, export_arg_max},
    {schema::Op::CumSum, Wants::kFile, export_cum_sum},
    {schema::Op::NonMaxSuppression, Wants::kFile, export_non_max_suppression},
    {schema::Op::Reduce, Wants::kAny, export_reduce},
    {schema::Op::Softmax, Wants::kAny, export_softmax},
    {schema::Op::TopK, Wants::kFile, export_top_k},
};
extern constinit const ExportRows kExportReduce{kExportReduceRows};

}  // namespace octet::convert
