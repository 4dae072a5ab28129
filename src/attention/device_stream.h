#pragma once

#include <c10/core/Device.h>

#include <chrono>

namespace ringattn {

/// The queue that this thread's work on the device goes to, as kernels take it (a cudaStream_t); null on the CPU.
void* current_stream(const c10::Device& device);

/// Returns when everything that this thread has given the device is done; at once on the CPU. RuntimeFailure where it
/// is not within the time.
void wait_for_device(const c10::Device& device, std::chrono::milliseconds timeout = std::chrono::minutes(10));

}  // namespace ringattn
