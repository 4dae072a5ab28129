#include "attention/oracle.h"
#include "compare/recording.h"
#include "compare/replay.h"
#include "config/positions.h"
#include "legacy/catalogue.h"
#include "legacy/projection.h"
#include "legacy/released_support.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

// "The oracle with these defects reproduces the old numbers", for every recorded tensor: the entry's intended function
// on the recording's inputs in fp64, between the recorded projections where the class had them, with the defects that
// the catalogue names.

namespace ringattn {
namespace {

const std::string golden = std::string(RINGATTN_SOURCE_DIR) + "/tests/golden/";

/// The entry of exactly that name, if it is to be held against its function.
const legacy::CatalogueEntry* entry_of(const Recording& recording) {
  for (const legacy::CatalogueEntry& entry : legacy::catalogue()) {
    if (entry.name != recording.alias || !entry.intended) continue;
    const bool is_racy = !entry.race.empty() && recording.world_size >= entry.race_from;
    return is_racy ? nullptr : &entry;
  }
  return nullptr;
}

legacy::ReleasedInputs in_fp64(const Recording& recording) {
  TensorsByName tensors;
  for (const auto& [name, tensor] : recording.inputs)
    tensors[name] = at::isFloatingType(tensor.scalar_type()) ? tensor.to(at::kDouble) : tensor;
  return legacy::ReleasedInputs(std::move(tensors));
}

std::int64_t heads_of(const Recording& recording) {
  if (recording.inputs.count("query") > 0 && recording.inputs.at("query").dim() == 4)
    return recording.inputs.at("query").size(2);
  for (const char* name : {"num_heads", "heads"}) {
    if (recording.constructor.contains(name)) return recording.constructor.at(name).get<std::int64_t>();
  }
  return 1;
}

struct Attended {
  legacy::FullInputs rows;
  bool is_projected = false;
};

Attended project(const legacy::ReleasedInputs& inputs, const Recording& recording) {
  if (inputs.contains("x")) return {legacy::project_fused(inputs, inputs.tensor("x"), heads_of(recording)), true};
  if (inputs.tensor("query").dim() == 3) return {legacy::project_separate(inputs, heads_of(recording)), true};
  return {{inputs.tensor("query"), inputs.tensor("key"), inputs.tensor("value")}, false};
}

/// Each rank's own rows, put together; `seq_len` of the whole.
at::Tensor assembled(const Recording& recording, std::int64_t seq_len) {
  std::vector<at::Tensor> parts;
  for (int rank = 0; rank < recording.world_size; ++rank) {
    const at::Tensor& out = recording.outputs[static_cast<std::size_t>(rank)];
    if (!out.defined()) return {};
    if (recording.world_size == 1 || out.size(1) != seq_len) {
      parts.push_back(out);
      continue;
    }
    const auto rows = expand(contiguous_positions(seq_len, rank, recording.world_size));
    parts.push_back(out.index_select(1, at::tensor(rows, at::kLong)));
  }
  return at::cat(parts, 1);
}

/// What an argument of the constructor changed.
void adapt(AttentionFunction& function, const Recording& recording) {
  const Json& given = recording.constructor;
  if (given.contains("attention_scale") && given.at("attention_scale").is_number())
    function.softmax_scale = given.at("attention_scale").get<double>();
  if (given.contains("dim") && recording.alias == "hybrid_fixed_w")
    function.softmax_scale = 1.0 / std::sqrt(given.at("dim").get<double>());
  if (!given.value("use_hilbert", true)) function.axes.order = OrderRule::position;
}

/// Between the core and the projection one class normalised its rows.
at::Tensor project_back(const Recording& recording, const legacy::ReleasedInputs& inputs, const at::Tensor& out) {
  const bool is_normalised = recording.alias != "ring_mha_b" && recording.constructor.value("layer_norm", true);
  if (!is_normalised || !inputs.contains("q_ln.weight")) return legacy::project_out(inputs, out);
  const at::Tensor normalised = legacy::layer_norm(inputs, "q_ln", legacy::join_heads(out));
  return legacy::linear(inputs, "out_proj", normalised);
}

/// A copy of the class without the file of the one that it delegates to.
bool is_without_core(const Recording& recording) { return recording.id.ends_with("/noimproved"); }

/// What an argument changed that `--as-shipped` never gives: a ring_size in one process, where chunks are gone through
/// one after the other, and options that are not the class's own.
Defects defects_of(const Recording& recording, const legacy::CatalogueEntry& entry, const std::vector<Pair>& pairs) {
  const auto at = [&](int ranks) { return legacy::known_defects(entry, ranks, recording.is_causal, pairs); };
  const auto ring = static_cast<int>(recording.ring_size.value_or(recording.world_size));
  const bool is_simulated = recording.world_size == 1 && ring > 1;
  const auto first = [](Defect defect, Defects others) {
    others.insert(others.begin(), std::move(defect));
    return others;
  };
  const Json& given = recording.constructor;
  const std::string& name = recording.alias;
  if (name == "ring_correct") return {{"chunk_sum", recording.call.value("ring_size", 4)}};
  if (is_simulated && (name == "ex_true_ring" || name == "ex_simulated")) return {{"chunk_sum", ring}};
  if (is_simulated && name == "fixed")
    return {{"pattern_ignored"}, {"first_chunk_repeated", ring}, {"unnormalised_merge", ring}};
  if (is_without_core(recording))
    return {{"offset_wraps"}, {"cyclic_queries"}, {CyclicMultiset::name},
            {"slot_order"},   {"tail_undilated"}, {"last_groups_larger"},
            {"not_divided"},  {"slot_causal"},    {"first_segment_causal"}};
  if (is_simulated && (name == "v2_collective" || name == "v2_flash" || name == "hybrid_a")) return at(ring);
  if (name == "v2_robust" && given.value("min_seq_length_for_ring", 8192) > 0) return at(1);
  if (is_simulated && name == "production") {
    Defects defects = at(1);
    for (Defect& defect : defects) defect.ranks = ring;
    return first({"chunks_apart", ring}, defects);
  }
  if (is_simulated && name != "fixed_1" && name != "v2_robust" && name != "v2_a")
    return first({"chunks_apart", ring}, at(1));
  if (!given.value("batch_segments", true))
    return {{"not_divided"}, {"first_segment_causal"}, {"last_slot_dropped"}, {"heads_swapped"}};
  if (!given.value("use_sdpa", true)) return {{"class_of_position"}, {"counted_by_later_queries"}};
  return at(recording.world_size);
}

/// Empty: reproduced; else what differs.
std::string difference(const Recording& recording, const legacy::CatalogueEntry& entry) {
  const legacy::ReleasedInputs inputs = in_fp64(recording);
  const Attended attended = project(inputs, recording);
  const std::int64_t n = attended.rows.query.size(1);
  const at::Tensor want = assembled(recording, n);
  if (!want.defined()) return "not every rank returned";
  const auto pairs = recording.segment_lengths.empty()
                         ? std::vector<Pair>{{n, 1}}
                         : legacy::pairs_from(recording.segment_lengths, recording.dilation_rates);
  AttentionFunction function = legacy::intended_function(
      entry, pairs, {.seq_len = n, .heads = attended.rows.query.size(2), .is_causal = recording.is_causal});
  adapt(function, recording);
  OracleOptions options;
  options.defects = defects_of(recording, entry, pairs);
  at::Tensor out = evaluate_oracle(function, attended.rows.query, attended.rows.key, attended.rows.value, options).out;
  if (attended.is_projected) out = project_back(recording, inputs, out);
  if (out.sizes() != want.sizes()) return "shape";
  return tensor_difference(want.to(at::kDouble), out, recording.alias);
}

}  // namespace

TEST_CASE("the oracle with the catalogued defects reproduces every recording of a ring or hybrid class") {
  at::set_num_threads(1);
  int reproduced = 0;
  for (const Recording& recording : read_recordings(golden + "legacy")) {
    const legacy::CatalogueEntry* entry = recording.result == RecordedResult::tensor ? entry_of(recording) : nullptr;
    if (entry == nullptr) continue;
    CAPTURE(recording.id);
    const std::string words = difference(recording, *entry);
    CHECK(words == "");
    if (words.empty()) ++reproduced;
  }
  MESSAGE("reproduced ", reproduced, " recordings");
  CHECK(reproduced >= 1002);
}

TEST_CASE("no defect alone explains a result that is 1 % off") {
  at::set_num_threads(1);
  const auto wave = [](double frequency) {
    return at::arange(96 * 12, at::kDouble).mul(frequency).sin().view({1, 96, 4, 3});
  };
  const at::Tensor query = wave(0.7), key = wave(1.3), value = wave(2.1);
  const std::vector<Pair> pairs{{16, 1}, {32, 2}};
  for (const char* name : {"base", "v2", "fixed", "triton_integrated", "v3"}) {
    for (const bool causal : {false, true}) {
      const AttentionFunction function =
          legacy::intended_function(legacy::find_legacy(name), pairs, {.seq_len = 96, .heads = 4, .is_causal = causal});
      const at::Tensor off = evaluate_oracle(function, query, key, value).out * 1.01;
      for (const int ranks : {1, 4}) {
        for (const Defect& defect : single_defects(ranks)) {
          CAPTURE(name);
          CAPTURE(std::string(defect.name));
          CAPTURE(ranks);
          OracleOptions options;
          options.defects = {defect};
          options.defects.front().given = pairs;
          const at::Tensor out = evaluate_oracle(function, query, key, value, options).out;
          CHECK_FALSE(at::allclose(out, off, 1e-4, 1e-5, true));
        }
      }
    }
  }
}

}  // namespace ringattn
