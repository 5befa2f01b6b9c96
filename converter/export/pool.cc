// Pool2d: MaxPool and AveragePool, global ones, and adaptive ones: where windows are not equal, averages are products with their weights.
#include "converter/export/export_ops.h"

namespace octet::convert {
namespace {

using schema::PoolKind;

struct Windows {
  std::vector<int64_t> kernel, stride, pads, dilation;
};

bool divides(const ExportNode& n) {
  const auto& a = n.attributes<schema::Pool2d>();
  const Shape& in = n.in(0).shape;
  return in[1] >= 0 && in[2] >= 0 && in[1] % a.kernel_h() == 0 && in[2] % a.kernel_w() == 0;
}

// [in][out]: what each output has of each input, along one dim.
std::vector<float> shares(int64_t in, int64_t out) {
  std::vector<float> all(static_cast<size_t>(in * out), 0.0f);
  for (int64_t i = 0; i < out; ++i) {
    const int64_t begin = i * in / out, end = ((i + 1) * in + out - 1) / out;
    for (int64_t k = begin; k < end; ++k) all[static_cast<size_t>(k * out + i)] = 1 / static_cast<float>(end - begin);
  }
  return all;
}

// Along the columns, then along the rows.
Result<void> unequal_average(ExportNode& n) {
  const auto& a = n.attributes<schema::Pool2d>();
  const int64_t in[] = {n.in(0).shape[2], n.in(0).shape[1]}, out[] = {a.kernel_w(), a.kernel_h()};
  std::string y = n.operand(0);
  for (size_t i = 0; i < 2; ++i) {
    const std::string weights = n.e.out.floats(n.name() + "_shares", {in[i], out[i]}, shares(in[i], out[i]));
    y = n.emit("Transpose", {n.emit("MatMul", {y, weights})}, {{"perm", std::vector<int64_t>{0, 1, 3, 2}}});
  }
  return n.result(y);
}

Result<Windows> windows(const ExportNode& n) {
  const auto& a = n.attributes<schema::Pool2d>();
  if (!a.adaptive())
    return Windows{{a.kernel_h(), a.kernel_w()},
                   {a.stride_h(), a.stride_w()},
                   {a.pad_top(), a.pad_left(), a.pad_bottom(), a.pad_right()},
                   {a.dilation_h(), a.dilation_w()}};
  const int64_t h = n.in(0).shape[1], w = n.in(0).shape[2];
  if (!divides(n))
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
  const bool known = n.in(0).shape[1] > 0 && n.in(0).shape[2] > 0;
  if (a.adaptive() && !max && known && !divides(n)) return unequal_average(n);
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
