#include "cli/old_config.h"

#include "config/error.h"
#include "config/names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace ringattn {
namespace {

bool is_all(const std::vector<std::int64_t>& values, std::int64_t wanted) {
  return std::all_of(values.begin(), values.end(), [wanted](std::int64_t value) { return value == wanted; });
}

[[noreturn]] void refuse(const OldConfig& old, const char* parameter, std::int64_t value, const std::string& has,
                         const std::string& right) {
  throw UsageError(fmt::format("{}: {}: {}, but the workload has {}; give {}, or leave it out of {}", old.source,
                               parameter, value, has, right, old.source));
}

/// heads · head_dim of every case; nothing where they differ.
std::optional<std::int64_t> embed_of(const Workload& workload) {
  if (workload.heads.size() != 1 || workload.head_dim.size() != 1) return std::nullopt;
  return workload.heads.front() * workload.head_dim.front();
}

void check_embedding(const OldConfig& old, const Workload& workload) {
  const std::optional<std::int64_t> embed = embed_of(workload);
  const std::string has =
      fmt::format("heads {} of head_dim {}", fmt::join(workload.heads, ", "), fmt::join(workload.head_dim, ", "));
  if (old.embed_dim && embed != *old.embed_dim) {
    const std::int64_t heads = old.heads.value_or(workload.heads.front());
    const std::string right = *old.embed_dim % heads == 0
                                  ? fmt::format("-a heads={} -a head_dim={}", heads, *old.embed_dim / heads)
                                  : fmt::format("-a heads and -a head_dim whose product is {}", *old.embed_dim);
    refuse(old, "embed_dim", *old.embed_dim, has, right);
  }
  // Some classes called the embedding so, others the dimension of a head.
  if (old.head_dim && embed != *old.head_dim && !is_all(workload.head_dim, *old.head_dim))
    refuse(old, "dim", *old.head_dim, has, fmt::format("-a head_dim={}", *old.head_dim));
}

}  // namespace

void check_sizes(const OldConfig& old, const Workload& workload, bool as_shipped) {
  if (old.heads && !is_all(workload.heads, *old.heads))
    refuse(old, "num_heads", *old.heads, fmt::format("heads {}", fmt::join(workload.heads, ", ")),
           fmt::format("-a heads={}", *old.heads));
  check_embedding(old, workload);
  if (old.ring_size && !as_shipped && !is_all(workload.ranks, *old.ring_size))
    refuse(old, "ring_size", *old.ring_size, fmt::format("ranks {}", fmt::join(workload.ranks, ", ")),
           fmt::format("-a ranks={}", *old.ring_size));
}

std::vector<std::string> note_what_won(OldConfig& old, const std::vector<Provenance>& provenance) {
  std::vector<std::string> warnings;
  for (OldParameterRecord& parameter : old.parameters) {
    if (parameter.field.empty()) continue;
    for (const Provenance& value : provenance) {
      const bool is_its =
          value.field == "/config/" + parameter.field || value.field == "/workload/" + parameter.field;
      if (!is_its || (value.source != Source::command_line && value.source != Source::environment)) continue;
      parameter.words += fmt::format("{}{} wins", parameter.words.empty() ? "" : "; ", value.origin);
      warnings.push_back(fmt::format("{}: {}: {} is replaced by {}", old.source, parameter.parameter, parameter.value,
                                     value.origin));
    }
  }
  return warnings;
}

std::string old_parameter_table(const ResolvedRecord& resolved, const TextStyle& style) {
  if (resolved.old_parameters.empty()) return "";
  const std::vector<Column> columns{{"argument", false}, {"value", false}, {"fate", false}, {"new field", false}, {"why", false}};
  std::vector<std::vector<Cell>> cells;
  for (const OldParameterRecord& row : resolved.old_parameters)
    cells.push_back({{row.parameter}, {row.value}, {row.fate}, {row.field.empty() ? "–" : row.field}, {row.words}});
  return fmt::format("\nOld arguments ({}):\n\n{}", resolved.old_config, render_table(columns, cells, style));
}

}  // namespace ringattn
