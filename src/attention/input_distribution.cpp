#include "attention/input_distribution.h"

#include "config/did_you_mean.h"
#include "config/error.h"

#include <algorithm>

namespace ringattn {
const std::vector<std::string>& input_distributions() {
  static const std::vector<std::string> names{"normal",    "large_logits", "constant_rows",
                                              "near_ties", "denormals",    "one_huge_key"};
  return names;
}

std::string_view to_string(InputDistribution distribution) {
  return input_distributions().at(static_cast<std::size_t>(distribution));
}

InputDistribution parse_input_distribution(std::string_view text, const std::string& field) {
  const std::vector<std::string>& known = input_distributions();
  const auto found = std::find(known.begin(), known.end(), text);
  if (found != known.end()) return static_cast<InputDistribution>(found - known.begin());
  throw UsageError(field + ": unknown distribution \"" + std::string(text) + "\"" + did_you_mean(text, known));
}

}  // namespace ringattn
