#pragma once

#include "comm/communicator.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace ringattn {

/// The memory of some rows, in order, as the fewest contiguous runs. Empty rows leave nothing.
std::vector<std::span<std::byte>> runs_of(std::span<const Block> blocks);

/// The sequence of row sizes, however it is cut into blocks: "rows x bytes" for each stretch of equal rows. Two ends
/// have the same_rows where they have the same shape.
std::string shape_of(std::span<const Block> blocks);

/// Bytes of its own, not initialised.
struct ByteBuffer {
  ByteBuffer() = default;
  explicit ByteBuffer(std::size_t count) : data(new std::byte[count]), size(count) {}
  std::span<std::byte> span() const { return {data.get(), size}; }

  std::unique_ptr<std::byte[]> data{};
  std::size_t size = 0;
};

/// Copies runs one after another into `to`, which has just as many bytes.
void join_runs(std::span<const std::span<std::byte>> runs, std::span<std::byte> to);

/// Where pieces that arrive one after another lie: in the rows themselves where a piece falls into one run, else in a
/// buffer, from which `settle` copies it.
class PieceTargets {
 public:
  /// RuntimeFailure where the pieces have more or fewer bytes than the runs.
  PieceTargets(const std::vector<std::span<std::byte>>& runs, std::span<const std::size_t> piece_bytes);

  const std::vector<std::span<std::byte>>& pieces() const { return pieces_; }
  void settle();

 private:
  struct Detour {
    ByteBuffer buffer{};
    std::vector<std::span<std::byte>> runs{};
  };
  std::vector<std::span<std::byte>> pieces_;
  std::vector<Detour> detours_;
};

}  // namespace ringattn
