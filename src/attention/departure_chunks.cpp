#include "attention/departure_edits.h"
#include "attention/departure_hilbert.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace ringattn::oracle {

void overwrite_keys(std::vector<Block>& blocks, const Surroundings& around) {
  deal_keys(blocks, around);
  for (Block& block : blocks) {
    for (std::size_t step = 1; step < block.steps.size(); ++step) {
      for (KeySlot& key : block.steps[step].keys) key.is_value = true;
    }
  }
}

void see_other_chunks_whole(std::vector<Block>& blocks, const Surroundings& around) {
  if (!around.function.is_causal) return;
  const std::int64_t rows = (around.function.seq_len + around.ranks - 1) / around.ranks;
  for (Block& block : blocks) {
    block.sees = [rows](const QuerySlot& query, const KeySlot& key) {
      return key.position / rows != query.position / rows || key.position <= query.position;
    };
  }
}

at::Tensor merge_undivided_maximum(const StepResults& steps) {
  at::Tensor maximum, out;
  for (const StepResult& step : steps) {
    if (step.has_keys()) maximum = maximum.defined() ? at::maximum(maximum, step.lse()) : step.lse();
  }
  for (const StepResult& step : steps) {
    if (!step.has_keys()) continue;
    const at::Tensor part = at::exp(step.lse() - maximum) * step.out();
    out = out.defined() ? out + part : part;
  }
  return out;
}

void count_fitting_pairs(std::vector<Block>& blocks, const Surroundings& around) {
  const std::int64_t rows = around.function.seq_len / around.ranks;
  const auto fits = [&](const Pair& pair) { return pair.segment_length <= rows; };
  const auto count = std::count_if(around.given.begin(), around.given.end(), fits);
  for (Block& block : blocks) block.scale *= static_cast<double>(count);
}

}  // namespace ringattn::oracle
