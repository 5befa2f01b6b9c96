// Runs a model on seeded inputs and hashes what comes out: what the golden files are held to.
#pragma once
#include <octet/octet.h>

namespace octet::golden {

// Of all outputs' types, shapes and bytes. Sizes that the model leaves open are tried in two ways, in one session.
// Float layers run on Octet's own kernels.
Result<uint64_t> output_hash(const Model& model, Precision precision, int threads);

}  // namespace octet::golden
