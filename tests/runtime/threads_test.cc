// The pool: every task runs once, jobs follow each other without mixing.
#include "runtime/core/threads.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <fstream>
#include <vector>

#include "runtime/core/poison.h"
#include "tests/runtime/build_model.h"

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

#if !defined(OCTET_POISON) && !defined(__SANITIZE_THREAD__)  // sanitizers need address space themselves
// While it lives, this process may map `more` bytes beyond what it has.
class AddressLimit {
 public:
  explicit AddressLimit(size_t more) {
    size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    ::getrlimit(RLIMIT_AS, &before_);
    rlimit now = before_;
    now.rlim_cur = pages * static_cast<size_t>(::sysconf(_SC_PAGESIZE)) + more;
    ::setrlimit(RLIMIT_AS, &now);
    void* p = ::mmap(nullptr, 2 * more, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    works_ = p == MAP_FAILED;
    if (!works_) ::munmap(p, 2 * more);
  }
  ~AddressLimit() { ::setrlimit(RLIMIT_AS, &before_); }
  bool works() const { return works_; }  // not under an emulator

 private:
  rlimit before_{};
  bool works_ = false;
};

TEST(Threads, AsManyAsTheSystemStarts) {
  const AddressLimit limit(size_t{100} << 20);
  if (!limit.works()) GTEST_SKIP();
  Threads threads(1000);
  EXPECT_GE(threads.count(), 1);
  EXPECT_LT(threads.count(), 1000);
  std::atomic<int> done{0};
  threads.run(200, [&](int64_t) { ++done; });
  EXPECT_EQ(done, 200);
}

TEST(Threads, ASessionSaysHowManyCouldBeStarted) {
  auto model = Model::from_bytes(small_model().finish(), "m.octet");
  ASSERT_TRUE(model);
  const AddressLimit limit(size_t{100} << 20);
  if (!limit.works()) GTEST_SKIP();
  const auto session = Session::create(*model, {.threads = 1000});
  ASSERT_FALSE(session);
  EXPECT_NE(session.error().text.find(" of 1000; ask for at most "), std::string::npos) << session.error().text;
  EXPECT_TRUE(Session::create(*model, {.threads = 2}));
}
#endif

}  // namespace
}  // namespace octet
