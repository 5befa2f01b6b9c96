// A walk over all tables and lists that takes what each occupies off the bytes that there are. Strings are not counted, for
// nothing reads them through.
#include "runtime/core/stored_once.h"

#include <array>
#include <cstring>

#include "schema/format.h"

namespace octet {
namespace {

using flatbuffers::ElementaryType, flatbuffers::TypeTable;

class Walk {
 public:
  explicit Walk(std::span<const std::byte> graph) : graph_(graph), left_(graph.size()) {}

  bool offset(size_t at, const TypeTable& type, uint32_t depth) {
    uint32_t distance = 0;
    return read(at, &distance) && table(at + distance, type, depth);
  }

 private:
  template <class T>
  bool read(size_t at, T* value) const {
    if (at > graph_.size() || sizeof(T) > graph_.size() - at) return false;
    std::memcpy(value, graph_.data() + at, sizeof(T));
    return true;
  }

  bool spend(uint64_t bytes) {
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }

  bool table(size_t at, const TypeTable& type, uint32_t depth) {
    int32_t to_fields = 0;
    uint16_t fields_bytes = 0;
    if (depth > schema::kMaxNesting || !spend(sizeof to_fields) || !read(at, &to_fields)) return false;
    const size_t fields = at - static_cast<size_t>(int64_t{to_fields});  // a distance to either side
    if (!read(fields, &fields_bytes)) return false;
    uint8_t member = 0;  // of the union that comes next
    for (size_t i = 0; i < type.num_elems; ++i) {
      const size_t slot = flatbuffers::FieldIndexToOffset(static_cast<flatbuffers::voffset_t>(i));
      uint16_t distance = 0;
      if (slot + sizeof distance > fields_bytes) break;
      if (!read(fields + slot, &distance)) return false;
      if (distance == 0) continue;
      const auto base = static_cast<ElementaryType>(type.type_codes[i].base_type);
      if (base == ElementaryType::ET_UTYPE && !read(at + distance, &member)) return false;
      if (!field(at + distance, type, i, member, depth)) return false;
    }
    return true;
  }

  bool field(size_t at, const TypeTable& type, size_t i, uint8_t member, uint32_t depth) {
    const flatbuffers::TypeCode code = type.type_codes[i];
    const bool nested = static_cast<ElementaryType>(code.base_type) == ElementaryType::ET_SEQUENCE;
    const TypeTable* inside = nested ? type.type_refs[code.sequence_ref]() : nullptr;
    if (code.is_repeating) return list(at, static_cast<ElementaryType>(code.base_type), inside, depth);
    if (!nested || inside->st == flatbuffers::ST_STRUCT || inside->st == flatbuffers::ST_ENUM) return true;
    if (inside->st == flatbuffers::ST_UNION) {
      if (member == 0 || member >= inside->num_elems) return true;
      inside = inside->type_refs[inside->type_codes[member].sequence_ref]();
    }
    return offset(at, *inside, depth + 1);
  }

  bool list(size_t at, ElementaryType base, const TypeTable* inside, uint32_t depth) {
    static constexpr std::array<uint64_t, 14> kBytes = {1, 1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 4, 4};  // by ElementaryType
    uint32_t distance = 0, count = 0;
    if (!read(at, &distance) || !read(at + distance, &count)) return false;
    const bool structs = inside && inside->st == flatbuffers::ST_STRUCT;
    const uint64_t element =
        structs ? static_cast<uint64_t>(inside->values[inside->num_elems]) : kBytes[static_cast<size_t>(base)];
    if (!spend(sizeof count) || !spend(count * element)) return false;
    if (!inside || inside->st != flatbuffers::ST_TABLE) return true;
    const size_t first = at + distance + sizeof count;
    for (size_t i = 0; i < count; ++i)
      if (!offset(first + i * sizeof distance, *inside, depth + 1)) return false;
    return true;
  }

  std::span<const std::byte> graph_;
  uint64_t left_;
};

}  // namespace

bool stored_once(std::span<const std::byte> graph, const TypeTable& root) { return Walk(graph).offset(0, root, 1); }

}  // namespace octet
