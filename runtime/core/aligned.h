// Whether 64-bit elements of vectors in a file stand at multiples of 8, which flatbuffers' verifier does not ask. Which fields
// those are comes from the schema: flatc writes a table of types for each table.
#pragma once
#include "schema/model_generated.h"

namespace octet {

// Of a verified table and all tables in it.
bool aligned(const void* table, const flatbuffers::TypeTable& type);

template <class Table>
bool aligned(const Table& table) {
  return aligned(&table, *Table::MiniReflectTypeTable());
}

}  // namespace octet
