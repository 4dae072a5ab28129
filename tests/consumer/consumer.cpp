#include "comm/world.h"
#include "config/workload.h"
#include "ring/factory.h"
#include "ring/memory_estimate.h"

#include <ATen/ATen.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <vector>

// A training step of a program that links the installed package: what a user's first one looks like. Exit code 0 if
// every number is right.

namespace {

/// Two ranks, causal, forward and backward. Where every value row holds its own head's number, so does every output
/// row, whatever the weights are; and then the output does not depend on query and key.
std::int64_t right_rows(const std::string& implementation, const ringattn::RingAttentionConfig& config) {
  const at::Tensor rows = at::arange(1 * 64 * 4 * 8, at::kFloat).reshape({1, 64, 4, 8}).sin();
  const at::Tensor value = at::arange(4, at::kFloat).view({1, 1, 4, 1}).expand({1, 64, 4, 8}).contiguous();
  std::atomic<std::int64_t> right{0};
  ringattn::spawn_ranks(2, [&](ringattn::Communicator& communicator) {
    const auto attention = ringattn::create_ring_attention(implementation, config, communicator);
    const at::Tensor query = rows.clone().requires_grad_();
    const at::Tensor out = attention->forward(query, rows, value, {}, /*is_causal=*/true);
    out.sum().backward();
    const at::Tensor expected = value.slice(1, 0, out.size(1));
    const bool is_flat = query.grad().abs().max().item<float>() < 1e-4F;
    if (at::allclose(out, expected) && is_flat && attention->forwards() == 1) right += out.size(1);
  });
  return right.load();
}

}  // namespace

int main() {
  const ringattn::RingAttentionConfig dense =
      ringattn::create_ring_config({64}, {1}, {{"pattern", "dense"}, {"checkpoint_frequency", "0"}});
  for (const std::string& advice : ringattn::validate_ring_configuration(dense, 64, 2))
    std::printf("advice: %s\n", advice.c_str());
  std::vector<std::string> implementations = ringattn::get_available_implementations();
  implementations.emplace_back("auto");
  for (const std::string& implementation : implementations) {
    const std::int64_t right = right_rows(implementation, dense);
    std::printf("ringattn::core, %s: %lld of 64 rows right\n", implementation.c_str(), static_cast<long long>(right));
    if (right != 64) return 1;
  }
  // Presets come along with the package, and their price is known before anything is allocated.
  const ringattn::RingAttentionConfig preset = ringattn::get_preset_config("large_scale");
  const ringattn::MemoryEstimate estimate = ringattn::estimate_memory_usage(
      preset, {.seq_len = 32768, .heads = 8, .is_causal = true}, {.dtype = ringattn::Dtype::bf16}, 8);
  std::printf("large_scale, 32768 tokens on 8 ranks: %lld bytes a rank, %.0f %% of all_gather's\n",
              static_cast<long long>(estimate.input_bytes + estimate.forward_bytes), 100.0 * estimate.ratio());
  return preset.segment_lengths.size() == 4 && estimate.ratio() < 1.0 ? 0 : 1;
}
