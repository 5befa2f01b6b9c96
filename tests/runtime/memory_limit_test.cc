// The limit of a session's memory: whatever a file or data ask for, prepare() or run() refuses before it is allocated.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "runtime/core/memory.h"
#include "runtime/core/model.h"
#include "runtime/core/poison.h"
#include "tests/runtime/build_model.h"

namespace octet {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

SessionOptions within(size_t limit) {
  return {.precision = Precision::kF32, .memory_limit = limit, .use_onednn = false};
}

// The most address space that this process had so far, where the system tells.
size_t most_mapped() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "VmPeak:") {
      size_t kib = 0;
      status >> kib;
      return kib << 10;
    }
  return 0;
}

// A scalar spread over 1 GiB and summed.
TEST(MemoryLimit, ATensorThatIsTooLargeIsRefusedBeforeItIsThere) {
  ModelBuilder b;
  const int x = b.input("x", {1}), one = b.f32("one", {}, {1});
  const int size = b.constant<int64_t>("size", {1}, {int64_t{1} << 28}, schema::DType::s64);
  const int wide = b.tensor("wide", {int64_t{1} << 28}), sum = b.tensor("sum", {}), y = b.tensor("y", {1});
  b.node("wide", schema::ExpandT{}, {one, size}, wide);
  b.node("sum", schema::ReduceT{.kind = schema::ReduceKind::sum, .keep_dims = false}, {wide}, sum);
  b.node("y", schema::BinaryT{}, {x, sum}, y);
  b.model.outputs = {y};
  const Model model = b.loaded();
  const size_t before = most_mapped();
  const auto session = Session::create(model, within(64 * kMiB));
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code, Code::kMemory);
  for (const char* said : {"m.octet", "'wide'", "1025 MiB", "64 MiB", "memory_limit"})
    EXPECT_NE(session.error().text.find(said), std::string::npos) << said << ": " << session.error().text;
  EXPECT_LT(most_mapped(), before + 64 * kMiB);
  EXPECT_TRUE(Session::create(model, within(1100 * kMiB))) << "pages cost nothing until they are touched";
}

// One op each whose output is as long as the input n says.
struct Grown {
  const char* name;
  std::function<void(ModelBuilder&, int n, int y)> build;
};

const Grown kGrown[] = {
    {"range",
     [](ModelBuilder& b, int n, int y) {
       const auto scalar = [&](const char* name, int64_t v) {
         return b.constant<int64_t>(name, {1}, {v}, schema::DType::s64);
       };
       const int numbers = b.tensor("numbers", {-1}, schema::DType::s64);
       b.node("grown", schema::RangeT{}, {scalar("start", 0), n, scalar("step", 1)}, numbers);
       b.node("cast", schema::CastT{.to = schema::DType::f32}, {numbers}, y);
     }},
    {"expand",
     [](ModelBuilder& b, int n, int y) {
       b.node("grown", schema::ExpandT{}, {b.f32("one", {1}, {1}), n}, y);
     }},
    {"pad",
     [](ModelBuilder& b, int n, int y) {
       const int zero = b.constant<int64_t>("zero", {1}, {0}, schema::DType::s64);
       const int sizes = b.tensor("sizes", {2}, schema::DType::s64);
       b.node("sizes", schema::ConcatT{}, {zero, n}, sizes);
       b.node("grown", schema::PadT{}, {b.f32("one", {1}, {1}), sizes}, y);
     }},
    {"resize",
     [](ModelBuilder& b, int n, int y) {
       const int two = b.constant<int64_t>("two", {1}, {2}, schema::DType::s64);
       const int sizes = b.tensor("sizes", {2}, schema::DType::s64), image = b.tensor("image", {1, -1, -1, 1});
       b.node("sizes", schema::ConcatT{}, {n, two}, sizes);
       b.node("grown", schema::ResizeT{}, {b.f32("pixel", {1, 1, 1, 1}, {1}), sizes}, image);
       schema::ReshapeT flat;
       flat.shape = {-1};
       b.node("flat", flat, {image}, y);
     }},
};

// Elements of what some memory could hold; more is too large by itself.
constexpr int64_t kAddressable = int64_t{1} << (sizeof(size_t) == 8 ? 32 : 27);

TEST(MemoryLimit, SizesThatDataDecideAreRefusedByTheRun) {
  for (const Grown& op : kGrown) {
    ModelBuilder b;
    const int n = b.input("n", {1}, schema::DType::s64), y = b.tensor("y", {-1});
    op.build(b, n, y);
    b.model.outputs = {y};
    auto session = Session::create(b.loaded(), within(16 * kMiB));
    ASSERT_TRUE(session) << op.name << ": " << session.error().text;
    const size_t before = most_mapped();
    for (const int64_t size :
         {int64_t{10}, int64_t{1} << 28, int64_t{1} << 40, int64_t{1000}, int64_t{1} << 25, int64_t{7}}) {
      session->input(0).s64()[0] = size;
      const auto done = session->run();
      EXPECT_LE(session->memory_bytes(), 16 * kMiB) << op.name;
      ASSERT_EQ(static_cast<bool>(done), size <= 1000) << op.name << " " << size;
      if (done) {
        EXPECT_GE(session->output(0).f32().size(), static_cast<size_t>(size)) << op.name;
      } else {
        EXPECT_NE(done.error().text.find(size < int64_t{1} << 40 ? "'" : "m.octet"), std::string::npos);
        EXPECT_TRUE(done.error().code == Code::kMemory || size >= kAddressable) << done.error().text;
        EXPECT_EQ(session->output(0).data, nullptr) << op.name;
      }
    }
    EXPECT_LT(most_mapped(), before + 64 * kMiB) << op.name;
  }
}

// Eight bytes for each place of a row that itself takes four.
TEST(MemoryLimit, TablesOfOpsCount) {
  ModelBuilder b;
  const int x = b.input("x", {int64_t{1} << 20}), y = b.tensor("y", {(int64_t{1} << 20) + 2});
  schema::PadT pad;
  pad.before = {1}, pad.after = {1};
  b.node("p", pad, {x}, y);
  b.model.outputs = {y};
  const Model model = b.loaded();
  const auto refused = Session::create(model, within(16 * kMiB));  // 8 MiB of tensors, 16 of tables
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("pad 'p': needs 17 MiB more"), std::string::npos) << refused.error().text;
  const auto session = Session::create(model, within(32 * kMiB));
  ASSERT_TRUE(session) << session.error().text;
  EXPECT_GT(session->memory_bytes(), 24 * kMiB);
}

Model product() {
  ModelBuilder b;
  const int x = b.input("x", {1, 1024}), y = b.tensor("y", {1, 1024});
  const int w = b.f32("w", {1024, 1024}, std::vector<float>(1024 * 1024, 0.5f));
  schema::MatMulT op;
  op.transpose_b = true;
  b.node("fc", op, {x, w}, y);
  b.model.outputs = {y};
  return b.loaded();
}

TEST(MemoryLimit, WeightsInAnotherOrderCountOnceForAModel) {
  const Model model = product();  // 4 MiB of them
  const auto refused = Session::create(model, within(3 * kMiB));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kMemory);
  EXPECT_NE(refused.error().text.find("matmul 'fc'"), std::string::npos) << refused.error().text;
  size_t alone = 0;
  {
    const auto session = Session::create(model, within(5 * kMiB));
    ASSERT_TRUE(session) << session.error().text;
    alone = session->memory_bytes();
    EXPECT_GT(alone, 4 * kMiB);
    const auto second = Session::create(model, within(5 * kMiB));
    ASSERT_TRUE(second) << second.error().text;
    EXPECT_EQ(second->memory_bytes(), alone);
  }
  EXPECT_EQ(model.data().constants.bytes(), 0u);
}

std::vector<float> run_at(Session& session, int64_t side) {
  auto done = session.resize_input(0, {1, side, side, 4});
  if (done) done = session.prepare();
  EXPECT_TRUE(done) << done.error().text;
  if (!done) return {};
  const size_t prepared = session.memory_bytes();
  float next = 0;
  for (float& v : session.input(0).f32()) v = next = next > 2 ? -2 : next + 0.13f;
  done = session.run();
  EXPECT_TRUE(done) << done.error().text;
  EXPECT_EQ(session.memory_bytes(), prepared) << "what prepare() says is what a run needs";
  const auto y = session.output(0).f32();
  return {y.begin(), y.end()};
}

TEST(MemoryLimit, PlansThatAreNotInUseGoBeforeAnythingIsRefused) {
  const Model model = small_model(true).loaded();
  size_t need = 0;
  {
    auto session = Session::create(model);
    ASSERT_TRUE(session);
    run_at(*session, 200);
    need = session->memory_bytes();
  }
  auto session = Session::create(model, {.plans_kept = 50, .memory_limit = need + 64});
  ASSERT_TRUE(session);
  for (const int64_t side : {200, 3, 4, 100, 200, 5, 200}) {
    auto fresh = Session::create(model);
    ASSERT_TRUE(fresh);
    EXPECT_EQ(run_at(*session, side), run_at(*fresh, side)) << side;
    EXPECT_LE(session->memory_bytes(), need + 64);
  }
  ASSERT_TRUE(session->resize_input(0, {1, 300, 300, 4}));
  const auto larger = session->run();
  ASSERT_FALSE(larger);
  EXPECT_EQ(larger.error().code, Code::kMemory);
  EXPECT_FALSE(run_at(*session, 200).empty());
}

TEST(MemoryLimit, TheDefaultIsAShareOfWhatThereIs) {
  EXPECT_GT(default_memory_limit(), 16 * kMiB);
  const long pages = ::sysconf(_SC_PHYS_PAGES), page = ::sysconf(_SC_PAGESIZE);
  EXPECT_LE(default_memory_limit(), static_cast<uint64_t>(pages) * static_cast<uint64_t>(page) / 2);
  const std::filesystem::path root =
      std::filesystem::path(::testing::TempDir()) / ("octet_groups_" + std::to_string(getpid()));
  const auto put = [&](const std::string& file, const char* text) {
    std::filesystem::create_directories((root / file).parent_path());
    std::ofstream(root / file) << text;
  };
  put("memory.max", "max\n");
  put("app/memory.max", "1000000\n");
  put("app/part/memory.max", "max\n");
  put("small/memory.max", "5000\n");
  put("memory/old/memory.limit_in_bytes", "70000\n");
  constexpr size_t kNone = std::numeric_limits<size_t>::max();
  const struct {
    const char* groups;
    size_t limit;
  } cases[] = {{"0::/app/part\n", 1000000},
               {"0::/\n", kNone},
               {"0::/small\n", 5000},
               {"0::/gone\n", kNone},
               {"12:cpu:/small\n7:memory:/old/er\n0::/app\n", 70000},
               {"", kNone},
               {"nonsense\n::\n", kNone}};
  for (const auto& c : cases) EXPECT_EQ(group_memory_limit(c.groups, root.string()), c.limit) << c.groups;
  std::filesystem::remove_all(root);
}

#if !defined(OCTET_POISON) && !defined(__SANITIZE_THREAD__)  // sanitizers need address space themselves
// In a process of its own that may map `more` bytes: 0 where a session could be made and run, 1 where that was an Error.
int run_with_address_space(const Model& model, size_t more, bool onednn) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(30);
    size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const size_t now = pages * static_cast<size_t>(::sysconf(_SC_PAGESIZE)) + more;
    const rlimit limit{now, now};
    ::setrlimit(RLIMIT_AS, &limit);
    auto session = Session::create(model, {.precision = Precision::kF32, .use_onednn = onednn});
    ::_exit(session && session->run() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

TEST(MemoryLimit, WantOfAddressSpaceIsAnError) {
  const Model model = product();
  if (run_with_address_space(model, 0, false) != 1) GTEST_SKIP() << "an emulator";
  for (const bool onednn : {false, true}) {
    bool ran = false;
    for (size_t more = 0; more < 40 * kMiB; more += more < 8 * kMiB ? kMiB / 2 : 2 * kMiB) {
      const int code = run_with_address_space(model, more, onednn);
      EXPECT_TRUE(code == 0 || code == 1) << more << " bytes: signal " << code - 100;
      ran = ran || code == 0;
    }
    EXPECT_TRUE(ran);
  }
}
#endif

}  // namespace
}  // namespace octet
