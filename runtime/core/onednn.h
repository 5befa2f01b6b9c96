// What steps that run by oneDNN share: the engine and the number of threads.
#pragma once
#include <oneapi/dnnl/dnnl.hpp>

namespace octet::onednn {

const dnnl::engine& engine();   // the CPU; may throw dnnl::error when first called
void use_threads(int threads);  // of the primitives that the calling thread executes from now on

}  // namespace octet::onednn
