#include "cli/compare_case.h"

#include "compare/projection_orders.h"

#include <memory>
#include <optional>
#include <vector>

namespace ringattn {

Examination examine_setup(const Case& axes, const CompareSetup& setup, Workbench& bench,
                          const ExamineOptions& examining) {
  const auto ranks = static_cast<int>(axes.ranks);
  const RingAttentionConfig& config = setup.config;
  const Problem problem = bench.problem(axes);
  RingAttention attention(config, problem, ranks);
  const Candidate candidate{
      .id = setup.candidate,
      .function_name = function_name(config),
      .attention = attention,
      .backend = {std::string(to_string(config.backend)), backend_on(attention, bench, axes), ""},
      .layout = {std::string(to_string(config.layout)), std::string(to_string(attention.layout().kind)), ""}};
  const OldSide* old = setup.old.get();
  const ProjectedInputs* projected = bench.projected(axes);
  const NamedTensors layers = projected != nullptr ? named_layers(projected->layers()) : NamedTensors{};
  const std::unique_ptr<Attention> old_attention = old != nullptr ? old->make(problem, ranks, layers) : nullptr;
  std::optional<UnprojectedInputs> x;
  if (projected != nullptr && old != nullptr && old->is_module()) x.emplace(*projected);
  std::optional<Legacy> legacy;
  if (old != nullptr)
    legacy.emplace(Legacy{old->id(), old->function_name(), *old_attention,
                          old->defects(ranks, axes.is_causal, problem.mask.kind != MaskKind::none),
                          old->undefined_as_shipped(ranks), x ? &*x : nullptr});
  std::vector<Positions> shards;
  for (int rank = 0; rank < ranks; ++rank) shards.push_back(attention.layout().positions(rank));
  const InputSource& inputs = bench.inputs(axes);
  RankWorld& world = bench.world(axes.ranks);
  ReferenceBook& references = bench.references(axes, attention.function(), shards);
  Examination examination = examine(axes, candidate, legacy ? &*legacy : nullptr, world, inputs, references, examining);
  if (setup.with_projection && projected != nullptr)
    add_projection_orders(examination.record,
                          examine_projection_orders(axes, attention, world, *projected, references, examining));
  return examination;
}

}  // namespace ringattn
