// A model's inputs and outputs as the converter's caller names and shapes them.
#include "converter/import/build/public_tensors.h"

#include <algorithm>

#include "converter/graph/edit.h"
#include "converter/graph/shapes.h"

namespace octet::convert {

Result<void> check_input_names(const ConvertOptions& options, const std::vector<std::string>& inputs) {
  for (const auto& given : options.input_shapes)
    if (std::find(inputs.begin(), inputs.end(), given.first) == inputs.end())
      return Error{Code::kBadArgument, "a shape is given for '" + given.first + "', which is not an input"};
  return {};
}

Result<Shape> input_shape(const ConvertOptions& options, const std::string& name,
                          const std::optional<Shape>& declared) {
  for (const auto& [input, given] : options.input_shapes) {
    if (input != name) continue;
    if (declared && given.rank() != declared->rank())
      return Error{Code::kBadArgument,
                   "input '" + name + "' has the shape " + declared->text() + ", not " + given.text()};
    if (std::any_of(given.begin(), given.end(), [](int64_t d) { return d < -1 || d == 0 || d > kMaxDim; }))
      return Error{Code::kBadArgument, "input '" + name + "': bad shape " + given.text()};
    return given;
  }
  if (!declared) return Error{Code::kUnsupported, "input '" + name + "' has no shape: give one"};
  for (int64_t d : *declared)
    if (d > kMaxDim) return Error{Code::kBadModel, "input '" + name + "' has a size of " + std::to_string(d)};
  return *declared;
}

void add_output(Graph& g, TensorId id, const std::string& name) {
  auto listed = [&](const std::vector<TensorId>& ids) { return std::count(ids.begin(), ids.end(), id) > 0; };
  if (!tensor(g, id).constant && !listed(g.inputs) && !listed(g.outputs)) {
    g.tensors[static_cast<size_t>(id)].name = name;
    g.outputs.push_back(id);
    return;
  }
  Tensor copy{.name = name, .dtype = tensor(g, id).dtype, .shape = tensor(g, id).shape};
  const auto spec = reshape_spec(copy.shape, copy.shape);
  g.outputs.push_back(g.add(std::move(copy)));
  g.nodes.push_back({.name = name + ":copy",
                     .op = make_op(schema::ReshapeT{.shape = *spec}),
                     .inputs = {id},
                     .outputs = {g.outputs.back()}});
}

}  // namespace octet::convert
