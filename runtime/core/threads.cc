// The pool's workers: each waits for a new generation of the job, spinning shortly before it sleeps.
#include "runtime/core/threads.h"

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

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

// How many times fork() lies between the first process and this one: a pool with another number has no threads here.
std::atomic<int> forks{0};

int count_forks() {
  static const int registered = ::pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1); });
  (void)registered;
  return forks.load();
}

// enter() before the first task of a thread, leave() when it goes, by whatever way.
class Around {
 public:
  explicit Around(const AroundTasks& around) : around_(around) {}
  ~Around() {
    if (entered_ && around_.leave) around_.leave();
  }
  void enter() {
    if (!entered_ && around_.enter) around_.enter();
    entered_ = true;
  }

 private:
  const AroundTasks& around_;
  bool entered_ = false;
};

}  // namespace

struct Threads::Pool {
  explicit Pool(int others);
  ~Pool();
  void run(const Job& job);
  void work();
  void take_tasks();

  const int made_in = count_forks();
  Job job{};
  std::atomic<uint64_t> generation{0};  // one more for each job
  std::atomic<int64_t> next{0};
  std::atomic<int> busy{0};         // workers that have not finished this job
  std::atomic<bool> failed{false};  // a task of this job had no memory
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::condition_variable wake;
  std::vector<std::thread> workers;
};

Threads::Pool::Pool(int others) {
  try {
    workers.reserve(static_cast<size_t>(others));
    for (int i = 0; i < others; ++i) workers.emplace_back([this] { work(); });
  } catch (const std::system_error&) {  // what was started stays
  } catch (const std::bad_alloc&) {
  }
}

Threads::Pool::~Pool() {
  {
    std::lock_guard lock(mutex);
    stop = true;
    generation.fetch_add(1);
  }
  wake.notify_all();
  for (std::thread& t : workers) t.join();
}

void Threads::Pool::take_tasks() {
  Around around(job.around);
  try {
    for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < job.tasks;) {
      around.enter();
      job.call(job.body, i);
    }
  } catch (const std::bad_alloc&) {
    failed = true;
  }
}

void Threads::Pool::run(const Job& next_job) {
  {
    std::lock_guard lock(mutex);
    job = next_job;
    next.store(0, std::memory_order_relaxed);
    failed.store(false, std::memory_order_relaxed);
    busy.store(static_cast<int>(workers.size()), std::memory_order_relaxed);
    generation.fetch_add(1, std::memory_order_release);
  }
  wake.notify_all();
  take_tasks();
  // Every worker passes through each job, so none can still hold the last one when the next begins.
  for (int spins = 0; busy.load(std::memory_order_acquire) > 0; ++spins)
    spins < kSpins ? relax() : std::this_thread::yield();
  if (failed) throw std::bad_alloc();
}

void Threads::Pool::work() {
  const FloatEnvironment environment;
  uint64_t seen = 0;
  while (true) {
    for (int spins = 0; spins < kSpins && generation.load(std::memory_order_acquire) == seen; ++spins) relax();
    if (generation.load(std::memory_order_acquire) == seen) {
      std::unique_lock lock(mutex);
      wake.wait(lock, [&] { return generation.load(std::memory_order_acquire) != seen; });
    }
    if (stop) return;
    seen = generation.load(std::memory_order_acquire);
    take_tasks();
    busy.fetch_sub(1, std::memory_order_release);
  }
}

Threads::Threads(int count) : count_(1) {
  if (count == 1) return;
  pool_ = std::make_unique<Pool>(count - 1);
  count_ = static_cast<int>(pool_->workers.size()) + 1;
}

Threads::~Threads() {
  // After fork() there is nobody to wait for, and nothing that may be said to these threads: the memory stays.
  if (pool_ && pool_->made_in != forks.load()) (void)pool_.release();
}

void Threads::run_here(const Job& job) {
  Around around(job.around);
  for (int64_t i = 0; i < job.tasks; ++i) {
    around.enter();
    job.call(job.body, i);
  }
}

void Threads::run_job(const Job& job) {
  if (pool_->made_in != forks.load(std::memory_order_relaxed)) {
    auto pool = std::make_unique<Pool>(count_ - 1);
    (void)pool_.release();
    pool_ = std::move(pool);
  }
  pool_->run(job);
}

}  // namespace octet
