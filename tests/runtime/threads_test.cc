// The pool: every task runs once, jobs follow each other without mixing.
#include "runtime/core/threads.h"

#include <gtest/gtest.h>

#include <vector>

namespace octet {
namespace {

TEST(Threads, EveryTaskRunsOnceForAnyNumberOfThreads) {
  for (int count : {1, 2, 4, 7}) {
    Threads threads(count);
    for (int64_t tasks : {0, 1, 2, 3, 100}) {
      std::vector<std::atomic<int>> runs(static_cast<size_t>(tasks));
      threads.run(tasks, [&](int64_t i) { ++runs[static_cast<size_t>(i)]; });
      for (auto& r : runs) EXPECT_EQ(r, 1) << count << " threads, " << tasks << " tasks";
    }
  }
}

TEST(Threads, ManyShortJobsInARowDoNotMix) {
  Threads threads(4);
  int64_t plain = 0;  // written by a task, read by the caller after the job: tsan sees a missing barrier
  for (int job = 0; job < 5000; ++job) {
    std::atomic<int64_t> sum{0};
    threads.run(8, [&](int64_t i) {
      sum += i + job;
      if (i == 3) plain = job;
    });
    ASSERT_EQ(sum, 28 + 8 * job);
    ASSERT_EQ(plain, job);
  }
}

TEST(Threads, WorkersThatSleptWakeUp) {
  Threads threads(3);
  for (int job = 0; job < 3; ++job) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::atomic<int> done{0};
    threads.run(50, [&](int64_t) { ++done; });
    EXPECT_EQ(done, 50);
  }
}

}  // namespace
}  // namespace octet
