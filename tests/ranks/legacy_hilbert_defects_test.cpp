#include "attention/oracle.h"
#include "compare/recording.h"
#include "compare/replay.h"
#include "config/error.h"
#include "config/positions.h"
#include "legacy/catalogue.h"
#include "legacy/projection.h"
#include "legacy/released_support.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

// "The oracle with these defects reproduces the old numbers", for the recorded tensors of the Hilbert classes and the
// released new variants: the entry's intended function on the recording's inputs in fp64, between the recorded
// projections where the class had them, with the defects that the catalogue names.

namespace ringattn {
namespace {

const std::string golden = std::string(RINGATTN_SOURCE_DIR) + "/tests/golden/";

const legacy::CatalogueEntry& entry_of(const Recording& recording) {
  for (const legacy::CatalogueEntry& entry : legacy::catalogue()) {
    if (entry.name == recording.alias) return entry;
  }
  throw UsageError("no entry " + recording.alias);
}

bool names(const Defects& defects, std::string_view name) {
  for (const Defect& defect : defects) {
    if (defect.name == name) return true;
  }
  return false;
}

/// Why the catalogue owes no defects for a recording; empty: it does.
std::string excused(const Recording& recording, const legacy::CatalogueEntry& entry, const Defects& defects) {
  if (!entry.intended) return "no intended function";
  if (!entry.race.empty() && recording.world_size >= entry.race_from) return "race";
  const auto* behaviour = legacy::shipped_behaviour(entry, recording.world_size, recording.is_causal);
  const bool raises = behaviour != nullptr && !behaviour->raises.empty();
  if (raises && recording.world_size > 1) return "raises unless patched";
  if (recording.call.contains("attention_mask")) return "attention_mask";
  const Json& given = recording.constructor;
  const bool along_curve = given.value("use_hilbert", true) && given.value("use_custom_backward", true);
  const bool wants_curve = names(defects, "snake_causal") || names(defects, "reflected_keys");
  if (wants_curve && !along_curve) return "another constructor";
  if (wants_curve && given.contains("hilbert_chunk_size")) return "another constructor";
  return given.value("memory_efficient", true) ? "" : "another constructor";
}

legacy::ReleasedInputs in_fp64(const Recording& recording) {
  TensorsByName tensors;
  for (const auto& [name, tensor] : recording.inputs)
    tensors[name] = at::isFloatingType(tensor.scalar_type()) ? tensor.to(at::kDouble) : tensor;
  return legacy::ReleasedInputs(std::move(tensors));
}

legacy::FullInputs attended(const legacy::ReleasedInputs& inputs, const Recording& recording) {
  if (!inputs.contains("x")) return {inputs.tensor("query"), inputs.tensor("key"), inputs.tensor("value")};
  const Json& given = recording.constructor;
  const std::int64_t heads =
      given.contains("num_heads") ? given.at("num_heads").get<std::int64_t>() : given.at("heads").get<std::int64_t>();
  return legacy::project_fused(inputs, inputs.tensor("x"), heads);
}

/// The ranks' rows put together, each rank's own where it returned all.
at::Tensor assembled(const Recording& recording, std::int64_t n) {
  std::vector<at::Tensor> parts;
  for (int rank = 0; rank < recording.world_size; ++rank) {
    const at::Tensor& out = recording.outputs[static_cast<std::size_t>(rank)];
    const auto rows = expand(contiguous_positions(n, rank, recording.world_size));
    parts.push_back(out.size(1) == n ? out.index_select(1, at::tensor(rows, at::kLong)) : out);
  }
  return at::cat(parts, 1);
}

/// What an argument of the constructor changed.
void adapt(AttentionFunction& function, const Recording& recording) {
  const Json& given = recording.constructor;
  if (recording.alias == "hilbert_optimized_fixed" && !given.contains("config"))
    function.softmax_scale = 1.0 / std::sqrt(given.value("dim", 64.0));
  if (!given.value("use_hilbert", true)) function.axes.order = OrderRule::position;
}

/// Empty: reproduced; else what differs.
std::string difference(const Recording& recording, const legacy::CatalogueEntry& entry, const Defects& defects) {
  const legacy::ReleasedInputs inputs = in_fp64(recording);
  const legacy::FullInputs rows = attended(inputs, recording);
  const std::int64_t n = rows.query.size(1);
  AttentionFunction function =
      legacy::intended_function(entry, legacy::pairs_from(recording.segment_lengths, recording.dilation_rates),
                                {.seq_len = n, .heads = rows.query.size(2), .is_causal = recording.is_causal});
  adapt(function, recording);
  at::Tensor out = evaluate_oracle(function, rows.query, rows.key, rows.value, {.defects = defects}).out;
  if (inputs.contains("x")) out = legacy::project_out(inputs, out);
  return tensor_difference(assembled(recording, n).to(at::kDouble), out, recording.alias);
}

/// As `compare` looks for them: the catalogue's list, then any defect alone.
std::string best_difference(const Recording& recording, const legacy::CatalogueEntry& entry, const Defects& known) {
  const std::string words = difference(recording, entry, known);
  if (words.empty()) return words;
  for (const Defect& defect : single_defects(recording.world_size)) {
    if (difference(recording, entry, {defect}).empty()) return "";
  }
  return words;
}

}  // namespace

TEST_CASE("the oracle with the catalogued defects reproduces every recording of a Hilbert class or new variant") {
  at::set_num_threads(1);
  std::map<std::string, int> count;
  for (const Recording& recording : read_recordings(golden + "hilbert")) {
    if (recording.result != RecordedResult::tensor) continue;
    const legacy::CatalogueEntry& entry = entry_of(recording);
    const auto pairs = legacy::pairs_from(recording.segment_lengths, recording.dilation_rates);
    const Defects known = legacy::known_defects(entry, recording.world_size, recording.is_causal, pairs);
    if (const std::string why = excused(recording, entry, known); !why.empty()) {
      ++count[why];
      continue;
    }
    CAPTURE(recording.id);
    CAPTURE(to_string(known));
    try {
      const std::string words = best_difference(recording, entry, known);
      CHECK(words == "");
      ++count[words.empty() ? "reproduced" : "differs"];
    } catch (const UsageError& error) {  // a walk that visits rows twice makes no function
      CHECK(std::string(error.what()).find("no permutation") != std::string::npos);
      ++count["no permutation"];
    }
  }
  CHECK(count["reproduced"] == 203);
  CHECK(count["no permutation"] == 4);
}

}  // namespace ringattn
