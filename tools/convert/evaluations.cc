#include "tools/convert/evaluations.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "files/files.h"

namespace octet {
namespace {

// FNV-1a: tells apart what is not the same, which nobody forges here.
std::string digest_of(std::span<const std::byte> bytes, uint64_t hash = 0xcbf29ce484222325) {
  for (std::byte b : bytes) hash = (hash ^ static_cast<uint64_t>(b)) * 0x100000001b3;
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

std::string digest_of(const std::string& text) { return digest_of(std::as_bytes(std::span(text))); }

}  // namespace

Evaluations::Evaluations(const Metric& metric, Model model, std::span<const std::byte> bytes, int jobs,
                         std::string file)
    : metric_(metric),
      model_(std::move(model)),
      jobs_(jobs),
      file_(std::move(file)),
      digest_(digest_of(bytes) + digest_of(metric.identity())) {
  read();
}

void Evaluations::read() {
  if (file_.empty()) return;
  const auto bytes = read_file(file_);
  if (!bytes) return;
  const auto* text = reinterpret_cast<const char*>(bytes->data());
  const auto json = nlohmann::json::parse(text, text + bytes->size(), nullptr, false);
  if (!json.is_object() || json.value("digest", "") != digest_ || !json["values"].is_object()) return;
  for (const auto& [key, value] : json["values"].items())
    if (value.is_number()) known_[key] = value;
}

Result<void> Evaluations::write() const {
  if (file_.empty()) return {};
  return write_text(file_, nlohmann::json{{"digest", digest_}, {"values", known_}}.dump(1) + "\n");
}

Result<double> Evaluations::in_float(const Model& float_model) {
  auto value = values(float_model, {{"float", {.precision = Precision::kF32}}}, {});
  if (!value) return value.error();
  return (*value)[0];
}

Result<std::vector<double>> Evaluations::with_float(const std::vector<Names>& sets, const Progress& progress) {
  std::vector<Wish> wishes;
  for (Names names : sets) {
    std::sort(names.begin(), names.end());
    std::string text;
    for (const std::string& name : names) text += name + '\n';
    wishes.push_back({digest_of(text), {.int8_exclude = std::move(names)}});
  }
  return values(model_, wishes, progress);
}

Result<std::vector<double>> Evaluations::values(const Model& model, const std::vector<Wish>& wishes,
                                                const Progress& progress) {
  std::mutex mutex;
  std::atomic<size_t> next = 0;
  std::optional<Error> failed;
  size_t done = 0;
  const auto work = [&] {
    for (size_t i; (i = next++) < wishes.size();) {
      const Wish& wish = wishes[i];
      std::unique_lock lock(mutex);
      if (failed) return;
      if (known_.count(wish.key)) {
        ++found_, ++done;
        continue;
      }
      lock.unlock();
      auto value = metric_.value(model, wish.options);
      lock.lock();
      if (!value) {
        failed = value.error();
        return;
      }
      known_[wish.key] = *value, ++made_, ++done;
      if (auto written = write(); !written) failed = written.error();
      if (progress) progress(done, wishes.size());
    }
  };
  std::vector<std::thread> others;
  for (int j = 1; j < std::min(jobs_, static_cast<int>(wishes.size())); ++j) others.emplace_back(work);
  work();
  for (std::thread& t : others) t.join();
  if (failed) return *failed;
  std::vector<double> all;
  for (const Wish& wish : wishes) all.push_back(known_[wish.key]);
  return all;
}

}  // namespace octet
