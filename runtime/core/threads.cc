// The pool's workers: each waits for a new generation of the job, spinning shortly before it sleeps.
#include "runtime/core/threads.h"

#include <new>
#include <system_error>

#include "runtime/core/float_environment.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace octet {
namespace {

// About 50 microseconds: longer than the gap between two steps of a run, short against a frame.
constexpr int kSpins = 2000;

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace

Threads::Threads(int count) {
  workers_.reserve(static_cast<size_t>(count - 1));
  try {
    for (int i = 1; i < count; ++i) workers_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {  // what was started stays, and count() tells
  } catch (const std::bad_alloc&) {
  }
}

Threads::~Threads() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    generation_.fetch_add(1);
  }
  wake_.notify_all();
  for (std::thread& t : workers_) t.join();
}

void Threads::take_tasks() {
  bool entered = false;
  for (int64_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < job_.tasks; entered = true) {
    if (!entered && job_.around.enter) job_.around.enter();
    job_.call(job_.body, i);
  }
  if (entered && job_.around.leave) job_.around.leave();
}

void Threads::run_job(Job job) {
  {
    std::lock_guard lock(mutex_);
    job_ = job;
    next_.store(0, std::memory_order_relaxed);
    busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
  }
  wake_.notify_all();
  take_tasks();
  // Every worker passes through each job, so none can still hold the last one when the next begins.
  for (int spins = 0; busy_.load(std::memory_order_acquire) > 0; ++spins)
    spins < kSpins ? relax() : std::this_thread::yield();
}

void Threads::work() {
  const FloatEnvironment environment;
  uint64_t seen = 0;
  while (true) {
    for (int spins = 0; spins < kSpins && generation_.load(std::memory_order_acquire) == seen; ++spins) relax();
    if (generation_.load(std::memory_order_acquire) == seen) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return generation_.load(std::memory_order_acquire) != seen; });
    }
    if (stop_) return;
    seen = generation_.load(std::memory_order_acquire);
    take_tasks();
    busy_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace octet
