# What a binary was made from, for --version, `doctor` and reports. Given to the one file that reads it, so that a commit rebuilds no other.
execute_process(COMMAND git describe --always --dirty --abbrev=12 --exclude=*
  WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE RINGATTN_GIT_COMMIT ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
if(EXISTS "${PROJECT_SOURCE_DIR}/.git/logs/HEAD")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/.git/logs/HEAD")
endif()
set_property(SOURCE "${PROJECT_SOURCE_DIR}/src/config/environment.cpp" APPEND PROPERTY COMPILE_DEFINITIONS
  RINGATTN_VERSION="${PROJECT_VERSION}" RINGATTN_GIT_COMMIT="${RINGATTN_GIT_COMMIT}" RINGATTN_BUILD_TYPE="${CMAKE_BUILD_TYPE}")
