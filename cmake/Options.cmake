# What a user may choose, and the flags that follow from it.

option(RINGATTN_LEGACY "Build the old implementations (legacy/)" ON)
option(RINGATTN_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(RINGATTN_WERROR "Treat warnings as errors" OFF)
option(RINGATTN_CCACHE "Use ccache where it is found" ON)
option(RINGATTN_FUZZ "Build the fuzzers of all readers, and nothing else (cmake --preset fuzz)" OFF)
set(RINGATTN_CUDA AUTO CACHE STRING "CUDA kernels: AUTO (where a CUDA 13 toolkit and LibTorch with CUDA are found), ON, OFF")
set(RINGATTN_SANITIZE "" CACHE STRING "Sanitizers, as in -fsanitize=: address,undefined or thread")
set_property(CACHE RINGATTN_CUDA PROPERTY STRINGS AUTO ON OFF)

get_property(_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(NOT CMAKE_BUILD_TYPE AND NOT _multi_config)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo" FORCE)
endif()

# The work is done in LibTorch's kernels and in a few loops of our own, which ask for more themselves (CMakeLists.txt).
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE ccache)
if(RINGATTN_CCACHE AND CCACHE)
  # A precompiled header holds times and macros that ccache would otherwise take for a difference. CCACHE_DEPEND: what a file includes is
  # learnt from the compiler's list of dependencies; preprocessing it apart would read all of LibTorch's headers as text once more.
  foreach(language IN ITEMS CXX CUDA)
    set(CMAKE_${language}_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_DEPEND=1 CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} ${CCACHE})
  endforeach()
endif()

add_library(ringattn_flags INTERFACE)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # "…" + std::string makes g++ 12 warn of overlapping and oversized memcpy (GCC bug 105651).
  target_compile_options(ringattn_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict -Wno-stringop-overflow>)
endif()
# -fPIC by hand: CMake's own property gives executables -fPIE, and a precompiled header wants equal flags everywhere.
target_compile_options(ringattn_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-fPIC>
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wconversion $<$<BOOL:${RINGATTN_WERROR}>:-Werror>>)
if(RINGATTN_SANITIZE)
  target_compile_options(ringattn_flags INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${RINGATTN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all>)
  target_link_options(ringattn_flags INTERFACE -fsanitize=${RINGATTN_SANITIZE})
endif()
if(RINGATTN_FUZZ)  # coverage for libFuzzer, and nothing to look for on another machine but libc
  target_compile_options(ringattn_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(ringattn_flags INTERFACE -static-libstdc++ -static-libgcc)
endif()
