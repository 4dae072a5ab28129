#pragma once

#include "comm/ring_statistics.h"
#include "config/ring_attention_config.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ringattn {

/// What a rank needs to go on as it would have: a snapshot, nothing in it refers to the rank.
struct RingCheckpoint {
  int rank = 0;
  int world_size = 1;
  std::int64_t forwards = 0;  ///< calls of forward so far
  RingCommunicationStats statistics{};
  RingAttentionConfig config{};
  std::vector<std::uint8_t> generator_state{};  ///< of LibTorch's default CPU generator

  bool operator==(const RingCheckpoint&) const = default;
};

/// Where a rank's checkpoint lies.
std::filesystem::path checkpoint_path(const std::filesystem::path& folder, int rank);

/// Writes it to checkpoint_path, whose folder is made where there is none. Whoever is interrupted, in whatever way,
/// leaves the whole checkpoint before this one or the whole new one. RuntimeFailure where it can't be written.
void save_checkpoint(const std::filesystem::path& folder, const RingCheckpoint& checkpoint);

/// Reads and verifies it. UsageError for a file that is missing, no checkpoint, of another version, or whose content
/// isn't what its checksum says.
RingCheckpoint load_checkpoint(const std::filesystem::path& folder, int rank);

/// UsageError naming the first thing that differs, unless the checkpoint is of such a rank and configuration.
void check_fits(const RingCheckpoint& checkpoint, const RingAttentionConfig& config, int rank, int world_size);

}  // namespace ringattn
