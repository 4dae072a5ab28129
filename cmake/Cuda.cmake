# Decides whether CUDA kernels are built (RINGATTN_WITH_CUDA), and adds them to a target. Needs LibTorch to be found first: CUDA code
# without a LibTorch that has CUDA would have nobody to call it.

# Sets RINGATTN_WITH_CUDA. With RINGATTN_CUDA=ON a missing part is an error, with AUTO a message.
macro(ringattn_decide_cuda)
  set(RINGATTN_WITH_CUDA OFF)
  set(_missing "RINGATTN_CUDA=OFF")
  if(NOT RINGATTN_CUDA STREQUAL "OFF")
    nvcc_search("${LibTorch_DIR}" _nvcc)
    if(NOT LibTorch_HAS_CUDA)
      set(_missing "LibTorch in ${LibTorch_DIR} was built without CUDA")
    elseif(NOT _nvcc)
      set(_missing "no CUDA 13 compiler: nvcc is not on PATH, in CUDA_HOME, /usr/local/cuda or the environment of cmake/setup.sh")
    else()
      set(RINGATTN_WITH_CUDA ON)
    endif()
  endif()
  if(RINGATTN_WITH_CUDA)
    _ringattn_enable_cuda()
  elseif(RINGATTN_CUDA STREQUAL "ON")
    message(FATAL_ERROR "RINGATTN_CUDA=ON, but ${_missing}")
  else()
    message(STATUS "CUDA kernels: off (${_missing})")
  endif()
endmacro()

macro(_ringattn_enable_cuda)
  set(CMAKE_CUDA_ARCHITECTURES "80;90" CACHE STRING "GPU architectures that the kernels are compiled for")
  set(CMAKE_CUDA_COMPILER "${_nvcc}" CACHE FILEPATH "The CUDA compiler")
  get_filename_component(_cuda_root "${_nvcc}/../.." ABSOLUTE)
  # The wheels keep their libraries in lib/, where nvcc doesn't look; harmless for a toolkit.
  set(CMAKE_CUDA_FLAGS_INIT "-L${_cuda_root}/lib")
  enable_language(CUDA)
  # CMake 3.25 doesn't know yet that nvcc speaks C++20. (For the same reason the standard isn't set before enable_language.)
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
  endif()
  set(CMAKE_CUDA_STANDARD 20)
  # The runtime that LibTorch itself loads, by its path: two different runtimes in one process would be one too many.
  find_file(RINGATTN_CUDART NAMES libcudart.so.13 libcudart.so NO_DEFAULT_PATH
    HINTS "${LibTorch_DIR}/../nvidia/cu13/lib" "${LibTorch_DIR}/lib" "${_cuda_root}/lib64" "${_cuda_root}/lib" REQUIRED)
  add_library(ringattn_cudart SHARED IMPORTED GLOBAL)
  set_target_properties(ringattn_cudart PROPERTIES IMPORTED_LOCATION "${RINGATTN_CUDART}")
  message(STATUS "CUDA kernels: ${_nvcc} for sm_${CMAKE_CUDA_ARCHITECTURES}, runtime ${RINGATTN_CUDART}")
endmacro()

# Adds the .cu files below a folder to a target. Host code is compiled the same with and without CUDA (and so comes from ccache): no CUDA
# headers and no definition reach it from here.
function(ringattn_cuda_sources target folder)
  if(NOT RINGATTN_WITH_CUDA)
    return()
  endif()
  ringattn_room_sources(sources ${folder} FILES *.cu)
  target_sources(${target} PRIVATE ${sources})
  set_target_properties(${target} PROPERTIES CUDA_RUNTIME_LIBRARY None)
  target_link_libraries(${target} PUBLIC $<BUILD_INTERFACE:ringattn_cudart> $<INSTALL_INTERFACE:ringattn::cudart>)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-fPIC -lineinfo>)
endfunction()
