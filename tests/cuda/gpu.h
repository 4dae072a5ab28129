#pragma once

#include "kernels/device.h"

#include <doctest/doctest.h>

/// Leaves the test case, which ctest then reports as skipped, where there is no GPU.
#define NEEDS_GPU()                                  \
  do {                                               \
    if (ringattn::kernels::cuda_devices().empty()) { \
      MESSAGE("skipped: no GPU is visible");         \
      return;                                        \
    }                                                \
  } while (false)
