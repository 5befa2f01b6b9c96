// Pool2d: MaxPool and AveragePool, global ones, and adaptive ones whose windows are equal.
#include "converter/export/export_ops.h"

namespace octet::convert {
namespace {

using schema::PoolKind;

struct Windows {
  std::vector<int64_t> kernel, stride, pads, dilation;
};

Result<Windows> windows(const ExportNode& n) {
  const auto& a = n.attributes<schema::Pool2d>();
  if (!a.adaptive())
    return Windows{{a.kernel_h(), a.kernel_w()},
                   {a.stride_h(), a.stride_w()},
                   {a.pad_top(), a.pad_left(), a.pad_bottom(), a.pad_right()},
                   {a.dilation_h(), a.dilation_w()}};
  const int64_t h = n.in(0).shape[1], w = n.in(0).shape[2];
  if (h < 0 || w < 0 || h % a.kernel_h() || w % a.kernel_w())
    return n.refuse("pools " + n.in(0).shape.text() + " to " + std::to_string(a.kernel_h()) + " x " +
                    std::to_string(a.kernel_w()) +
                    ": windows of unequal or unknown sizes, which ONNX lacks; convert with "
                    "--input-shape to sizes that divide");
  const std::vector<int64_t> window = {h / a.kernel_h(), w / a.kernel_w()};
  return Windows{window, window, {0, 0, 0, 0}, {1, 1}};
}

}  // namespace

static Result<void> export_pool(ExportNode& n) {
  const auto& a = n.attributes<schema::Pool2d>();
  const bool max = a.kind() == PoolKind::max;
  const std::string x = max ? n.moved(0) : n.operand(0), name = max ? "MaxPool" : "AveragePool";
  const auto done = [&](const std::string& y) { return max ? n.moved_result(y) : n.result(y); };
  if (a.global() || (a.adaptive() && a.kernel_h() == 1 && a.kernel_w() == 1)) return done(n.emit("Global" + name, {x}));
  auto w = windows(n);
  if (!w) return w.error();
  const bool dilated = w->dilation[0] != 1 || w->dilation[1] != 1;
  if (dilated && !max && n.opset() < 19) return n.refuse("averages over dilated windows: ask for --opset 19");
  Attributes attributes = {
      {"kernel_shape", w->kernel}, {"strides", w->stride}, {"pads", w->pads}, {"ceil_mode", int64_t{a.ceil_mode()}}};
  if (dilated) attributes.push_back({"dilations", w->dilation});
  if (!max) attributes.push_back({"count_include_pad", int64_t{a.count_include_pad()}});
  return done(n.emit(name, {x}, attributes));
}

static constexpr ExportOp kExportPoolRows[] = {
    {schema::Op::Pool2d, Wants::kImage, export_pool},
};
extern constinit const ExportRows kExportPool{kExportPoolRows};

}  // namespace octet::convert
