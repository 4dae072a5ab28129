#include "compare/function_candidates.h"

#include "attention/oracle.h"
#include "config/error.h"
#include "measure/rank_world.h"
#include "ring/factory.h"

#include <ATen/ATen.h>

#include <mutex>

namespace ringattn {
namespace {

at::Tensor finished(const CoreInputs& core, const at::Tensor& out) {
  return core.finish ? core.finish(out.to(at::kFloat)) : out;
}

HypothesisResult evaluate(const AttentionFunction& function, const CoreInputs& core) {
  try {
    const OracleResult result = evaluate_oracle(function, core.query, core.key, core.value, {.mask = core.mask});
    return {.outs = {finished(core, result.out)}, .is_whole = true, .lse = result.lse};
  } catch (const UsageError& error) {
    return {.refused = error.what()};
  } catch (const Unavailable& error) {
    return {.refused = error.what()};
  }
}

std::vector<RingAttentionConfig> configurations(const OldCall& call) {
  std::vector<RingAttentionConfig> configs(1);
  configs.front().pattern.name = PatternName::dense;
  if (!call.has_lists()) return configs;
  for (const PatternName name : {PatternName::dilated, PatternName::dilated_keys, PatternName::strided_keys,
                                 PatternName::residue, PatternName::longnet}) {
    RingAttentionConfig config;
    config.pattern.name = name;
    config.segment_lengths = *call.segment_lengths;
    config.dilation_rates = *call.dilation_rates;
    configs.push_back(std::move(config));
  }
  return configs;
}

Problem problem_of(const CoreInputs& core, bool is_causal) {
  return {.seq_len = core.query.size(1), .heads = core.query.size(2), .is_causal = is_causal, .mask = core.mask_shape};
}

}  // namespace

std::optional<ReadMask> read_mask(const at::Tensor& mask, std::int64_t batch, std::int64_t n, std::int64_t heads) {
  const bool is_additive = at::isFloatingType(mask.scalar_type());
  const at::Tensor typed = is_additive ? mask : mask.to(at::kBool);
  const bool is_square = mask.dim() >= 2 && mask.size(-1) == n && mask.size(-2) == n;
  if (mask.dim() == 4 && is_square && (mask.size(0) == batch || mask.size(0) == 1) &&
      (mask.size(1) == heads || mask.size(1) == 1))
    return ReadMask{typed, {MaskKind::scores, mask.size(1) > 1, is_additive}};
  if (mask.dim() == 2 && is_square && batch != n)
    return ReadMask{typed.unsqueeze(0).unsqueeze(0), {MaskKind::scores, false, is_additive}};
  if (mask.dim() == 2 && mask.size(1) == n && (mask.size(0) == batch || mask.size(0) == 1))
    return ReadMask{typed, {MaskKind::keys, false, is_additive}};
  return std::nullopt;
}

std::shared_ptr<const CoreInputs> core_inputs(const UserRecording& recording, bool with_mask) {
  const auto core = std::make_shared<CoreInputs>();
  core->query = recording.inputs.at("query");
  core->key = recording.inputs.at("key");
  core->value = recording.inputs.at("value");
  if (!with_mask) return core;
  const auto read = read_mask(recording.mask, recording.batch(), recording.seq_len(), core->query.size(2));
  if (!read) return nullptr;
  core->mask = read->mask;
  core->mask_shape = read->shape;
  return core;
}

HypothesisResult FunctionBook::of(const AttentionFunction& function, const std::shared_ptr<const CoreInputs>& core) {
  for (const Entry& entry : entries_)
    if (entry.core == core && entry.function == function) return entry.result;
  entries_.push_back({function, core, evaluate(function, *core)});
  return entries_.back().result;
}

at::Tensor FunctionBook::rows_of(const AttentionFunction& function, const CoreInputs& core,
                                 const std::vector<std::int64_t>& rows) {
  OracleOptions options{.query_rows = rows, .mask = core.mask};
  if (core.mask_shape.kind == MaskKind::scores) options.mask = core.mask.index_select(2, at::tensor(rows, at::kLong));
  return finished(core, evaluate_oracle(function, core.query, core.key, core.value, options).out);
}

void compute_by_oracle(Hypothesis& candidate, const AttentionFunction& function,
                       const std::shared_ptr<const CoreInputs>& core, const std::shared_ptr<FunctionBook>& book) {
  candidate.core = core;
  candidate.computes = function;
  candidate.run = [function, core, book] { return std::vector<HypothesisResult>{book->of(function, core)}; };
  candidate.run_rows = [function, core](const std::vector<std::int64_t>& rows) {
    return FunctionBook::rows_of(function, *core, rows);
  };
}

std::vector<Hypothesis> pattern_candidates(const OldCall& call, bool is_causal, const std::string& mask_words,
                                           const std::shared_ptr<const CoreInputs>& core,
                                           const std::shared_ptr<FunctionBook>& book) {
  std::vector<Hypothesis> candidates;
  for (const RingAttentionConfig& config : configurations(call)) {
    Hypothesis candidate{.kind = HypothesisKind::pattern,
                         .name = std::string(to_string(config.pattern.name)),
                         .function = std::string(to_string(config.pattern.name)),
                         .is_causal = is_causal,
                         .mask = mask_words,
                         .segment_lengths = config.segment_lengths,
                         .dilation_rates = config.dilation_rates,
                         .config = config};
    try {
      validate(config);
      compute_by_oracle(candidate, resolve_function(config, problem_of(*core, is_causal)), core, book);
    } catch (const UsageError&) {
      continue;  // lists that the new API refuses for this pattern
    }
    candidates.push_back(std::move(candidate));
  }
  return candidates;
}

HypothesisResult run_configuration(const RingAttentionConfig& config, const CoreInputs& core, bool is_causal,
                                   int ranks) {
  HypothesisResult result{.outs = {at::zeros_like(core.query)}, .is_whole = true};
  std::mutex gathering;
  RankWorld world(ranks);
  world.world().run([&](Communicator& communicator) {
    const auto attention = create_ring_attention("standard", config, communicator);
    const std::int64_t n = core.query.size(1), heads = core.query.size(2);
    const Positions own = attention->positions(n, heads, is_causal);
    const auto mask = core.mask.defined() ? std::optional(core.mask) : std::nullopt;
    const at::Tensor out = attention->forward(core.query, core.key, core.value, mask, is_causal);
    const std::scoped_lock lock(gathering);
    result.outs.front().index_copy_(1, at::tensor(expand(own), at::kLong), out);
  });
  result.outs.front() = finished(core, result.outs.front());
  return result;
}

}  // namespace ringattn
