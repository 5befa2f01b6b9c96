# What makes a fault in memory hard to use: for all that this tree builds, and nothing that merely uses it, for the options belong
# to this directory. tests/build/hardening_test holds the library and the programs to it.
option(OCTET_HARDENING "Stack protector, FORTIFY, read-only relocations, CET or BTI, position-independent programs" ON)
function(octet_mark_protected target)  # below
endfunction()
if(NOT OCTET_HARDENING)
  return()
endif()
include(CheckCXXCompilerFlag)
include(CheckLinkerFlag)
include(CheckPIESupported)
check_pie_supported()  # programs are linked as CMAKE_POSITION_INDEPENDENT_CODE says

set(flags -fstack-protector-strong -fstack-clash-protection)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  list(APPEND flags -fcf-protection=full)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  list(APPEND flags -mbranch-protection=standard)
endif()
foreach(flag ${flags})
  string(MAKE_C_IDENTIFIER "OCTET_HAS${flag}" has)
  check_cxx_compiler_flag(${flag} ${has})
  if(${has})
    add_compile_options(${flag})
  endif()
endforeach()

# Level 3 also checks sizes that are known only at run time. It takes optimisation, and sanitizers check the same calls better.
if(NOT OCTET_SANITIZE)
  set(level 2)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12
     OR CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 9)
    set(level 3)
  endif()
  add_compile_options("$<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=${level}>")
endif()

foreach(flag -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
  string(MAKE_C_IDENTIFIER "OCTET_HAS${flag}" has)
  check_linker_flag(CXX ${flag} ${has})
  if(${has})
    add_link_options(${flag})
  endif()
endforeach()

# A linker marks a file as fit for CET only where every part of it is, and glibc's start code of some systems (Debian 12) is not. A
# shared library can do without that code: its constructors and destructors are in arrays. All else in ours is compiled here, or
# part of GCC, which is fit.
if(OCTET_HAS_fcf_protection_full)
  set(OCTET_MARKS -Wl,-init=octet_none,-fini=octet_none,-z,ibt,-z,shstk)  # no functions of these names: then there are none to call
  check_linker_flag(CXX ${OCTET_MARKS} OCTET_HAS_marks)
  if(OCTET_HAS_marks)
    function(octet_mark_protected target)
      target_link_options(${target} PRIVATE ${OCTET_MARKS})
    endfunction()
  endif()
endif()
