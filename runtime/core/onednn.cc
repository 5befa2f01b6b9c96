// oneDNN's engine, made once; and its threads, which are OpenMP's.
#include "runtime/core/onednn.h"

// Weak: a oneDNN that was built with another threading layer does not bring them.
extern "C" {
__attribute__((weak)) int omp_get_max_threads();
__attribute__((weak)) void omp_set_num_threads(int);
}

namespace octet::onednn {

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

void use_threads(int threads) {
  if (omp_get_max_threads && omp_set_num_threads && omp_get_max_threads() != threads) omp_set_num_threads(threads);
}

}  // namespace octet::onednn
