// oneDNN's engine, made once; and its threads, which are OpenMP's.
#include "runtime/core/onednn.h"

#include <sys/mman.h>

#include <new>

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

void require_room(size_t bytes) {
  constexpr size_t kPrimitive = size_t{16} << 20;  // 2 MiB were enough for the largest seen
  void* room = ::mmap(nullptr, bytes + kPrimitive, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) throw std::bad_alloc();
  ::munmap(room, bytes + kPrimitive);
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
