// What steps that run by oneDNN share: the engine and the number of threads.
#pragma once
#include <cstddef>
#include <oneapi/dnnl/dnnl.hpp>

namespace octet::onednn {

const dnnl::engine& engine();  // the CPU; may throw dnnl::error when first called

// Throws std::bad_alloc where the system does not give what oneDNN may want for a primitive, beside `bytes`: it does not look whether
// its own allocations succeed.
void require_room(size_t bytes);

// While it lives, primitives that the calling thread makes or executes use that thread alone. The setting is OpenMP's, which
// is the application's too: afterwards it is as it was.
class OneThread {
 public:
  OneThread();
  ~OneThread();
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_ = 1;
};

}  // namespace octet::onednn
