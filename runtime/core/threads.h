// A small pool of threads owned by a session: runs the numbered tasks of one job at a time, the caller taking part.
#pragma once
#include <cstdint>
#include <memory>
#include <type_traits>

namespace octet {

// What each thread that gets a task does before its first one and after its last; null: nothing.
struct AroundTasks {
  void (*enter)() = nullptr;
  void (*leave)() = nullptr;
};

class Threads {
 public:
  explicit Threads(int count);  // including the caller; fewer where the system starts no more
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  int count() const { return count_; }

  // Calls body(0) ... body(tasks - 1), in any order, on any of the threads; returns when all are done. Allocates nothing. Where a
  // body throws std::bad_alloc, so does this, once no thread is at it any more. In a process that fork() made, whose threads are
  // not there, the first call starts others.
  template <class F>
  void run(int64_t tasks, F&& body, AroundTasks around = {}) {
    using Body = std::remove_reference_t<F>;
    const Job job{[](void* b, int64_t i) { (*static_cast<Body*>(b))(i); },
                  const_cast<void*>(static_cast<const void*>(&body)), tasks, around};
    if (count_ == 1 || tasks <= 1)
      run_here(job);
    else
      run_job(job);
  }

 private:
  struct Job {
    void (*call)(void* body, int64_t task);
    void* body;
    int64_t tasks;
    AroundTasks around;
  };
  struct Pool;  // the other threads and what they share
  static void run_here(const Job& job);
  void run_job(const Job& job);

  int count_;
  std::unique_ptr<Pool> pool_;
};

}  // namespace octet
