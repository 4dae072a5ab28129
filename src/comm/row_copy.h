#pragma once

#include "comm/communicator.h"

#include <cstddef>
#include <functional>
#include <span>

namespace ringattn {

/// True when both lists describe the same sequence of row sizes, however it is cut into blocks. Empty rows don't count.
bool same_rows(std::span<const Block> source, std::span<const Block> target);

/// Copies the rows of `source` into those of `target`, in order, and returns the number of bytes. Rows that are
/// contiguous at both ends go in one memcpy; `on_run`, if set, sees the source bytes of each. Precondition:
/// same_rows(source, target).
std::int64_t copy_rows(std::span<const Block> source, std::span<const Block> target,
                       const std::function<void(std::span<const std::byte>)>& on_run = {});

}  // namespace ringattn
