// The graph's rewrites. Each returns how often it rewrote; shapes are inferred anew after each. passes.cc has their order.
#pragma once
#include "converter/graph/edit.h"

namespace octet::convert {

int remove_dead(Graph& g);             // nodes without users
void remove_unused_tensors(Graph& g);  // renumbers the tensors
void make_names_unique(Graph& g);      // of tensors and nodes; public names stay

int remove_rounding(Graph& g);  // FakeQuantize nodes; not among run_passes

int fold_shapes(Graph& g);        // shapes that are known become constants
int constant_operands(Graph& g);  // constant shapes, starts, pads, sizes become attributes
Result<int> fold_constants(Graph& g);

int remove_no_ops(Graph& g);    // what moves and computes nothing; chains of Transpose and of Reshape
int push_transposes(Graph& g);  // towards the outputs
int pull_transposes(Graph& g);  // towards the inputs, where that saves work
int transposes_to_reshapes(Graph& g);
int merge_twins(Graph& g);  // nodes that compute the same

int find_activations(Graph& g);  // spellings of SiLU, hard-swish, hard-sigmoid
int find_gelu(Graph& g);
int fuse_layer_norm(Graph& g);
int hoist_activations(Graph& g);  // up to the convolution that could apply them
int fuse_pads(Graph& g);
int weights_of_matmul(Graph& g);
int fuse_affine(Graph& g);   // multiplication and addition a channel
int make_affines(Graph& g);  // what of those is left, and PReLU
int fuse_activations(Graph& g);
int fuse_residuals(Graph& g);
int fold_focus(Graph& g);
int drop_traces(Graph& g);  // negligible weights become 0

// All of them, in order.
Result<void> run_passes(Graph& g);

}  // namespace octet::convert
