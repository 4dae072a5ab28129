#include "legacy/identify_candidates.h"

#include "config/error.h"
#include "legacy/gradients.h"
#include "legacy/identify_variants.h"
#include "legacy/projection.h"
#include "legacy/released_replay.h"
#include "legacy/released_support.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ringattn::legacy {
namespace {

/// Long enough for the slowest step between two hops of a recording of this length.
std::chrono::milliseconds wait_for(std::int64_t n) { return std::chrono::milliseconds(n <= 1024 ? 2000 : 60'000); }

std::vector<bool> possible_causality(const OldCall& call) {
  if (call.is_causal) return {*call.is_causal};
  return {false, true};
}

std::vector<bool> possible_masks(const UserRecording& recording) {
  if (!recording.mask.defined()) return {false};
  return {false, true};
}

std::string mask_words(const UserRecording& recording, bool with_mask) {
  if (!recording.mask.defined()) return "";
  return with_mask ? "with the mask" : "without the mask";
}

/// Heads that x may have been cut into.
std::vector<std::int64_t> heads_of(const UserRecording& recording, const OldCall& call) {
  for (const char* name : {"num_heads", "heads"}) {
    const auto given = call.constructor.find(name);
    if (given != call.constructor.end() && given->is_number_integer()) return {given->get<std::int64_t>()};
  }
  std::vector<std::int64_t> divisors;
  const std::int64_t width = recording.rows().size(-1);
  for (std::int64_t heads = 1; heads <= std::min<std::int64_t>(width, 64); ++heads)
    if (width % heads == 0) divisors.push_back(heads);
  return divisors;
}

/// As the constructor was told; none: the class's own.
std::optional<double> softmax_scale_of(const OldCall& call) {
  for (const char* name : {"softmax_scale", "attention_scale"})
    if (const auto given = optional_number(call.constructor, name)) return given;
  return std::nullopt;
}

TensorsByName without_bias(const TensorsByName& tensors) {
  TensorsByName kept;
  for (const auto& [name, tensor] : tensors)
    if (!name.ends_with(".bias")) kept.emplace(name, tensor);
  return kept;
}

bool has_biases(const TensorsByName& tensors) {
  return std::any_of(tensors.begin(), tensors.end(), [](const auto& named) { return named.first.ends_with(".bias"); });
}

/// After the class's projections; null where their weights are not there or do not fit.
std::shared_ptr<const CoreInputs> projected(const UserRecording& recording, std::int64_t heads, bool with_bias,
                                            bool with_mask) {
  const ReleasedInputs inputs(with_bias ? recording.inputs : without_bias(recording.inputs));
  const char* first = recording.takes_x() ? "qkv_proj.weight" : "q_proj.weight";
  if (!inputs.contains(first) || !inputs.contains("out_proj.weight")) return nullptr;
  const auto core = std::make_shared<CoreInputs>();
  try {
    const FullInputs parts =
        recording.takes_x() ? project_fused(inputs, inputs.tensor("x"), heads) : project_separate(inputs, heads);
    *core = {parts.query.contiguous(), parts.key.contiguous(), parts.value.contiguous()};
  } catch (const std::exception&) {
    return nullptr;
  }
  if (with_mask) {
    const auto read = read_mask(recording.mask, recording.batch(), recording.seq_len(), heads);
    if (!read) return nullptr;
    core->mask = read->mask;
    core->mask_shape = read->shape;
  }
  core->finish = [inputs](const at::Tensor& out) { return project_out(inputs, out); };
  return core;
}

HypothesisResult result_of(const std::vector<RankReplay>& ranks) {
  HypothesisResult result;
  for (const RankReplay& rank : ranks) {
    if (rank.kind != RankReplay::Kind::tensor && result.refused.empty())
      result.refused = rank.text.empty() ? "it gave nothing" : rank.text;
    result.outs.push_back(rank.out);
  }
  return result;
}

/// Added up over the ranks, each of which was given copies of all rows.
HypothesisGradients gradients_of(const CatalogueEntry& entry, const Recording& called,
                                 const std::vector<RankReplay>& ranks) {
  const ShippedGradient fate = gradient_of_value(entry, {.ranks = called.world_size,
                                                         .is_causal = called.is_causal,
                                                         .seq_len = called.inputs.at("query").size(1),
                                                         .batch = called.inputs.at("query").size(0),
                                                         .pairs = pairs_of(released_arguments(called))});
  HypothesisGradients result{.is_exact = fate.fate == GradientFate::exact, .words = std::string(fate.what)};
  const auto sum = [&](const char* name) {
    at::Tensor all = at::zeros_like(called.inputs.at(name));
    for (const RankReplay& rank : ranks) all.add_(rank.gradients.at(name));
    return all;
  };
  for (const RankReplay& rank : ranks) {
    if (rank.kind != RankReplay::Kind::tensor && result.refused.empty())
      result.refused = rank.text.empty() ? "it gave none" : rank.text;
  }
  if (result.refused.empty()) result.gradients = {sum("query"), sum("key"), sum("value")};
  if (result.is_exact) result.words = "the derivatives of what it returned";
  return result;
}

/// Classes that are built row by row here: seconds where the others take milliseconds.
bool is_slow(const CatalogueEntry& entry, const Recording& called) {
  return (entry.name == "triton_integrated" || entry.name == "simple_triton") && called.inputs.at("query").size(1) > 64;
}

Hypothesis shipped_candidate(const CatalogueEntry& entry, const CallVariant& variant, const std::string& mask,
                             const std::shared_ptr<Replayer>& replayer) {
  const Recording& called = variant.called;
  Hypothesis candidate{.kind = HypothesisKind::as_shipped,
                       .name = std::string(entry.name),
                       .ranks = called.world_size,
                       .is_causal = called.is_causal,
                       .mask = mask,
                       .options = variant.words,
                       .segment_lengths = called.segment_lengths,
                       .dilation_rates = called.dilation_rates,
                       .cost = variant.words.empty() ? 1 : 2};
  candidate.overflows = entry.name == "hilbert_triton_v2";
  if (is_slow(entry, called)) candidate.cost = cost_of_last_resort;
  if (const ShippedBehaviour* behaviour = shipped_behaviour(entry, called.world_size, called.is_causal)) {
    for (const std::string_view defect : behaviour->defects) candidate.defects.emplace_back(defect);
    candidate.note = behaviour->raises.empty() ? std::string(behaviour->what) : "";
  }
  candidate.run = [called, replayer] { return std::vector<HypothesisResult>{result_of(replayer->run(called))}; };
  if (entry.takes == Takes::qkv)
    candidate.run_gradients = [&entry, called, replayer](const at::Tensor& grad_out) {
      return gradients_of(entry, called, replayer->run_gradients(called, grad_out));
    };
  return candidate;
}

Hypothesis raced_candidate(const CatalogueEntry& entry, const CallVariant& variant, const std::string& mask,
                           const std::shared_ptr<Replayer>& replayer) {
  Hypothesis candidate = shipped_candidate(entry, variant, mask, replayer);
  candidate.options = "a race decided which rows each rank saw";
  candidate.note = std::string(entry.race);
  candidate.cost = 3;
  candidate.run = [called = variant.called, replayer, sequences = races(entry, variant.called.world_size)] {
    std::vector<HypothesisResult> results;
    for (const auto& sequence : sequences) {
      Recording raced = called;
      raced.chunk_sequence = sequence;
      results.push_back(result_of(replayer->run(raced)));
      if (!results.back().refused.empty()) break;  // the arguments are to blame, not the race
    }
    return results;
  };
  return candidate;
}

/// Whether it is one of the new API's classes as released: they alone read a mask, and take a `config`.
bool is_of_new_api(const CatalogueEntry& entry) { return entry.name.ends_with("_shipped"); }

}  // namespace

std::vector<int> possible_ranks(const UserRecording& recording, const OldCall& call) {
  if (call.ranks) return {*call.ranks};
  std::vector<int> ranks;
  for (const int k : {1, 2, 3, 4, 8}) {
    if (k < recording.ranks_seen() || k > recording.seq_len()) continue;
    const bool is_local =
        !recording.rank_outs.empty() && recording.rank_outs.begin()->second.size(1) < recording.seq_len();
    if (is_local && recording.rank_outs.begin()->second.size(1) * k > recording.seq_len() + k) continue;
    ranks.push_back(k);
  }
  if (ranks.empty()) ranks.push_back(std::max(1, recording.ranks_seen()));
  return ranks;
}

bool takes_these(const CatalogueEntry& entry, const UserRecording& recording) {
  if (recording.takes_x() || entry.takes == Takes::x) return recording.takes_x() && entry.takes == Takes::x;
  if (recording.heads() == 0) return entry.takes == Takes::projected_qkv;
  return entry.takes == Takes::qkv || recording.inputs.size() > 3;
}

Recording called_as(const CatalogueEntry& entry, const UserRecording& recording, const OldCall& call, int ranks,
                    bool is_causal) {
  Recording called;
  called.alias = std::string(entry.name);
  called.commit = std::string(entry.commit);
  called.file = std::string(entry.file);
  called.world_size = ranks;
  called.is_causal = is_causal;
  called.ring_size = call.ring_size;
  called.segment_lengths = call.segment_lengths.value_or(std::vector<std::int64_t>{});
  called.dilation_rates = call.dilation_rates.value_or(std::vector<std::int64_t>{});
  called.constructor = call.constructor;
  called.call = call.call;
  // What made released classes run without a GPU, and without the race or the refused buffer of a ring.
  called.patched = call.patched.empty() ? "separate buffers; HAS_FLASH_UTILS=False" : call.patched;
  called.chunk_sequence = call.chunk_sequence;
  called.is_presplit = call.is_presplit;
  called.inputs = recording.inputs;
  for (int rank = 0; rank < ranks; ++rank) {
    const auto own = recording.drawn.find(rank), all = recording.drawn.find(-1);
    called.drawn.push_back(own != recording.drawn.end()   ? own->second
                           : all != recording.drawn.end() ? all->second
                                                          : TensorsByName());
  }
  return called;
}

CandidateMaker::CandidateMaker(const UserRecording& recording, OldCall call)
    : recording_(recording),
      call_(std::move(call)),
      book_(std::make_shared<FunctionBook>()),
      replayer_(std::make_shared<Replayer>(released_subject, wait_for(recording.seq_len()))),
      plain_(cores(false)),
      masked_(recording.mask.defined() ? cores(true) : std::vector<std::shared_ptr<const CoreInputs>>()) {}

std::vector<std::shared_ptr<const CoreInputs>> CandidateMaker::cores(bool with_mask) const {
  std::vector<std::shared_ptr<const CoreInputs>> list;
  if (recording_.heads() > 0) {
    list.push_back(core_inputs(recording_, with_mask));
  } else {
    for (const std::int64_t heads : heads_of(recording_, call_)) {
      list.push_back(projected(recording_, heads, true, with_mask));
      if (has_biases(recording_.inputs)) list.push_back(projected(recording_, heads, false, with_mask));
    }
  }
  list.erase(std::remove(list.begin(), list.end(), nullptr), list.end());
  return list;
}

void CandidateMaker::add_functions(std::vector<Hypothesis>& all, const OldCall& call, bool is_causal,
                                   bool with_mask) const {
  const std::string words = mask_words(recording_, with_mask);
  std::vector<Pair> pairs;
  if (call.has_lists() && !call.segment_lengths->empty() &&
      call.segment_lengths->size() == call.dilation_rates->size()) {
    for (std::size_t i = 0; i < call.segment_lengths->size(); ++i)
      pairs.push_back({(*call.segment_lengths)[i], (*call.dilation_rates)[i]});
  }
  for (const auto& core : with_mask ? masked_ : plain_) {
    const Problem problem{
        .seq_len = core->query.size(1), .heads = core->query.size(2), .is_causal = is_causal, .mask = core->mask_shape};
    for (const CatalogueEntry& entry : catalogue()) {
      const bool has_function = entry.intended && takes_these(entry, recording_);
      if (!has_function || (pairs.empty() && *entry.intended != PatternAxes{})) continue;
      Hypothesis candidate{.kind = HypothesisKind::intended,
                           .name = std::string(entry.name),
                           .function = ringattn::describe({name_of(*entry.intended), *entry.intended}),
                           .is_causal = is_causal,
                           .mask = words,
                           .segment_lengths = call.segment_lengths.value_or(std::vector<std::int64_t>{}),
                           .dilation_rates = call.dilation_rates.value_or(std::vector<std::int64_t>{}),
                           .why = std::string(entry.condition)};
      try {
        const std::optional<double> scale = softmax_scale_of(call);
        const AttentionFunction function = intended_function(entry, pairs, problem, 0.0, scale);
        candidate.config = preserving_config(entry, pairs);
        if (candidate.config) candidate.config->softmax_scale = scale;
        compute_by_oracle(candidate, function, core, book_);
      } catch (const UsageError&) {
        continue;  // lists with which the function means nothing
      }
      all.push_back(std::move(candidate));
    }
    for (Hypothesis& pattern : pattern_candidates(call, is_causal, words, core, book_))
      all.push_back(std::move(pattern));
  }
}

std::vector<Hypothesis> CandidateMaker::functions(const OldCall& call) const {
  std::vector<Hypothesis> all;
  for (const bool is_causal : possible_causality(call))
    for (const bool with_mask : possible_masks(recording_)) add_functions(all, call, is_causal, with_mask);
  return all;
}

std::vector<Hypothesis> CandidateMaker::shipped(const OldCall& call, Effort effort, int ranks) const {
  std::vector<Hypothesis> all;
  const auto add = [&](const CatalogueEntry& entry, bool is_causal, bool with_mask) {
    Recording called = called_as(entry, recording_, call, ranks, is_causal);
    const std::string mask = mask_words(recording_, with_mask);
    if (with_mask) called.inputs["attention_mask"] = recording_.mask;
    const bool is_raced = effort == Effort::races || effort == Effort::raced_options;
    if (is_raced && (!call.chunk_sequence.empty() || races(entry, ranks).empty())) return;
    if (effort == Effort::raced_options && !is_of_new_api(entry)) return;
    const bool with_options = effort == Effort::options || effort == Effort::raced_options;
    for (CallVariant& variant :
         with_options ? option_variants(entry, called, recording_) : given_variants(entry, called, recording_)) {
      if (call.ring_size && !call_.ring_size)  // found with the lists
        variant.words += (variant.words.empty() ? "" : ", ") + ring_words(*call.ring_size);
      if (effort == Effort::raced_options && !variant.called.constructor.contains("config")) continue;
      all.push_back(is_raced ? raced_candidate(entry, variant, mask, replayer_)
                             : shipped_candidate(entry, variant, mask, replayer_));
    }
  };
  for (const CatalogueEntry& entry : catalogue()) {
    if (!takes_these(entry, recording_)) continue;
    for (const bool is_causal : possible_causality(call))
      for (const bool with_mask : possible_masks(recording_))
        if (!with_mask || is_of_new_api(entry)) add(entry, is_causal, with_mask);
  }
  return all;
}

}  // namespace ringattn::legacy
