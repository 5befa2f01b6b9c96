// The order of the passes, and what holds between them.
#include "converter/passes/passes.h"

#include "converter/graph/shapes.h"

namespace octet::convert {
namespace {

struct Pass {
  const char* name;
  int (*run)(Graph&);
};

// Layout first: after it the graph is NHWC, a channel is the last dim, and neighbours are neighbours.
constexpr Pass kLayout[] = {{"remove_no_ops", remove_no_ops},
                            {"push_transposes", push_transposes},
                            {"transposes_to_reshapes", transposes_to_reshapes}};

// Spellings are found before anything is folded into weights: their additions and divisions are no biases.
constexpr Pass kFusion[] = {
    {"merge_twins", merge_twins},
    {"find_activations", find_activations},
    {"find_gelu", find_gelu},
    {"fuse_layer_norm", fuse_layer_norm},
    {"fuse_pads", fuse_pads},
    {"weights_of_matmul", weights_of_matmul},
    {"fuse_affine", fuse_affine},
    {"fold_focus", fold_focus},
    {"hoist_activations", hoist_activations},
    {"fuse_activations", fuse_activations},
    {"make_affines", make_affines},
    {"fuse_residuals", fuse_residuals},
    {"drop_traces", drop_traces},
};

Result<int> run(Graph& g, std::span<const Pass> passes) {
  int count = 0;
  for (const Pass& pass : passes) {
    const int rewritten = pass.run(g);
    count += rewritten;
    if (rewritten == 0) continue;
    remove_dead(g);
    if (auto done = infer_all(g); !done)
      return Error{done.error().code, std::string("pass ") + pass.name + ": " + done.error().text};
  }
  return count;
}

Result<void> fold(Graph& g) {
  for (int round = 0; round < 4; ++round) {
    int count = constant_operands(g);
    if (auto done = infer_all(g); !done) return done;
    count += fold_shapes(g);
    auto folded = fold_constants(g);
    if (!folded) return folded.error();
    remove_dead(g);
    if (auto done = infer_all(g); !done) return done;
    if (count + *folded == 0) break;
  }
  return {};
}

}  // namespace

Result<void> run_passes(Graph& g) {
  remove_dead(g);
  if (auto done = fold(g); !done) return done;
  // A pass can make room for another; ten rounds are more than any model needed.
  for (int round = 0; round < 10; ++round) {
    auto count = run(g, kLayout);
    if (!count) return count.error();
    if (*count == 0) break;
  }
  if (auto done = run(g, std::array{Pass{"pull_transposes", pull_transposes}, Pass{"remove_no_ops", remove_no_ops}});
      !done)
    return done.error();
  if (auto done = fold(g); !done) return done;
  if (auto done = run(g, kFusion); !done) return done.error();
  if (auto done = run(g, std::array{Pass{"remove_no_ops", remove_no_ops}}); !done) return done.error();
  remove_unused_tensors(g);
  make_names_unique(g);
  return {};
}

}  // namespace octet::convert
