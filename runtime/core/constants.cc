// The constants that a model's plans share.
#include "runtime/core/constants.h"

#include <new>

namespace octet {

std::shared_ptr<std::byte> aligned_bytes(size_t bytes) {
  constexpr std::align_val_t kAlignment{64};
  return {static_cast<std::byte*>(::operator new(bytes + 1, kAlignment)),
          [](std::byte* p) { ::operator delete(p, kAlignment); }};
}

std::shared_ptr<const void> Constants::find_or_make(const ConstantKey& key,
                                                    const std::function<std::shared_ptr<const void>()>& make) {
  std::shared_ptr<Entry> entry;
  {
    std::lock_guard lock(mutex_);
    std::shared_ptr<Entry>& found = entries_[key];
    if (!found) found = std::make_shared<Entry>();
    entry = found;
  }
  std::lock_guard lock(entry->mutex);
  if (auto found = entry->made.lock()) return found;
  auto made = make();
  entry->made = made;
  return made;
}

std::shared_ptr<const std::byte> Constants::bytes(const ConstantKey& key, size_t size,
                                                  const std::function<void(std::byte*)>& fill) {
  return get<std::byte>(key, [&] {
    auto memory = aligned_bytes(size);
    fill(memory.get());
    return std::shared_ptr<const std::byte>(memory);
  });
}

}  // namespace octet
