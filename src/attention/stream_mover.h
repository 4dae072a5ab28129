#pragma once

#include "comm/row_mover.h"
#include "comm/world.h"

#include <c10/core/Device.h>

#include <memory>

namespace ringattn {

/// Copies between buffers on GPUs, by the driver (cudaMemcpyAsync: the copy engines, between GPUs), each rank's on a
/// stream of its own beside the one it computes on, ordered by events. With a link, which is one thread's alone, it can
/// `move_over_link`, and counts how long work stood still for it where it is limited.
std::unique_ptr<RowMover> make_stream_mover(bool has_link = false);

/// The device of a rank: the CPU, or one of the GPUs in turn.
c10::Device device_of_rank(c10::DeviceType type, int rank);

/// `options` for a World whose ranks' tensors lie on such devices: on GPUs each rank thread works on its own device and
/// stream, and rows are carried by a stream mover. The CPU's options are `options`.
WorldOptions on_devices(WorldOptions options, c10::DeviceType type);

}  // namespace ringattn
