// One change to an ONNX file, with protobuf's own framing kept whole.
#include "tests/fuzz/change_onnx.h"

#include <cstring>
#include <limits>

#include "converter/import/onnx/ops/ops.h"
#include "onnx.pb.h"

namespace octet::fuzz {
namespace {

constexpr int64_t kNumbers[] = {-2147483648, -2, -1, 0, 1, 2, 3, 4, 5, 8, 100, 65536, 2147483647, INT64_MAX, INT64_MIN};

int64_t number(std::minstd_rand& random) { return kNumbers[random() % std::size(kNumbers)]; }

void change_attribute(onnx::AttributeProto& a, std::minstd_rand& random) {
  switch (random() % 4) {
    case 0:
      a.set_i(number(random));
      break;
    case 1:
      a.set_f(static_cast<float>(number(random)) / 3);
      break;
    case 2:
      if (a.ints_size()) a.set_ints(static_cast<int>(random()) % a.ints_size(), number(random));
      break;
    default:
      a.add_ints(number(random));
  }
}

// One float of a tensor, wherever it keeps them.
void change_float(onnx::TensorProto& t, std::minstd_rand& random) {
  constexpr float kInf = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kFloats[] = {kInf, -kInf, kNan, 0, -0.0f, 1e-40f, 3e38f, -3e38f, 1e-30f, 1};
  const float value = kFloats[random() % std::size(kFloats)];
  const size_t raw = t.raw_data().size() / sizeof value;
  if (t.data_type() != 1) return;  // float
  if (t.float_data_size())
    t.set_float_data(static_cast<int>(random()) % t.float_data_size(), value);
  else if (raw > 0)
    std::memcpy(t.mutable_raw_data()->data() + random() % raw * sizeof value, &value, sizeof value);
}

void change_tensor(onnx::TensorProto& t, std::minstd_rand& random) {
  if (random() % 3 == 0) return change_float(t, random);
  if (random() % 2 && t.int64_data_size())
    t.set_int64_data(static_cast<int>(random()) % t.int64_data_size(), number(random));
  else if (t.dims_size())
    t.set_dims(static_cast<int>(random()) % t.dims_size(), number(random));
}

std::string any_tensor(const onnx::GraphProto& g, std::minstd_rand& random) {
  if (g.initializer_size() && random() % 3 == 0)
    return g.initializer(static_cast<int>(random()) % g.initializer_size()).name();
  const auto& node = g.node(static_cast<int>(random()) % g.node_size());
  if (node.output_size() && random() % 2) return node.output(0);
  return node.input_size() ? node.input(0) : "";
}

// One change to what the graph says, with protobuf's own framing kept whole.
void change(onnx::GraphProto& g, std::minstd_rand& random) {
  auto& node = *g.mutable_node(static_cast<int>(random()) % g.node_size());
  const auto ops = convert::onnx_ops();
  switch (random() % 8) {
    case 0:
      node.set_op_type(std::string(ops[random() % ops.size()].name));
      break;
    case 1:
      if (node.input_size()) node.set_input(static_cast<int>(random()) % node.input_size(), any_tensor(g, random));
      break;
    case 2:
      node.add_input(any_tensor(g, random));
      break;
    case 3:
      if (node.attribute_size())
        change_attribute(*node.mutable_attribute(static_cast<int>(random()) % node.attribute_size()), random);
      break;
    case 4:
      if (g.initializer_size())
        change_tensor(*g.mutable_initializer(static_cast<int>(random()) % g.initializer_size()), random);
      break;
    case 5:
      g.add_output()->set_name(any_tensor(g, random));
      break;
    case 6: {
      if (!g.input_size()) break;
      auto* shape = g.mutable_input(static_cast<int>(random()) % g.input_size())->mutable_type()->mutable_tensor_type();
      if (const int rank = shape->shape().dim_size())
        shape->mutable_shape()->mutable_dim(static_cast<int>(random()) % rank)->set_dim_value(number(random) % 100);
      break;
    }
    default: {
      const auto& other = g.node(static_cast<int>(random()) % g.node_size());
      if (other.attribute_size())
        *node.add_attribute() = other.attribute(static_cast<int>(random()) % other.attribute_size());
    }
  }
}

}  // namespace

size_t change_onnx(std::span<uint8_t> data, size_t size, std::minstd_rand& random) {
  onnx::ModelProto model;
  if (!model.ParseFromArray(data.data(), static_cast<int>(size)) || !model.graph().node_size()) return 0;
  change(*model.mutable_graph(), random);
  const std::string bytes = model.SerializeAsString();
  if (bytes.size() > data.size()) return 0;
  std::copy(bytes.begin(), bytes.end(), data.begin());
  return bytes.size();
}

}  // namespace octet::fuzz
