// The form of the session target's inputs, which the seeds have too.
#pragma once
#include <cstddef>

namespace octet::fuzz {

// Bytes of choices (options, shapes, values) before the .octet file. A multiple of 16 keeps the file's parts aligned.
inline constexpr size_t kSessionChoices = 64;

}  // namespace octet::fuzz
