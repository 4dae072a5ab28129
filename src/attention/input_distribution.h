#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// What generated numbers look like, z being independent standard normal values. All but `normal` are there to hurt.
enum class InputDistribution {
  normal,         ///< z
  large_logits,   ///< query and key 4 z: logits reach ±80
  constant_rows,  ///< every number of one head of a row is the same z
  near_ties,      ///< a head's keys differ from each other by 2⁻¹⁰ z only: all logits of a row nearly tie
  denormals,      ///< 10⁻³⁹ z: below fp32's and bf16's smallest normal number, 0 in fp16
  one_huge_key,   ///< the key at position ⌊n/2⌋ is 10⁴ z: logits of ±30000, softmax saturates, and where one
                  ///< is near the other logits, it is what remains of far larger products
};
std::string_view to_string(InputDistribution distribution);
const std::vector<std::string>& input_distributions();
/// Throws UsageError with the nearest name.
InputDistribution parse_input_distribution(std::string_view text, const std::string& field);

}  // namespace ringattn
