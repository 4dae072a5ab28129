#include "measure/rehearsed_rows.h"

#include "config/error.h"
#include "measure/memory_meter.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace ringattn {
namespace {

Positions positions_of(const std::vector<Rows>& rows) {
  Positions positions;
  for (const Rows& run : rows)
    for (std::int64_t s = 0; s < run.segments; ++s) {
      const Rows segment = run.segment(s);
      positions.push_back({segment.first, segment.count, segment.step});
    }
  return positions;
}

std::int64_t bytes_of(const std::vector<KeyValue>& regions) {
  std::int64_t bytes = 0;
  for (const KeyValue& region : regions)
    for (const at::Tensor* tensor : {&region.key, &region.value, &region.mask})
      if (tensor->defined()) bytes += static_cast<std::int64_t>(tensor->nbytes());
  return bytes;
}

bool same_sizes(const Step& a, const Step& b) {
  return std::equal(a.regions.begin(), a.regions.end(), b.regions.begin(), b.regions.end(),
                    [](const Region& x, const Region& y) { return x.rows == y.rows && x.heads == y.heads; });
}

/// Whether the block holds what the tensor holds. On a device nothing is read: the block must be the tensor itself.
bool is_same_memory(const at::Tensor& tensor, const Block& block) {
  if (!tensor.is_cpu()) return tensor.data_ptr() == block.data;
  return std::memcmp(tensor.data_ptr(), block.data, tensor.nbytes()) == 0;
}

constexpr InputTensor kTensors[] = {InputTensor::query, InputTensor::key, InputTensor::value};
constexpr std::size_t kMask = 3;

}  // namespace

PlannedRows::PlannedRows(const Plan& plan, const InputSource& inputs, at::ScalarType dtype)
    : plan_(plan), inputs_(inputs), dtype_(dtype) {}

bool PlannedRows::hold(std::int64_t bytes_max) {
  std::int64_t bytes = 0;
  for (std::size_t i = 1; i < plan_.steps.size(); ++i) {
    if (held_.contains(i)) continue;
    Regions made = make(plan_.steps[i]);
    bytes += bytes_of(made);
    if (bytes > bytes_max) return false;
    held_.emplace(i, std::move(made));
  }
  return true;
}

std::vector<Block> PlannedRows::message(int hop, int peer, std::span<const Block> /*own*/) {
  const MemoryMeter not_of_the_rank{c10::Device(inputs_.device_type())};
  const std::size_t index = step_of(hop);
  const Regions& rows = regions(index);
  std::vector<Block> blocks;
  for (const Transfer& transfer : plan_.steps[index].receives) {
    if (transfer.peer != peer) continue;
    for (const TransferPart& part : transfer.parts)
      add_blocks(blocks, rows[static_cast<std::size_t>(part.source.region)], part);
  }
  return blocks;
}

std::size_t PlannedRows::step_of(int hop) const {
  const auto found =
      std::find_if(plan_.steps.begin(), plan_.steps.end(), [&](const Step& step) { return step.hop == hop; });
  if (found == plan_.steps.end())
    throw RuntimeFailure(fmt::format("rank {}: hop {} is not in its plan", plan_.rank, hop));
  return static_cast<std::size_t>(found - plan_.steps.begin());
}

PlannedRows::Regions PlannedRows::make(const Step& step) const {
  Regions regions;
  for (const Region& region : step.regions) {
    const Positions positions = positions_of(region.positions);
    KeyValue rows;
    if (region.rows > 0) {
      const auto heads_of = [&](InputTensor which) {
        return inputs_.rows(which, positions, dtype_).narrow(2, region.heads.begin, region.heads.size()).contiguous();
      };
      rows = {heads_of(InputTensor::key), heads_of(InputTensor::value), {}, region.heads.begin};
      if (plan_.pattern.function.mask.kind == MaskKind::keys) rows.mask = inputs_.mask(positions);
    }
    regions.push_back(std::move(rows));
  }
  return regions;
}

const PlannedRows::Regions& PlannedRows::regions(std::size_t step) {
  const auto held = held_.find(step);
  if (held != held_.end()) return held->second;
  if (stand_ins_) {
    if (const Regions* twin = twin_of(plan_.steps[step])) return *twin;
  }
  if (made_step_ != step) made_ = make(plan_.steps[step]), made_step_ = step;
  return made_;
}

const PlannedRows::Regions* PlannedRows::twin_of(const Step& step) const {
  for (const auto& [index, regions] : held_) {
    if (same_sizes(plan_.steps[index], step)) return &regions;
  }
  return nullptr;
}

GatheredRows::GatheredRows(const Attention& attention, int rank, int world_size, const InputSource& inputs,
                           at::ScalarType dtype, const RankInputs& own)
    : attention_(attention), rank_(rank), world_size_(world_size), inputs_(inputs), dtype_(dtype) {
  for (const at::Tensor* tensor : {&own.query, &own.key, &own.value}) own_.push_back(tensor->contiguous());
  if (attention.function().mask.kind == MaskKind::keys) own_.push_back(own.mask.contiguous());
}

at::Tensor GatheredRows::tensor_of(int peer, std::size_t which) const {
  const Positions positions =
      which == 0 ? attention_.query_positions(peer, world_size_) : attention_.key_positions(peer, world_size_);
  return which == kMask ? inputs_.mask(positions) : inputs_.rows(kTensors[which], positions, dtype_);
}

std::vector<Block> GatheredRows::message(int hop, int peer, std::span<const Block> own) {
  const MemoryMeter not_of_the_rank{c10::Device(inputs_.device_type())};
  const bool is_whole = hop == all_gather_hop && own.size() == 1 && own.front().bytes() > 0 &&
                        (own.front().rows == 1 || own.front().row_stride_bytes == own.front().row_bytes);
  for (std::size_t i = 0; is_whole && i < own_.size(); ++i) {
    const Block& block = own.front();
    const auto bytes = static_cast<std::size_t>(block.bytes());
    if (own_[i].nbytes() != bytes || !is_same_memory(own_[i], block)) continue;
    at::Tensor& made = made_[{peer, i}];
    if (!made.defined()) made = tensor_of(peer, i);
    if (made.numel() == 0) return {};
    const auto made_bytes = static_cast<std::int64_t>(made.nbytes());
    return {{static_cast<std::byte*>(made.data_ptr()), made_bytes / block.row_bytes, block.row_bytes, block.row_bytes}};
  }
  throw Unavailable(
      fmt::format("--rehearse: rank {} exchanges something other than an all_gather of its own query, key, value or "
                  "mask rows, which "
                  "no model of its peers can make; measure it instead",
                  rank_));
}

}  // namespace ringattn
