// Times the convolutions of a model by oneDNN alone, one after the other in the layouts that it likes best, without what
// stands between them: a bound for runtimes built on it. octet-bench-onednn MODEL.octet f32|int8 RUNS.
#include <iostream>
#include <oneapi/dnnl/dnnl.hpp>
#include <string_view>

#include "benchmarks/peers/times.h"
#include "runtime/core/inspect.h"
#include "schema/model_generated.h"

namespace octet::peers {
namespace {

using dnnl::memory;

struct Layer {
  dnnl::convolution_forward::primitive_desc plan;
  dnnl::primitive run;
  std::unordered_map<int, memory> arguments;
};

Layer make(const schema::Conv2d& a, const Shape& x, const Shape& w, const Shape& y, bool int8,
           const dnnl::engine& engine) {
  const auto any = memory::format_tag::any;
  const auto in = int8 ? memory::data_type::u8 : memory::data_type::f32;
  const auto weight_type = int8 ? memory::data_type::s8 : memory::data_type::f32;
  const int64_t g = a.groups();
  memory::dims weights = {w[0] / g, w[3], w[1], w[2]};
  if (g > 1) weights.insert(weights.begin(), g);
  const dnnl::convolution_forward::desc layer(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
      memory::desc({x[0], x[3], x[1], x[2]}, in, any), memory::desc(weights, weight_type, any),
      memory::desc({y[0], y[3], y[1], y[2]}, in, any), {a.stride_h(), a.stride_w()},
      {a.dilation_h() - 1, a.dilation_w() - 1}, {a.pad_top(), a.pad_left()}, {a.pad_bottom(), a.pad_right()});
  const dnnl::convolution_forward::primitive_desc plan(layer, engine);
  Layer made{plan, dnnl::convolution_forward(plan), {}};
  for (const auto& [argument, desc] :
       {std::pair(DNNL_ARG_SRC, plan.src_desc()), std::pair(DNNL_ARG_WEIGHTS, plan.weights_desc()),
        std::pair(DNNL_ARG_DST, plan.dst_desc())}) {
    const memory m(desc, engine);
    std::memset(m.get_data_handle(), 0, desc.get_size());
    made.arguments.emplace(argument, m);
  }
  return made;
}

Result<void> main_job(const std::string& path, bool int8, int runs) {
  const auto model = Model::map(path);
  if (!model) return model.error();
  const auto session = Session::create(*model, {.precision = Precision::kF32});
  if (!session) return session.error();
  const auto shapes = tensor_shapes(*session);
  const auto shape = [&](int tensor) { return shapes[static_cast<size_t>(tensor)]; };
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  std::vector<Layer> layers;
  const FileFacts file = file_facts(*model);
  for (const NodeFacts& n : file.nodes)
    if (n.type == schema::Op::Conv2d)
      layers.push_back(make(*static_cast<const schema::Conv2d*>(n.attributes), shape(n.inputs[0]), shape(n.inputs[1]),
                            shape(n.outputs[0]), int8, engine));
  dnnl::stream stream(engine);
  report(runs, [&] {
    for (Layer& l : layers) l.run.execute(stream, l.arguments);
    stream.wait();
  });
  return {};
}

}  // namespace
}  // namespace octet::peers

int main(int argc, char** argv) {
  const std::string_view precision = argc == 4 ? argv[2] : "";
  if (precision != "f32" && precision != "int8") {
    std::cerr << "octet-bench-onednn MODEL.octet f32|int8 RUNS\n";
    return 2;
  }
  try {
    const auto done = octet::peers::main_job(argv[1], precision == "int8", std::atoi(argv[3]));
    if (!done) std::cerr << "octet-bench-onednn: " << done.error().text << '\n';
    return done ? 0 : 1;
  } catch (const dnnl::error& e) {
    std::cerr << "octet-bench-onednn: " << argv[1] << ": " << e.what() << '\n';
    return 1;
  }
}
