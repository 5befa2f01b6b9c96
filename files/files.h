// Whole files in and out: a reader never sees half a file, and neither a crash nor a loss of power leaves one. Every result that
// the project's C++ code writes goes through here; what vision/exchange hands to another process at once need not outlive it.
#pragma once
#include <octet/octet.h>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

// Of a file's first MiB, where there is more: how many bytes there may be at most, for pipes and devices without end.
using Bound = std::function<Result<size_t>(std::span<const std::byte> start)>;

// Errors name the path. A pipe or a device is read to its end, or to the bound.
Result<std::vector<std::byte>> read_file(const std::string& path, const Bound& bound = {});

// Looks at a complete file before it takes its place; `path` is where it lies until then.
using Check = std::function<Result<void>(const std::string& path)>;

// Replaces the file at `path`, or makes it. Symbolic links are followed, those that point to nothing too. What is new stands
// beside the target under a name that nobody had, is written, synced, checked (`check`) and renamed, and the folder is synced:
// whoever opens the path at any moment, after a crash or a loss of power too, finds all of the old file or all of the new one.
// On an error the old file stays and nothing is left beside it; only a killed process leaves its NAME.*.partial. The new file
// has the old one's permissions and, as far as the process may give it, its owner; else what the umask leaves. Other names
// (hard links) of the old file keep the old content. Of writers at the same time the last one wins.
// What is no regular file (devices, pipes, /dev/stdout and the other open files of the process) is written to where it is.
// Threads may write at the same time.
Result<void> write_file(const std::string& path, std::span<const std::byte> bytes, const Check& check = {});
Result<void> write_text(const std::string& path, std::string_view text);

// Several files as one result: no path changes before all are complete and synced. Then they are renamed one after the
// other: each is whole at any moment, but a crash in between, or a rename that fails, leaves some new and some old.
struct NewFile {
  std::string path;
  std::vector<std::byte> bytes;
};
Result<void> write_files(std::span<const NewFile> files);

}  // namespace octet
