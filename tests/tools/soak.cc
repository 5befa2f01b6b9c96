// A process that lives long: sessions are made, run and freed again and again, in several threads at once. Every output must
// have the bytes of the first, and memory must not grow. octet-soak MINUTES MODEL.octet...
#include <octet/octet.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <random>
#include <thread>

#include "cli/memory.h"

namespace octet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kUsers = 3;             // threads with sessions of their own
constexpr double kGrowthAllowed = 8;  // MB: what allocators keep

// Says what went wrong, once, and ends all users.
struct Verdict {
  std::atomic<bool> failed = false;
  void fail(const std::string& text) {
    if (!failed.exchange(true)) std::fprintf(stderr, "octet-soak: %s\n", text.c_str());
  }
};

// Of each model and precision: the output of the first run, which all others must equal.
struct Expected {
  std::mutex mutex;
  std::vector<std::byte> bytes;
  bool equal(std::vector<std::byte> now) {
    const std::lock_guard lock(mutex);
    if (!bytes.empty()) return now == bytes;
    bytes = std::move(now);
    return true;
  }
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

// One session's life.
Result<std::vector<std::byte>> life(const Model& model, const SessionOptions& options, int runs) {
  auto session = Session::create(model, options);
  if (!session) return session.error();
  if (auto done = session->prepare(); !done) return done.error();
  for (size_t i = 0; i < model.inputs().size(); ++i) {
    const Tensor t = session->input(static_cast<int>(i));
    if (t.dtype != DType::kF32) return Error{Code::kUnsupported, model.name() + ": has inputs that are not f32"};
    for (size_t k = 0; k < t.f32().size(); ++k) t.f32()[k] = static_cast<float>(k * 37 % 256) / 256;
  }
  for (int i = 0; i < runs; ++i)
    if (auto done = session->run(); !done) return done.error();
  return outputs_of(model, *session);
}

void use(std::span<const Model> models, std::span<Expected> expected, unsigned seed, Clock::time_point end,
         Verdict& verdict, std::atomic<int64_t>& lives) {
  std::mt19937 random(seed);
  while (Clock::now() < end && !verdict.failed) {
    const size_t m = random() % models.size();
    SessionOptions options;
    options.threads = 1 + static_cast<int>(random() % 3);
    const bool int8 = models[m].quantized() && random() % 2;
    options.precision = int8 ? Precision::kInt8 : Precision::kF32;
    options.use_onednn = false;
    auto outputs = life(models[m], options, 1 + static_cast<int>(random() % 4));
    if (!outputs) return verdict.fail(outputs.error().text);
    if (!expected[2 * m + int8].equal(std::move(*outputs))) return verdict.fail(models[m].name() + ": other bytes");
    ++lives;
  }
}

int soak(double minutes, std::span<const Model> models) {
  std::vector<Expected> expected(2 * models.size());
  std::atomic<int64_t> lives = 0;
  Verdict verdict;
  const auto part = [&](double share, unsigned seed) {
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double, std::ratio<60>>(minutes * share));
    std::vector<std::jthread> users;
    for (unsigned u = 0; u < kUsers; ++u)
      users.emplace_back([&, u] { use(models, expected, seed + u, end, verdict, lives); });
  };
  part(.2, 1);  // what is allocated once is allocated
  const double before = own_megabytes();
  part(.8, 100);
  const double after = own_megabytes();
  if (after > before + kGrowthAllowed)
    verdict.fail("memory grew from " + std::to_string(before) + " to " + std::to_string(after) + " MB");
  std::printf("%lld sessions, %.1f MB, then %.1f MB\n", static_cast<long long>(lives.load()), before, after);
  return verdict.failed || lives == 0;
}

}  // namespace
}  // namespace octet

int main(int argc, char** argv) {
  std::vector<octet::Model> models;
  for (int i = 2; i < argc; ++i) {
    auto model = octet::Model::map(argv[i]);
    if (!model) return std::fprintf(stderr, "octet-soak: %s\n", model.error().text.c_str()), 1;
    models.push_back(std::move(*model));
  }
  const double minutes = argc > 2 ? std::atof(argv[1]) : 0;
  if (minutes <= 0) return std::fprintf(stderr, "octet-soak MINUTES MODEL.octet...\n"), 2;
  return octet::soak(minutes, models);
}
