#pragma once

#include "config/json.h"
#include "config/ring_attention_config.h"
#include "legacy/catalogue.h"
#include "legacy/parameters.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// The arguments of an old constructor as a JSON object: read without knowing whose they were, then settled for one
// class.

namespace ringattn::legacy {

/// What such an object says. Each value is as it was given; what was not given is empty.
struct OldParameters {
  std::vector<std::int64_t> segment_lengths{};  ///< "segment_lengths", or "segment_size" as a list of one
  std::vector<std::int64_t> dilation_rates{};   ///< "dilation_rates", or "dilation_rate" as a list of one
  std::optional<double> dropout{};              ///< "dropout", or "attention_dropout"
  std::optional<double> softmax_scale{};        ///< "softmax_scale", or "attention_scale"
  std::optional<bool> is_causal{};              ///< "causal", or "is_causal"
  std::optional<std::int64_t> ring_size{};
  std::optional<std::int64_t> heads{};      ///< "num_heads", or "heads"
  std::optional<std::int64_t> head_dim{};   ///< "dim", or "head_dim"
  std::optional<std::int64_t> embed_dim{};  ///< "embed_dim", or "hidden_dim"
  /// Every argument under its old name but the two lists, ring_size and is_causal: what ReleasedArguments::constructor
  /// wants.
  Json constructor = Json::object();
  Json given = Json::object();  ///< the whole object
};

/// `source` (a file name, "--config") begins each message. UsageError: no object; a name that no class had, with the
/// nearest ones; a value of the wrong type or range; two names of one thing that disagree; lists of unequal length.
OldParameters read_old_parameters(const Json& parameters, const std::string& source);

/// The same of a file, or of a text that begins with "{". UsageError also for what is no JSON, or no such file.
OldParameters load_old_parameters(const std::string& file_or_text, const std::string& flag);

/// What becomes of each of them in a comparison of one class.
struct SettledParameters {
  std::vector<MappedParameter> parameters;  ///< by map_parameters; what the comparison does besides is said in `words`
  std::vector<FieldValue> fields;           ///< of the new configuration, defaults of the class included
  std::vector<std::string> missing;         ///< what the class's constructor could not do without
  Json constructor = Json::object();        ///< for the released class, as shipped
};

/// As map_parameters of the class says, but here sizes are checked against the workload, causality is an axis of it, and
/// as shipped the released class gets what the new configuration has no field for, other values than its own included.
/// Never throws for what the arguments say: look for `refused`.
SettledParameters settle_old_parameters(const CatalogueEntry& entry, const OldParameters& old, bool as_shipped);

}  // namespace ringattn::legacy
