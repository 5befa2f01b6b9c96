// A process that lives long, in rounds of equal work: sessions that come and go in several threads, one that walks over 50 shapes,
// 64 threads with a session each on one model, one session of 64 threads. Every output must have the bytes of the first, and
// memory between rounds must not grow: neither what is allocated, nor the pages that the allocator cannot give back.
// octet-soak MINUTES MODEL.octet...
#include <malloc.h>
#include <octet/octet.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "cli/memory.h"

namespace octet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kUsers = 3, kLives = 4;  // threads that make sessions, one after the other
constexpr int kShapes = 50, kCrowd = 64;
// Growth from the first round that counts to the last, as the least-squares line has it: docs/NIGHTLY.md says why these.
#ifdef OCTET_SANITIZED  // whose malloc keeps what is freed
constexpr double kAllocatedAllowed = 1e9, kPagesAllowed = 1e9;
#else
constexpr double kAllocatedAllowed = .0625, kPagesAllowed = .5;  // MB
#endif
constexpr size_t kPagesRounds = 30;  // pages of single rounds lie MB apart: what fewer show is chance

// Says what went wrong, once, and ends all users.
struct Verdict {
  std::atomic<bool> failed = false;
  void fail(const std::string& text) {
    if (!failed.exchange(true)) std::fprintf(stderr, "octet-soak: %s\n", text.c_str());
  }
};

// The output of the first run of each kind, which all others must equal.
struct Expected {
  std::mutex mutex;
  std::map<std::string, std::vector<std::byte>> bytes;
  bool equal(const std::string& kind, const std::vector<std::byte>& now) {
    const std::lock_guard lock(mutex);
    return bytes.try_emplace(kind, now).first->second == now;
  }
};

struct Soak {
  std::span<const Model> models;
  Expected expected;
  Verdict verdict;
  std::atomic<int64_t> lives = 0;
};

std::vector<std::byte> outputs_of(const Model& model, const Session& session) {
  std::vector<std::byte> all;
  for (size_t i = 0; i < model.outputs().size(); ++i) {
    const Tensor t = session.output(static_cast<int>(i));
    const auto* bytes = static_cast<const std::byte*>(t.data);
    all.insert(all.end(), bytes, bytes + static_cast<size_t>(t.shape.elements()) * size_of(t.dtype));
  }
  return all;
}

// Sizes that the model leaves open are `open` and a little more.
Result<void> resize_and_fill(const Model& model, Session& session, int64_t open) {
  const auto inputs = model.inputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    Shape shape = inputs[i].shape;
    for (int d = 0; d < shape.rank(); ++d)
      if (shape[d] < 0) shape[d] = open + d;
    if (auto done = session.resize_input(static_cast<int>(i), shape); !done) return done.error();
  }
  if (auto done = session.prepare(); !done) return done.error();
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor t = session.input(static_cast<int>(i));
    if (t.dtype != DType::kF32) return Error{Code::kUnsupported, model.name() + ": has inputs that are not f32"};
    for (size_t k = 0; k < t.f32().size(); ++k) t.f32()[k] = static_cast<float>(k * 37 % 256) / 256;
  }
  return {};
}

// Runs a session in one size; its outputs are those of all others of that model, precision and size.
bool right(Soak& soak, size_t m, const SessionOptions& options, Session& session, int64_t open, int runs = 1) {
  const Model& model = soak.models[m];
  auto done = resize_and_fill(model, session, open);
  for (int i = 0; done && i < runs; ++i) done = session.run();
  if (!done) return soak.verdict.fail(done.error().text), false;
  const std::string kind =
      std::to_string(m) + (options.precision == Precision::kInt8 ? " int8 " : " float ") + std::to_string(open);
  if (soak.expected.equal(kind, outputs_of(model, session))) return true;
  return soak.verdict.fail(model.name() + ": other bytes, " + kind), false;
}

// One session's life. With several sizes it takes them in turn.
bool life(Soak& soak, size_t m, int threads, bool int8, int sizes = 1, int runs = 1) {
  SessionOptions options;
  options.threads = threads;
  options.precision = int8 && soak.models[m].quantized() ? Precision::kInt8 : Precision::kF32;
  options.use_onednn = false;
  auto session = Session::create(soak.models[m], options);
  if (!session) return soak.verdict.fail(session.error().text), false;
  ++soak.lives;
  for (int i = 0; i < sizes; ++i)
    if (!right(soak, m, options, *session, 5 + i, runs)) return false;
  return true;
}

void come_and_go(Soak& soak, unsigned seed) {
  std::vector<std::jthread> users;
  for (unsigned u = 0; u < kUsers; ++u)
    users.emplace_back([&soak, seed = seed * kUsers + u] {
      std::mt19937 random(seed);
      for (int i = 0; i < kLives && !soak.verdict.failed; ++i)
        life(soak, random() % soak.models.size(), 1 + static_cast<int>(random() % 3), random() % 2, 1,
             1 + static_cast<int>(random() % 3));
    });
}

void crowd(Soak& soak, size_t m) {
  std::barrier all_there(kCrowd);
  std::vector<std::jthread> threads;
  for (int i = 0; i < kCrowd; ++i)
    threads.emplace_back([&] {
      all_there.arrive_and_wait();
      life(soak, m, 1, true);
    });
}

bool has_open_sizes(const Model& model) {
  for (const TensorInfo& input : model.inputs())
    if (input.shape.elements() < 0) return true;
  return false;
}

void do_round(Soak& soak, unsigned number) {
  come_and_go(soak, number);
  for (size_t m = 0; m < soak.models.size(); ++m)
    if (has_open_sizes(soak.models[m])) life(soak, m, 2, true, kShapes);
  crowd(soak, number % soak.models.size());
  life(soak, number % soak.models.size(), kCrowd, true);
}

// Between two rounds, when no session is left.
struct Memory {
  double allocated, pages,
      trimmed;  // MB: asked of malloc and not freed; own pages; own pages when malloc gave back what it can
};

Memory memory_now() {
  constexpr double kMega = 1 << 20;
  const double pages = own_megabytes();
  ::malloc_trim(0);
  const struct mallinfo2 info = ::mallinfo2();
  return {static_cast<double>(info.uordblks + info.hblkhd) / kMega, pages, own_megabytes()};
}

// Growth from the first point to the last along the least-squares line.
double growth(const std::vector<Memory>& points, double Memory::*figure) {
  const auto n = static_cast<double>(points.size());
  double y_mean = 0, xy = 0, xx = 0;
  for (const Memory& m : points) y_mean += m.*figure / n;
  for (size_t i = 0; i < points.size(); ++i) {
    const double x = static_cast<double>(i) - (n - 1) / 2;
    xy += x * (points[i].*figure - y_mean);
    xx += x * x;
  }
  return xx > 0 ? xy / xx * (n - 1) : 0;
}

int run(double minutes, std::span<const Model> models) {
  Soak soak;
  soak.models = models;
  const auto begin = Clock::now();
  const auto passed = [&] { return std::chrono::duration<double>(Clock::now() - begin).count() / 60; };
  std::vector<Memory> points;
  points.reserve(1 << 20);  // so that it is no growth itself
  // What is allocated once is allocated in the first fifth, and in a round of each model at least.
  size_t settled = 0;
  double said = 0;
  for (unsigned number = 0; !soak.verdict.failed && (passed() < minutes || points.size() < settled + 3); ++number) {
    do_round(soak, number);
    points.push_back(memory_now());
    if (passed() < minutes / 5 || points.size() <= 2 * models.size()) settled = points.size();
    if (const Memory& m = points.back(); points.size() == 1 || passed() > said + minutes / 30) {
      std::printf("%6.1f min, round %4u: %.4f MB allocated, %.2f MB of pages, %.2f MB when trimmed\n", said = passed(),
                  number + 1, m.allocated, m.pages, m.trimmed);
      std::fflush(stdout);
    }
  }
  const std::vector<Memory> counted(points.begin() + static_cast<std::ptrdiff_t>(settled), points.end());
  const double allocated = growth(counted, &Memory::allocated), pages = growth(counted, &Memory::trimmed);
  if (allocated > kAllocatedAllowed)
    soak.verdict.fail("what is allocated grew by " + std::to_string(allocated) + " MB");
  if (pages > kPagesAllowed && counted.size() >= kPagesRounds)
    soak.verdict.fail("pages grew by " + std::to_string(pages) + " MB");
  std::printf(
      "%lld sessions in %zu rounds; growth in the last %zu: allocated %+.3f MB, pages %+.2f MB untrimmed, %+.2f MB "
      "trimmed\n",
      static_cast<long long>(soak.lives.load()), points.size(), counted.size(), allocated,
      growth(counted, &Memory::pages), pages);
  return soak.verdict.failed;
}

}  // namespace
}  // namespace octet

int main(int argc, char** argv) {
  // One arena, so that pages tell of us: of threads' arenas malloc keeps what lies at their ends, tens of MB at times.
  ::mallopt(M_ARENA_MAX, 1);
  std::vector<octet::Model> models;
  for (int i = 2; i < argc; ++i) {
    auto model = octet::Model::map(argv[i]);
    if (!model) return std::fprintf(stderr, "octet-soak: %s\n", model.error().text.c_str()), 1;
    models.push_back(std::move(*model));
  }
  const double minutes = argc > 2 ? std::atof(argv[1]) : 0;
  if (minutes <= 0) return std::fprintf(stderr, "octet-soak MINUTES MODEL.octet...\n"), 2;
  return octet::run(minutes, models);
}
