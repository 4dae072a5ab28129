# `cmake --install`: libraries, headers, the binary, presets and schemas, and the package that find_package(ringattn) reads.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/ringattn")
# The installed binary finds LibTorch where it was at build time.
set_target_properties(ringattn PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS ringattn RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
set_target_properties(ringattn_torch PROPERTIES EXPORT_NAME torch)
install(TARGETS ringattn_torch ringattn_base ringattn_kernels ringattn_core ${legacy_target} EXPORT ringattn-targets
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(EXPORT ringattn-targets NAMESPACE ringattn:: DESTINATION "${package_dir}")

install(DIRECTORY src/ DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/ringattn" FILES_MATCHING PATTERN "*.h")
install(DIRECTORY kernels DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/ringattn" FILES_MATCHING PATTERN "*.h")
if(RINGATTN_LEGACY)
  install(DIRECTORY legacy DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/ringattn" FILES_MATCHING PATTERN "*.h")
endif()
install(DIRECTORY presets DESTINATION "${CMAKE_INSTALL_DATADIR}/ringattn" FILES_MATCHING PATTERN "*.json")
install(FILES results/report.schema.json DESTINATION "${CMAKE_INSTALL_DATADIR}/ringattn")

configure_package_config_file(cmake/ringattnConfig.cmake.in "${PROJECT_BINARY_DIR}/generated/ringattnConfig.cmake"
  INSTALL_DESTINATION "${package_dir}")
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/generated/ringattnConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/generated/ringattnConfig.cmake" "${PROJECT_BINARY_DIR}/generated/ringattnConfigVersion.cmake"
  cmake/FindLibTorch.cmake cmake/LibTorchSearch.cmake DESTINATION "${package_dir}")
