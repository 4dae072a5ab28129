# One function for each kind of target; what they share (warnings, sanitizers, the language) is said once, in ringattn_defaults.

# ringattn_room_sources(<out> <folder>… [FILES <pattern>…]): sources below the folders, found again whenever files appear or go.
function(ringattn_room_sources out)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "FILES")
  if(NOT arg_FILES)
    set(arg_FILES "*.cpp")
  endif()
  set(all "")
  foreach(folder IN LISTS arg_UNPARSED_ARGUMENTS)
    foreach(pattern IN LISTS arg_FILES)
      file(GLOB_RECURSE found CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${folder}/${pattern}")
      list(APPEND all ${found})
    endforeach()
  endforeach()
  list(SORT all)
  set(${out} ${all} PARENT_SCOPE)
endfunction()

# The C++ standard, the include folders, warnings and sanitizers of every target of ours.
function(ringattn_defaults target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src> $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/ringattn>)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:ringattn_flags>)
endfunction()

# A static library. A folder without sources (a room that is not built yet) still gives a library.
function(ringattn_library target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINK")
  if(NOT arg_SOURCES)
    set(empty "${PROJECT_BINARY_DIR}/generated/${target}_empty.cpp")
    file(GENERATE OUTPUT "${empty}" CONTENT "// ${target} has no sources yet.\n")
    set(arg_SOURCES "${empty}")
  endif()
  add_library(${target} STATIC ${arg_SOURCES})
  ringattn_defaults(${target})
  target_link_libraries(${target} PUBLIC ${arg_LINK})
  string(REPLACE "ringattn_" "" exported ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${exported})
  add_library(ringattn::${exported} ALIAS ${target})
endfunction()

# Gives the target LibTorch's headers precompiled (about 4 s a file saved). The first target that asks builds them; the others share.
function(ringattn_precompile target)
  get_property(owner GLOBAL PROPERTY RINGATTN_PCH_OWNER)
  if(owner)
    target_precompile_headers(${target} REUSE_FROM ${owner})
  else()
    target_precompile_headers(${target} PRIVATE <ATen/ATen.h>)
    set_property(GLOBAL PROPERTY RINGATTN_PCH_OWNER ${target})
  endif()
endfunction()

# ringattn_test(<name> LABELS <label>… SOURCES … LINK …): one executable, and one ctest entry for each of its source files, so that a failure
# names its file and ctest -j spreads the work.
function(ringattn_test target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TORCH" "TIMEOUT" "LABELS;SOURCES;LINK;ENVIRONMENT")
  if(NOT arg_SOURCES)
    return()
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  add_executable(${target} ${arg_SOURCES})
  ringattn_defaults(${target})
  target_link_libraries(${target} PRIVATE ${arg_LINK} ringattn_doctest)
  if(arg_TORCH)
    ringattn_precompile(${target})
  endif()
  add_dependencies(ringattn_tests ${target})
  foreach(group IN ITEMS unit world)
    if(group IN_LIST arg_LABELS)
      add_dependencies(${group}_tests ${target})
    endif()
  endforeach()
  list(FILTER arg_SOURCES INCLUDE REGEX "_test\\.cpp$")  # the others are what these share
  foreach(source IN LISTS arg_SOURCES)
    file(RELATIVE_PATH name "${PROJECT_SOURCE_DIR}/tests" "${source}")
    add_test(NAME ${name} COMMAND ${RINGATTN_TEST_LAUNCHER} $<TARGET_FILE:${target}> "--source-file=*tests/${name}")
    # doctest is content with a filter that matches nothing; we are not.
    set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT}
      FAIL_REGULAR_EXPRESSION "test cases: +0 " ENVIRONMENT "${arg_ENVIRONMENT}")
  endforeach()
endfunction()

# ringattn_embed(<header> <array> <files>…): writes generated/<header>, in which ringattn::embedded::<array> lists (name without its ending,
# text) of the files, so that the binary needs no data files at run time.
function(ringattn_embed header array)
  string(REPLACE ";" "|" files "${ARGN}")
  add_custom_command(OUTPUT "${PROJECT_BINARY_DIR}/generated/${header}"
    COMMAND ${CMAKE_COMMAND} "-DOUTPUT=${PROJECT_BINARY_DIR}/generated/${header}" "-DARRAY=${array}" "-DFILES=${files}"
            -P "${PROJECT_SOURCE_DIR}/cmake/Embed.cmake"
    DEPENDS ${ARGN} "${PROJECT_SOURCE_DIR}/cmake/Embed.cmake" VERBATIM)
endfunction()
