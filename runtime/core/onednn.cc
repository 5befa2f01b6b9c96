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

OneThread::OneThread() {
  if (!omp_get_max_threads || !omp_set_num_threads) return;
  before_ = omp_get_max_threads();
  if (before_ != 1) omp_set_num_threads(1);
}

OneThread::~OneThread() {
  if (before_ != 1) omp_set_num_threads(before_);
}

}  // namespace octet::onednn
