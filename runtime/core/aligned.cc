// A walk over a table's fields by their types.
#include "runtime/core/aligned.h"

namespace octet {
namespace {

using flatbuffers::ElementaryType, flatbuffers::TypeTable;

bool elements_aligned(const flatbuffers::Vector<uint64_t>& v) { return reinterpret_cast<uintptr_t>(v.Data()) % 8 == 0; }

}  // namespace

bool aligned(const void* data, const TypeTable& type) {
  using Tables = flatbuffers::Vector<flatbuffers::Offset<flatbuffers::Table>>;
  const auto& table = *static_cast<const flatbuffers::Table*>(data);
  size_t member = 0;  // of the union that comes next
  for (size_t i = 0; i < type.num_elems; ++i) {
    const flatbuffers::TypeCode code = type.type_codes[i];
    const flatbuffers::voffset_t field = flatbuffers::FieldIndexToOffset(static_cast<flatbuffers::voffset_t>(i));
    const auto base = static_cast<ElementaryType>(code.base_type);
    if (!table.CheckField(field)) continue;
    if (base == ElementaryType::ET_UTYPE) member = table.GetField<uint8_t>(field, 0);
    const bool wide =
        base == ElementaryType::ET_LONG || base == ElementaryType::ET_ULONG || base == ElementaryType::ET_DOUBLE;
    if (wide && code.is_repeating && !elements_aligned(*table.GetPointer<const flatbuffers::Vector<uint64_t>*>(field)))
      return false;
    if (base != ElementaryType::ET_SEQUENCE) continue;
    const TypeTable* inside = type.type_refs[code.sequence_ref]();
    if (inside->st == flatbuffers::ST_UNION) {
      if (member == 0 || member >= inside->num_elems) continue;
      inside = inside->type_refs[inside->type_codes[member].sequence_ref]();
    }
    if (inside->st != flatbuffers::ST_TABLE) continue;
    if (!code.is_repeating) {
      if (!aligned(table.GetPointer<const void*>(field), *inside)) return false;
      continue;
    }
    for (const flatbuffers::Table* part : *table.GetPointer<const Tables*>(field))
      if (!aligned(part, *inside)) return false;
  }
  return true;
}

}  // namespace octet
