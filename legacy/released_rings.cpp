#include "legacy/released_rings.h"

#include "legacy/raises.h"
#include "legacy/released_support.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>

namespace ringattn::legacy {

std::vector<Pair> recorded_pairs(const ReleasedArguments& arguments) {
  const auto& lengths = arguments.segment_lengths;
  const auto& rates = arguments.dilation_rates;
  if (lengths.empty() || lengths.size() != rates.size()) {
    throw LegacyRaises("ValueError", "segment_lengths and dilation_rates must have the same length: " +
                                         std::to_string(lengths.size()) + " != " + std::to_string(rates.size()));
  }
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    if (lengths[i] >= 1 && rates[i] >= 1) continue;
    throw LegacyRaises("ValueError", "pair " + std::to_string(i) + " must be positive, got " +
                                         std::to_string(lengths[i]) + " and " + std::to_string(rates[i]));
  }
  return pairs_of(arguments);
}

void require_divisible(const FullInputs& inputs, const std::vector<Pair>& pairs) {
  std::int64_t longest = 0;
  for (const Pair& pair : pairs) longest = std::max(longest, pair.segment_length);
  const std::int64_t n = inputs.seq_len();
  if (n % longest != 0) {
    throw LegacyRaises("ValueError", "Sequence length (" + std::to_string(n) +
                                         ") must be divisible by the largest segment length (" +
                                         std::to_string(longest) + "). Consider padding sequence to " +
                                         std::to_string((n / longest + 1) * longest));
  }
  const auto groups = static_cast<std::int64_t>(pairs.size());
  if (inputs.heads() >= groups) return;
  throw LegacyRaises("ValueError", "num_heads (" + std::to_string(inputs.heads()) + ") must be >= num_groups (" +
                                       std::to_string(groups) + ")");
}

at::Tensor chunk_visible(bool is_causal, std::int64_t rows, std::int64_t columns, std::int64_t first,
                         at::Device device) {
  return is_causal ? triangle(rows, columns, -first, device) : at::Tensor();
}

}  // namespace ringattn::legacy
