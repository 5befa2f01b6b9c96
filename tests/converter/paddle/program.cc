// Builds small Paddle programs with their parameters.
#include "tests/converter/paddle/program.h"

namespace octet::convert {
namespace {

paddle::VarDesc* add_var(paddle::BlockDesc& block, const std::string& name, int32_t type,
                         const std::vector<int64_t>& dims, bool persistable) {
  auto* var = block.add_vars();
  var->set_name(name);
  var->set_persistable(persistable);
  var->mutable_type()->set_type(7);
  auto* desc = var->mutable_type()->mutable_lod_tensor()->mutable_tensor();
  desc->set_data_type(type);
  for (int64_t d : dims) desc->add_dims(d);
  return var;
}

void set_attribute(paddle::OpDesc& op, const Attr& a) {
  auto* p = op.add_attrs();
  p->set_name(a.name);
  if (!a.text.empty()) {
    p->set_s(a.text == "true" || a.text == "false" ? "" : a.text), p->set_type(2);
    if (a.text == "true" || a.text == "false") p->clear_s(), p->set_b(a.text == "true"), p->set_type(6);
  } else if (!a.floats.empty() && a.scalar) {
    p->set_f(a.floats[0]), p->set_type(1);
  } else if (!a.floats.empty()) {
    p->mutable_floats()->Add(a.floats.begin(), a.floats.end()), p->set_type(4);
  } else if (a.scalar) {
    p->set_i(static_cast<int32_t>(a.ints[0])), p->set_type(0);
  } else {
    for (int64_t v : a.ints) p->add_ints(static_cast<int32_t>(v));
    p->set_type(3);
  }
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

template <class T>
void append(std::string& to, T value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

Attr flag(std::string name, bool v) { return attr(std::move(name), v ? "true" : "false"); }

std::string tensor_record(int32_t type, const std::vector<int64_t>& dims, const std::string& raw) {
  paddle::TensorDesc desc;
  desc.set_data_type(type);
  for (int64_t d : dims) desc.add_dims(d);
  const std::string text = desc.SerializeAsString();
  std::string record;
  append<uint32_t>(record, 0);
  append<uint64_t>(record, 0);
  append<uint32_t>(record, 0);
  append<int32_t>(record, static_cast<int32_t>(text.size()));
  return record + text + raw;
}

TestProgram::TestProgram(int64_t version) {
  proto.add_blocks();
  proto.mutable_version()->set_version(version);
}

std::string TestProgram::input(const std::string& name, const std::vector<int64_t>& dims, int32_t type) {
  add_var(block(), name, type, dims, false);
  paddle::OpDesc feed;
  feed.set_type("feed");
  auto* out = feed.add_outputs();
  out->set_parameter("Out");
  out->add_arguments(name);
  set_attribute(feed, attr("col", feeds_++));
  // In reverse order, as Paddle writes them.
  auto* ops = block().mutable_ops();
  *ops->Add() = feed;
  for (int i = ops->size() - 1; i > 0; --i) ops->SwapElements(i, i - 1);
  return name;
}

std::string TestProgram::parameter(const std::vector<int64_t>& dims, int32_t type, const std::string& raw,
                                   std::string name) {
  if (name.empty()) name = fresh("param");
  add_var(block(), name, type == 21 ? 5 : type, dims, true);  // int8 weights are declared as floats
  records[name] = tensor_record(type, dims, raw);
  return name;
}

std::string TestProgram::floats(const std::vector<int64_t>& dims, const std::vector<float>& values,
                                const std::string& name) {
  return parameter(dims, 5, bytes_of(values), name);
}

std::string TestProgram::longs(const std::vector<int64_t>& values) {
  return parameter({static_cast<int64_t>(values.size())}, 3, bytes_of(values), "");
}

std::string TestProgram::int8s(const std::vector<int64_t>& dims, const std::vector<int8_t>& values) {
  return parameter(dims, 21, bytes_of(values), "");
}

std::string TestProgram::random(const std::vector<int64_t>& dims) {
  int64_t n = 1;
  for (int64_t d : dims) n *= d;
  std::vector<float> values;
  for (int64_t i = 0; i < n; ++i) {
    seed_ = seed_ * 1664525 + 1013904223;
    values.push_back(static_cast<float>(seed_ >> 8) / (1 << 23) - 1);
  }
  return floats(dims, values);
}

Names TestProgram::ops(const std::string& type, const std::vector<Arguments>& inputs, const std::string& output,
                       int count, const std::vector<Attr>& attrs) {
  auto* op = block().add_ops();
  op->set_type(type);
  for (const Arguments& in : inputs) {
    auto* p = op->add_inputs();
    p->set_parameter(in.parameter);
    for (const std::string& name : in.names) p->add_arguments(name);
  }
  auto* out = op->add_outputs();
  out->set_parameter(output);
  Names names;
  for (int i = 0; i < count; ++i) {
    names.push_back(fresh(type));
    out->add_arguments(names.back());
    add_var(block(), names.back(), 5, {-1}, false);
  }
  for (const Attr& a : attrs) set_attribute(*op, a);
  return names;
}

std::string TestProgram::op(const std::string& type, const std::vector<Arguments>& inputs,
                            const std::vector<Attr>& attrs, const std::string& output) {
  return ops(type, inputs, output, 1, attrs)[0];
}

std::string TestProgram::conv(const std::string& x, const std::string& filter, int pad, int stride, int groups) {
  return op("conv2d", {{"Input", {x}}, {"Filter", {filter}}},
            {attr("paddings", {pad, pad}), attr("strides", {stride, stride}), attr("groups", groups)}, "Output");
}

void TestProgram::output(const std::string& name) {
  auto* fetch = block().add_ops();
  fetch->set_type("fetch");
  auto* in = fetch->add_inputs();
  in->set_parameter("X");
  in->add_arguments(name);
  set_attribute(*fetch, attr("col", fetches_++));
}

std::string TestProgram::parameter_bytes() const {
  std::string all;
  for (const auto& record : records) all += record.second;
  return all;
}

}  // namespace octet::convert
