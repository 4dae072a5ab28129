#include "cli/old_side.h"

#include "config/error.h"

#include <fmt/format.h>

namespace ringattn {

OldSideOptions old_side_options(const RingAttentionConfig& config, bool as_shipped) {
  return {.segment_lengths = config.segment_lengths,
          .dilation_rates = config.dilation_rates,
          .as_shipped = as_shipped,
          .dropout = config.dropout,
          .softmax_scale = config.softmax_scale};
}

bool is_old_family(const std::string& name) { return name == "all" || name.find_first_of("*?[") != std::string::npos; }

std::unique_ptr<OldSide> find_old_side(const std::string& name, const OldSideOptions& options) {
  if (name.ends_with(".safetensors"))
    throw Unavailable(fmt::format(
        "--old {}: a recording is judged by `ringattn compare` alone; name an old implementation (see `ringattn list "
        "--deprecated`)",
        name));
  return find_catalogue_side(name, options);
}

}  // namespace ringattn
