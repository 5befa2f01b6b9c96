# Writes `header`: the commit of the sources in `folder`, with + where they were changed since; nothing where they lie in no clone.
cmake_minimum_required(VERSION 3.25)
set(commit "")
if(EXISTS ${folder}/.git)
  execute_process(COMMAND git -C ${folder} describe --always --abbrev=9 --exclude=* --dirty=+ OUTPUT_VARIABLE commit
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
file(CONFIGURE OUTPUT ${header} @ONLY NEWLINE_STYLE UNIX
     CONTENT "// What the sources were when this was built.\n#pragma once\n\nnamespace octet {\nconstexpr const char* kCommit = \"@commit@\";\n}\n")
