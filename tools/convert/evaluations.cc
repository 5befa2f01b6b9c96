#include "tools/convert/evaluations.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "files/files.h"
#include "octet/analyze.h"

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

Evaluations::Evaluations(const Metric& metric, Model float_model, Model int8_model, std::span<const std::byte> bytes,
                         int jobs, std::string file)
    : metric_(metric),
      float_model_(std::move(float_model)),
      int8_model_(std::move(int8_model)),
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

namespace {

// Stands for all nodes, and is none.
const Names kAll = {""};

std::string key_of(const Names& names) {
  std::string text;
  for (const std::string& name : names) text += name + '\n';
  return digest_of(text);
}

}  // namespace

Result<double> Evaluations::in_float() {
  auto value = values({kAll}, {});
  if (!value) return value.error();
  return (*value)[0];
}

Result<std::vector<double>> Evaluations::with_float(const std::vector<Names>& sets, const Progress& progress) {
  std::vector<Names> sorted = sets;
  for (Names& names : sorted) std::sort(names.begin(), names.end());
  return values(sorted, progress);
}

Result<double> Evaluations::value(const Names& names) const {
  if (names == kAll) return metric_.value(float_model_, {.precision = Precision::kF32});
  auto model = keep_float(float_model_, int8_model_, names);
  if (!model) return model.error();
  return metric_.value(*model, {.int8_exclude = names});
}

Result<std::vector<double>> Evaluations::values(const std::vector<Names>& sets, const Progress& progress) {
  std::mutex mutex;
  std::atomic<size_t> next = 0;
  std::optional<Error> failed;
  size_t done = 0;
  const auto work = [&] {
    for (size_t i; (i = next++) < sets.size();) {
      const std::string key = key_of(sets[i]);
      std::unique_lock lock(mutex);
      if (failed) return;
      if (known_.count(key)) {
        ++found_, ++done;
        continue;
      }
      lock.unlock();
      auto value = this->value(sets[i]);
      lock.lock();
      if (!value) {
        failed = value.error();
        return;
      }
      known_[key] = *value, ++made_, ++done;
      if (auto written = write(); !written) failed = written.error();
      if (progress) progress(done, sets.size());
    }
  };
  std::vector<std::thread> others;
  for (int j = 1; j < std::min(jobs_, static_cast<int>(sets.size())); ++j) others.emplace_back(work);
  work();
  for (std::thread& t : others) t.join();
  if (failed) return *failed;
  std::vector<double> all;
  for (const Names& names : sets) all.push_back(known_[key_of(names)]);
  return all;
}

}  // namespace octet
