# Finds LibTorch >= 2.11 and offers it as the imported target LibTorch::LibTorch, and LibTorch::Cuda where it was built with CUDA.
#
# LibTorch's own find_package(Torch) is not used: it demands a CUDA toolkit even for CPU code, its architecture detection fails under CMake 3.25
# when CUDA speaks C++20, and it adds compile options of its own. What is needed is small: one include folder and four libraries.
#
# Results: LibTorch_FOUND, LibTorch_VERSION, LibTorch_DIR (the folder that holds include/ and lib/), LibTorch_HAS_CUDA.

include("${CMAKE_CURRENT_LIST_DIR}/LibTorchSearch.cmake")

libtorch_version("${LibTorch_DIR}" LibTorch_VERSION)
if(NOT LibTorch_VERSION)
  libtorch_search(_libtorch_found)
  set(LibTorch_DIR "${_libtorch_found}" CACHE PATH "LibTorch: the folder that holds include/ and lib/" FORCE)
  libtorch_version("${LibTorch_DIR}" LibTorch_VERSION)
endif()
libtorch_has_cuda("${LibTorch_DIR}" LibTorch_HAS_CUDA)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_DIR
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "Run cmake/setup.sh (or `make compare`), or point CMAKE_PREFIX_PATH at an installed LibTorch >= 2.11.")

function(_libtorch_import)
  foreach(library IN LISTS ARGN)
    add_library(LibTorch::${library} SHARED IMPORTED GLOBAL)
    set_target_properties(LibTorch::${library} PROPERTIES IMPORTED_LOCATION "${LibTorch_DIR}/lib/lib${library}.so")
  endforeach()
endfunction()

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  _libtorch_import(c10 torch_cpu)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED GLOBAL)
  # SYSTEM, so that its warnings are not ours.
  target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE "${LibTorch_DIR}/include")
  target_link_libraries(LibTorch::LibTorch INTERFACE LibTorch::torch_cpu LibTorch::c10)
  if(LibTorch_HAS_CUDA)
    _libtorch_import(c10_cuda torch_cuda)
    # Nothing calls libtorch_cuda by name: it registers its kernels when it is loaded, so the linker must not drop it.
    add_library(LibTorch::Cuda INTERFACE IMPORTED GLOBAL)
    target_link_libraries(LibTorch::Cuda INTERFACE
      "-Wl,--push-state,--no-as-needed" LibTorch::torch_cuda LibTorch::c10_cuda "-Wl,--pop-state" LibTorch::LibTorch)
  endif()
endif()
