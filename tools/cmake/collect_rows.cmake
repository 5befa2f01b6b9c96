# octet_collect_rows(OUTPUT FILE HEADER H NAMESPACE N TYPE T FUNCTION F SOURCES ...): writes a C++ file in which
# `std::span<const T* const> F()` gives every object that a source defines as `const T kName` (extern or constinit before it).
# A source that changes is scanned again, so that a row is registered by being written.
function(octet_collect_rows)
  cmake_parse_arguments(ARG "" "OUTPUT;HEADER;NAMESPACE;TYPE;FUNCTION" "SOURCES" ${ARGN})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${ARG_SOURCES})
  set(names "")
  foreach(source ${ARG_SOURCES})
    file(STRINGS ${source} lines REGEX "^(extern )?(constinit )?const ${ARG_TYPE} k[A-Za-z0-9]+")
    foreach(line ${lines})
      string(REGEX REPLACE ".*const ${ARG_TYPE} (k[A-Za-z0-9]+).*" "\\1" name "${line}")
      list(APPEND names ${name})
    endforeach()
  endforeach()
  list(REMOVE_DUPLICATES names)  # a declaration may stand before the definition
  set(declarations "")
  set(rows "")
  foreach(name ${names})
    string(APPEND declarations "extern const ${ARG_TYPE} ${name};\n")
    string(APPEND rows "    &${name},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${ARG_OUTPUT} CONTENT [[
// Generated: a row for each @ARG_TYPE@ in the sources.
#include "@ARG_HEADER@"
namespace @ARG_NAMESPACE@ {
@declarations@
static constexpr const @ARG_TYPE@* kAll@ARG_TYPE@[] = {
@rows@};
std::span<const @ARG_TYPE@* const> @ARG_FUNCTION@() { return kAll@ARG_TYPE@; }
}  // namespace @ARG_NAMESPACE@
]] @ONLY)
endfunction()
