#include "cli/gate_case.h"

#include "compare/records.h"
#include "measure/pass_price.h"

#include <algorithm>

namespace ringattn {
namespace {

RankFacts rank_facts(const RankRecord& found, const PassPrice& price) {
  return {.own_bytes = found.peak_bytes - price.peak_bytes + price.plan_bytes,
          .sent_bytes = found.sent_bytes,
          .received_bytes = found.received_bytes,
          .messages = found.messages,
          .flops = price.flops,
          .kernel_tiles = price.kernel_tiles};
}

}  // namespace

CaseRecord examine_for_gate(const Case& axes, const GateSubject& subject, Workbench& bench,
                            const std::function<void(const std::string&)>& progress) {
  RingAttention& ring = subject.ring;
  const RingAttentionConfig& config = subject.config;
  const Candidate candidate{
      .id = subject.id,
      .function_name = function_name(config),
      .attention = ring,
      .backend = {std::string(to_string(config.backend)), ring.backend().name(), ""},
      .layout = {std::string(to_string(config.layout)), std::string(to_string(ring.layout().kind)), ""},
      .runs = subject.runs};
  std::vector<Positions> shards;
  for (int rank = 0; rank < static_cast<int>(axes.ranks); ++rank) shards.push_back(ring.layout().positions(rank));
  return examine(axes, candidate, nullptr, bench.world(axes.ranks), bench.inputs(axes),
                 bench.references(axes, ring.function(), shards),
                 {.with_time = false, .pass = subject.pass, .progress = progress})
      .record;
}

CaseFacts facts_of(const CaseRecord& record, RingAttention& ring, Workbench& bench) {
  const Case& axes = record.axes;
  const PriceShape shape = price_shape(bench.inputs(axes), scalar_type(axes.dtype));
  const Pass pass = record.candidate.metered == "forward_backward" ? Pass::both : Pass::forward;
  CaseFacts facts{.id = record.id, .ranks = std::vector<RankFacts>(record.candidate.ranks.size())};
  bench.world(axes.ranks).world().run([&](Communicator& c) {
    const auto rank = static_cast<std::size_t>(c.rank());
    facts.ranks[rank] = rank_facts(record.candidate.ranks[rank], price_pass(ring, c.rank(), shape, pass));
  });
  return facts;
}

GrowthPoint growth_point(const CaseRecord& record, const CaseFacts& facts) {
  GrowthPoint point{record.axes, 0};
  for (const RankFacts& rank : facts.ranks) point.own_bytes = std::max(point.own_bytes, rank.own_bytes);
  return point;
}

std::vector<std::int64_t> peak_bytes_of(const CaseRecord& record) {
  std::vector<std::int64_t> bytes;
  for (const RankRecord& rank : record.candidate.ranks) bytes.push_back(rank.peak_bytes);
  return bytes;
}

}  // namespace ringattn
