#pragma once

#include "config/json.h"
#include "config/resolve.h"
#include "config/workload.h"
#include "report/report.h"
#include "report/text.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// `compare --config`: the arguments that an old class was constructed with, settled for that class.
struct OldConfig {
  std::string source;                          ///< the file's name, or "--config"
  std::vector<OldParameterRecord> parameters;  ///< the table of what became of them
  Overrides overrides;                         ///< what they say of the configuration and the workload, alone
  std::optional<std::int64_t> heads, head_dim, embed_dim, ring_size;
  Json constructor = Json::object();  ///< for the released class
  std::vector<std::string> missing;   ///< required arguments that are not among them
};

/// `spec`: a JSON file, or a text that begins with "{". UsageError: no such file or JSON; a name that no class had; a
/// value that is refused, with what would be right.
OldConfig load_old_config(const std::string& old_name, const std::string& spec, bool as_shipped);

/// UsageError where heads, head or embedding dimension of the arguments are not those of the workload, or (intended) the
/// ring size is not the number of ranks; names both.
void check_sizes(const OldConfig& old, const Workload& workload, bool as_shipped);

/// Says in the table which values the command line or the environment replaced; one warning each.
std::vector<std::string> note_what_won(OldConfig& old, const std::vector<Provenance>& provenance);

/// The table, for people; "" for an empty one.
std::string old_parameter_table(const ResolvedRecord& resolved, const TextStyle& style);

}  // namespace ringattn
