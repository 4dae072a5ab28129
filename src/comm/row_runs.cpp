#include "comm/row_runs.h"

#include "config/error.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ringattn {
namespace {

void add_run(std::vector<std::span<std::byte>>& runs, std::byte* data, std::size_t bytes) {
  if (bytes == 0) return;
  if (!runs.empty() && runs.back().data() + runs.back().size() == data)
    runs.back() = {runs.back().data(), runs.back().size() + bytes};
  else
    runs.emplace_back(data, bytes);
}

}  // namespace

std::vector<std::span<std::byte>> runs_of(std::span<const Block> blocks) {
  std::vector<std::span<std::byte>> runs;
  for (const Block& block : blocks) {
    if (block.rows <= 1 || block.row_stride_bytes == block.row_bytes) {
      add_run(runs, block.data, static_cast<std::size_t>(block.bytes()));
      continue;
    }
    for (std::int64_t row = 0; row < block.rows; ++row)
      add_run(runs, block.data + row * block.row_stride_bytes, static_cast<std::size_t>(block.row_bytes));
  }
  return runs;
}

std::string shape_of(std::span<const Block> blocks) {
  std::vector<std::pair<std::int64_t, std::int64_t>> stretches;  // rows, bytes of a row
  for (const Block& block : blocks) {
    if (block.bytes() == 0) continue;
    if (!stretches.empty() && stretches.back().second == block.row_bytes)
      stretches.back().first += block.rows;
    else
      stretches.emplace_back(block.rows, block.row_bytes);
  }
  std::string shape;
  for (const auto& [rows, bytes] : stretches)
    shape += (shape.empty() ? "" : " + ") + std::to_string(rows) + " x " + std::to_string(bytes);
  return shape;
}

void join_runs(std::span<const std::span<std::byte>> runs, std::span<std::byte> to) {
  std::byte* next = to.data();
  for (const std::span<std::byte> run : runs) {
    std::memcpy(next, run.data(), run.size());
    next += run.size();
  }
}

PieceTargets::PieceTargets(const std::vector<std::span<std::byte>>& runs, std::span<const std::size_t> piece_bytes) {
  std::size_t run = 0, used = 0;  // bytes of that run
  for (const std::size_t bytes : piece_bytes) {
    std::vector<std::span<std::byte>> parts;
    for (std::size_t left = bytes; left > 0;) {
      if (run == runs.size()) throw RuntimeFailure("a message has more bytes than its rows");
      const std::size_t part = std::min(left, runs[run].size() - used);
      parts.push_back(runs[run].subspan(used, part));
      left -= part;
      used += part;
      if (used == runs[run].size()) {
        ++run;
        used = 0;
      }
    }
    if (parts.size() == 1) {
      pieces_.push_back(parts.front());
      continue;
    }
    detours_.push_back({ByteBuffer(bytes), std::move(parts)});
    pieces_.push_back(detours_.back().buffer.span());
  }
  if (run != runs.size()) throw RuntimeFailure("a message has fewer bytes than its rows");
}

void PieceTargets::settle() {
  for (const Detour& detour : detours_) {
    const std::byte* next = detour.buffer.data.get();
    for (const std::span<std::byte> run : detour.runs) {
      std::memcpy(run.data(), next, run.size());
      next += run.size();
    }
  }
  detours_.clear();
}

}  // namespace ringattn
