#include "ring/factory.h"

#include "config/did_you_mean.h"
#include "config/error.h"
#include "config/preset.h"

#include <fmt/format.h>

#include <algorithm>

namespace ringattn {

std::string resolve_implementation(const std::string& name) {
  if (name == "standard" || name == "auto") return "standard";
  const std::vector<std::string>& known = implementation_names();
  if (std::find(known.begin(), known.end(), name) != known.end())
    throw Unavailable(fmt::format("implementation: \"{}\" is not part of this version; \"standard\" is", name));
  throw UsageError(fmt::format("implementation: \"{}\" is unknown{}", name, did_you_mean(name, known)));
}

std::unique_ptr<StandardRingAttention> create_ring_attention(const std::string& implementation,
                                                             const RingAttentionConfig& config,
                                                             Communicator& communicator) {
  resolve_implementation(implementation);
  return std::make_unique<StandardRingAttention>(config, communicator);
}

RingAttentionConfig get_preset_config(const std::string& name) { return load_preset(name, Env::read()).config; }

}  // namespace ringattn
