// A small pool of threads owned by a session: runs the numbered tasks of one job at a time, the caller taking part.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

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
  int count() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(0) ... body(tasks - 1), in any order, on any of the threads; returns when all are done. Allocates nothing.
  template <class F>
  void run(int64_t tasks, F&& body, AroundTasks around = {}) {
    using Body = std::remove_reference_t<F>;
    if (workers_.empty() || tasks <= 1) {
      if (tasks > 0 && around.enter) around.enter();
      for (int64_t i = 0; i < tasks; ++i) body(i);
      if (tasks > 0 && around.leave) around.leave();
      return;
    }
    run_job({[](void* b, int64_t i) { (*static_cast<Body*>(b))(i); },
             const_cast<void*>(static_cast<const void*>(&body)), tasks, around});
  }

 private:
  struct Job {
    void (*call)(void* body, int64_t task);
    void* body;
    int64_t tasks;
    AroundTasks around;
  };
  void run_job(Job job);
  void work();
  void take_tasks();

  Job job_{};
  std::atomic<uint64_t> generation_{0};  // one more for each job
  std::atomic<int64_t> next_{0};
  std::atomic<int> busy_{0};  // workers that have not finished this job
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
};

}  // namespace octet
