// The constants that a model's plans share.
#include "runtime/core/constants.h"

#include <new>

namespace octet {

std::shared_ptr<std::byte> aligned_bytes(size_t bytes) {
  constexpr std::align_val_t kAlignment{64};
  return {static_cast<std::byte*>(::operator new(bytes + 1, kAlignment)),
          [](std::byte* p) { ::operator delete(p, kAlignment); }};
}

std::shared_ptr<const void> Constants::find_or_make(const ConstantKey& key, size_t bytes,
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
  // Counted for as long as anybody holds it, which may be longer than this object lives.
  bytes_->fetch_add(bytes);
  const std::shared_ptr<void> counted(nullptr, [bytes, total = bytes_](void*) { total->fetch_sub(bytes); });
  struct Counted {
    std::shared_ptr<void> count;
    std::shared_ptr<const void> made;
  };
  const auto both = std::make_shared<const Counted>(Counted{counted, make()});
  std::shared_ptr<const void> made(both, both->made.get());
  entry->made = made;
  return made;
}

bool Constants::has(const ConstantKey& key) {
  std::shared_ptr<Entry> entry;
  {
    std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return false;
    entry = found->second;
  }
  std::lock_guard lock(entry->mutex);  // waits for who is making it
  return !entry->made.expired();
}

std::shared_ptr<const std::byte> Constants::bytes(const ConstantKey& key, size_t size,
                                                  const std::function<void(std::byte*)>& fill) {
  return get<std::byte>(key, size, [&] {
    auto memory = aligned_bytes(size);
    fill(memory.get());
    return std::shared_ptr<const std::byte>(memory);
  });
}

}  // namespace octet
