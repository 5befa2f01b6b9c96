// What steps compute from a model's constants (packed weights, folded biases), made once for the model and shared by all its
// plans and sessions.
#pragma once
#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>

namespace octet {

// What decides a constant's bytes, all of it.
struct ConstantKey {
  const void* of = nullptr;                              // a NodeDef; or a TensorDef, where that tensor alone decides
  std::string_view packing;                              // what it is and in which order: static text
  std::string_view kernels = {};                         // Isa::name, where an instruction set has an order of its own
  int64_t form = 0;                                      // whatever else the packing depends on, numbered by its maker
  auto operator<=>(const ConstantKey&) const = default;  // NOLINT(modernize-use-nullptr): there is no null here
};

// Memory at a multiple of 64 bytes, its content undefined.
std::shared_ptr<std::byte> aligned_bytes(size_t bytes);

// Thread-safe. Holds nothing alive: a constant goes when the last plan that uses it does. Each has a lock of its own, so
// threads make different ones at once, and who wants one that is being made waits for it.
class Constants {
 public:
  // The constant of `key`, which takes `bytes`; `make` gives a shared_ptr<const T> and is called where there is none. It may ask
  // for others.
  template <class T, class F>
  std::shared_ptr<const T> get(const ConstantKey& key, size_t bytes, const F& make) {
    return std::static_pointer_cast<const T>(
        find_or_make(key, bytes, [&]() -> std::shared_ptr<const void> { return make(); }));
  }
  // The same for memory as aligned_bytes gives it: `fill` writes all of it.
  std::shared_ptr<const std::byte> bytes(const ConstantKey& key, size_t size,
                                         const std::function<void(std::byte*)>& fill);
  bool has(const ConstantKey& key);                // alive at this moment
  size_t bytes() const { return bytes_->load(); }  // of those that are alive

 private:
  struct Entry {
    std::mutex mutex;
    std::weak_ptr<const void> made;
  };
  std::shared_ptr<const void> find_or_make(const ConstantKey& key, size_t bytes,
                                           const std::function<std::shared_ptr<const void>()>& make);
  std::shared_ptr<std::atomic<size_t>> bytes_ = std::make_shared<std::atomic<size_t>>(0);
  std::mutex mutex_;  // of the map, never held while something is made
  std::map<ConstantKey, std::shared_ptr<Entry>> entries_;
};

}  // namespace octet
