#include "tests/mutants/trial.h"

#include "compare/bisection.h"
#include "compare/gradient_bisection.h"
#include "compare/judgement.h"
#include "measure/assemble.h"
#include "measure/scalar_type.h"
#include "tests/mutants/comparers.h"
#include "tests/mutants/distance.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace ringattn::mutants {
namespace {

constexpr std::chrono::seconds kTimeout{20};

/// "logic out", "precision dk": the tensors of a verdict that failed.
std::vector<std::string> failed_tensors(const NumericVerdict& verdict) {
  std::vector<std::string> names;
  for (const TensorVerdict& tensor : verdict.tensors) {
    if (!tensor.passed) names.push_back(fmt::format("{} {}", to_string(verdict.tier), tensor.tensor));
  }
  if (names.empty() && !verdict.passed) names.push_back(fmt::format("{} shape", to_string(verdict.tier)));
  return names;
}

double nearness(const NumericVerdict& verdict) {
  double worst = 0.0;
  for (const TensorVerdict& tensor : verdict.tensors)
    worst = std::max(worst, tensor.worst_block.ratio / tensor.worst_block.allowed);
  return worst;
}

bool same_costs(const std::vector<RankCost>& a, const std::vector<RankCost>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const RankCost& x, const RankCost& y) {
    return x.peak_bytes == y.peak_bytes && x.kept_bytes == y.kept_bytes && x.sent_bytes == y.sent_bytes &&
           x.received_bytes == y.received_bytes && x.messages == y.messages;
  });
}

bool says(const std::string& words, const char* part) { return words.find(part) != std::string::npos; }

}  // namespace

std::vector<Combination> combinations() {
  std::vector<Combination> list;
  for (const Dtype dtype : {Dtype::fp32, Dtype::bf16}) {
    for (const bool is_causal : {false, true}) {
      for (const std::int64_t ranks : {2, 4, 8}) list.push_back({dtype, is_causal, ranks});
    }
  }
  return list;
}

std::string to_string(const Combination& c) {
  return fmt::format("{}/{}/k{}", to_string(c.dtype), c.is_causal ? "causal" : "full", c.ranks);
}

std::string_view to_string(Fate fate) {
  switch (fate) {
    case Fate::caught:
      return "caught";
    case Fate::equivalent:
      return "equivalent";
    case Fate::absent:
      return "absent";
    case Fate::missed:
      return "missed";
  }
  return "missed";
}

/// One configuration on so many ranks.
struct Laboratory::Ring {
  Case axes;
  RingAttention attention;
  RankWorld& world;
  std::map<Pass, std::vector<RankCost>> right_costs{};  ///< of the ring itself
  std::optional<Bisection> bisection{};
  std::optional<GradientBisection> gradient_bisection{};
};

Laboratory::Laboratory(const Setting& setting, std::uint64_t seed)
    : setting_(setting),
      seed_(seed),
      inputs_(inputs_of(setting, seed)),
      references_(std::make_unique<ReferenceBook>(*inputs_, std::vector<std::int64_t>{})) {}
Laboratory::~Laboratory() = default;

Laboratory::Ring& Laboratory::ring_of(const Combination& c) {
  std::unique_ptr<RankWorld>& world = worlds_[c.ranks];
  if (!world) {
    WorldOptions options;
    options.timeout = kTimeout;
    world = std::make_unique<RankWorld>(static_cast<int>(c.ranks), std::move(options));
  }
  std::unique_ptr<Ring>& ring = rings_[to_string(c)];
  if (ring) return *ring;
  const Case axes = case_of(setting_, c.dtype, c.is_causal, c.ranks);
  ring.reset(new Ring{
      axes, {config_of(setting_), problem_of(setting_, axes, *inputs_, seed_), static_cast<int>(c.ranks)}, *world});
  return *ring;
}

Finding Laboratory::run(const Mutant& mutant, const Combination& combination) {
  Finding finding{.mutant = mutant.name, .combination = combination};
  if (combination.ranks <= mutant.hops_min) {
    finding.fate = Fate::absent;
    finding.words = "there are too few hops";
    return finding;
  }
  Ring& ring = ring_of(combination);
  judge(mutant, ring, finding);
  if (finding.fate == Fate::absent) return finding;
  if (finding.tiers.empty() || finding.tiers.front() != "raises") compare_otherwise(mutant, ring, finding);
  const bool is_numeric = std::any_of(finding.tiers.begin(), finding.tiers.end(),
                                      [](const std::string& tier) { return tier.starts_with("logic"); });
  if (is_numeric && combination.dtype == Dtype::fp32) bisect(mutant, ring, finding);
  return finding;
}

Finding Laboratory::run_right(const Mutant& mutant, const Combination& combination) {
  Finding finding{.mutant = mutant.name, .combination = combination};
  Ring& ring = ring_of(combination);
  judge(mutant, ring, finding);
  compare_otherwise(mutant, ring, finding);
  return finding;
}

void Laboratory::judge(const Mutant& mutant, Ring& ring, Finding& finding) {
  MutatedRing mutated(ring.attention, mutant, *inputs_);
  const Candidate candidate{.id = mutant.name,
                            .function_name = setting_.name,
                            .attention = ring.attention,
                            .backend = {},
                            .layout = {},
                            .runs = &mutated};
  const Pass pass = mutant.is_backward ? Pass::both : Pass::forward;
  try {
    const CaseRecord record =
        examine(ring.axes, candidate, nullptr, ring.world, *inputs_, *references_, {.with_time = false, .pass = pass})
            .record;
    const bool acted = mutated.take_acts() > 0;
    finding.tiers = failed_tensors(*record.candidate_against_oracle);
    finding.ratio = nearness(*record.candidate_against_oracle);
    if (says(record.words, " sends ") || says(record.words, " receives ")) finding.tiers.emplace_back("traffic");
    if (says(record.words, " peaks at ") || says(record.words, " keeps ")) finding.tiers.emplace_back("memory");
    finding.words = finding.tiers.empty() ? "" : record.words;
    if (!record.candidate_against_oracle->passed) finding.words = record.candidate_against_oracle->reason;
    finding.fate = *record.outcome != Outcome::match ? Fate::caught : acted ? Fate::equivalent : Fate::absent;
  } catch (const std::exception& error) {
    finding.fate = Fate::caught;
    finding.tiers = {"raises"};
    finding.words = error.what();
  }
}

/// Its result by itself: how far it is off by the bare tolerance, and what others' rules say of it.
void Laboratory::compare_otherwise(const Mutant& mutant, Ring& ring, Finding& finding) {
  MutatedRing mutated(ring.attention, mutant, *inputs_);
  const at::ScalarType dtype = scalar_type(finding.combination.dtype);
  const Pass pass = mutant.is_backward ? Pass::both : Pass::forward;
  const MeteredRun run = meter(ring.world.world(), mutated, *inputs_, dtype, pass);
  const Reference& expected = references_->of(ring.attention.function(), dtype);
  const Partial result = assemble(mutated, run.results);
  double moved = distance(result.out, expected.oracle.out, expected.library.out);
  moved = std::max(moved, lse_distance(result.lse, expected.oracle.lse, dtype == at::kFloat ? 1e-5 : 1e-3));
  std::vector<Compared> compared{
      {result.out, expected.oracle.out, expected.plain.out.defined() ? expected.plain.out : expected.library.out}};
  if (mutant.is_backward) {
    const GradientReference& derivatives = references_->gradients_of(ring.attention.function(), dtype);
    const Gradients got = assemble(mutated, run.gradients);
    const Gradients& plain = derivatives.plain.query.defined() ? derivatives.plain : derivatives.library;
    compared = {{got.query, derivatives.oracle.query, plain.query},
                {got.key, derivatives.oracle.key, plain.key},
                {got.value, derivatives.oracle.value, plain.value}};
    moved = std::max({moved, distance(got.query, derivatives.oracle.query, derivatives.library.query),
                      distance(got.key, derivatives.oracle.key, derivatives.library.key),
                      distance(got.value, derivatives.oracle.value, derivatives.library.value)});
  }
  for (const Comparer& comparer : comparers()) {
    finding.caught_by[comparer.name] =
        !std::all_of(compared.begin(), compared.end(), [&](const Compared& c) { return comparer.passes(c); });
  }
  if (finding.fate == Fate::caught) return;
  std::vector<RankCost>& right = ring.right_costs[pass];
  if (right.empty()) right = meter(ring.world.world(), ring.attention, *inputs_, dtype, pass).measurement.ranks;
  const bool costs_more = !same_costs(right, run.measurement.ranks);
  if (moved <= 1.0 && !costs_more) return;
  finding.fate = Fate::missed;
  finding.words = costs_more ? "other bytes or messages than the ring's own"
                             : fmt::format("off by {:.3g} times what is allowed", moved);
}

std::optional<FirstBadStep> Laboratory::first_bad_of_forward(MutatedRing& mutated, Ring& ring) {
  if (!ring.bisection) ring.bisection.emplace(ring.attention, *inputs_, at::kFloat);
  ring.world.world().run([&](Communicator& c) {
    const RankInputs own = rank_inputs(mutated, c.rank(), c.world_size(), *inputs_, at::kFloat);
    const AfterStep watch = ring.bisection->watch(c.rank());
    ring.bisection->finish(c.rank(), mutated.traced_forward(c, own, watch));
  });
  return ring.bisection->first_bad();
}

std::optional<FirstBadStep> Laboratory::first_bad_of_backward(MutatedRing& mutated, Ring& ring) {
  if (!ring.gradient_bisection) ring.gradient_bisection.emplace(ring.attention, *inputs_, at::kFloat);
  ring.world.world().run([&](Communicator& c) {
    const RankInputs own = rank_inputs(mutated, c.rank(), c.world_size(), *inputs_, at::kFloat);
    const at::Tensor grad_out = rank_grad_out(mutated, c.rank(), c.world_size(), *inputs_, at::kFloat, Pass::both);
    GradientWatch& watch = ring.gradient_bisection->watch(c.rank());
    const Partial result = mutated.traced_forward(c, own, {});
    ring.gradient_bisection->finish(c.rank(), mutated.traced_backward(c, own, result, grad_out, &watch));
  });
  return ring.gradient_bisection->first_bad();
}

/// Of forward, where that is wrong; else of backward.
void Laboratory::bisect(const Mutant& mutant, Ring& ring, Finding& finding) {
  MutatedRing mutated(ring.attention, mutant, *inputs_);
  const auto is_of_forward = [](const std::string& tier) { return tier == "logic out" || tier == "logic lse"; };
  const bool is_forward = std::any_of(finding.tiers.begin(), finding.tiers.end(), is_of_forward);
  finding.first_bad =
      is_forward || !mutant.is_backward ? first_bad_of_forward(mutated, ring) : first_bad_of_backward(mutated, ring);
  if (!finding.first_bad) return;
  if (mutant.place.rank == every && mutant.place.hop == every) return;
  const FirstBadStep& bad = *finding.first_bad;
  // What an exchange of derivatives brings is either home, or part of the sums of the next hop.
  const bool is_carried = mutant.channel == Channel::gradients && bad.what == FirstBadStep::What::gradients;
  const bool is_hop = mutant.place.hop == at_end ? bad.hop == FirstBadStep::finish
                                                 : mutant.place.has_hop(is_carried ? bad.hop - 1 : bad.hop);
  finding.is_named = is_hop && mutant.place.has_rank(bad.rank, static_cast<int>(finding.combination.ranks));
}

}  // namespace ringattn::mutants
