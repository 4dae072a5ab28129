#include "cli/bench_rehearse.h"

#include "cli/options.h"
#include "cli/rehearsed_gradients.h"
#include "compare/numeric.h"
#include "compare/records.h"
#include "compare/reference.h"
#include "config/environment.h"
#include "config/error.h"
#include "measure/clock.h"
#include "measure/pairing.h"
#include "measure/price.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace ringattn {
namespace {

/// Rows of all rehearsed ranks that are judged: at most 256, at least 16, and between them as many as the oracle can at
/// 4 · batch · heads · dim · n operations each. Up to kJudgeAllUpTo positions all are.
constexpr double kOracleFlopsMax = 6e10;
constexpr double kJudgedRowsMax = 256.0;
constexpr double kJudgedRowsMin = 16.0;
constexpr std::int64_t kJudgeAllUpTo = 2048;
/// The share of the free memory that peers' rows may take beforehand.
constexpr std::int64_t kHeldShare = 4;

/// Rows of one rank to judge: the first and last of each run, and places between them, evenly spread.
void add_rows(std::set<std::int64_t>& rows, const Positions& positions, std::int64_t count_max) {
  for (const PositionRun& run : positions) {
    const std::int64_t share = std::max<std::int64_t>(2, count_max / static_cast<std::int64_t>(positions.size()));
    for (std::int64_t i = 0; i < std::min(share, run.count); ++i) {
      const std::int64_t place = run.count <= share ? i : i * (run.count - 1) / (share - 1);
      rows.insert(run.first + place * run.step);
    }
  }
}

std::vector<std::int64_t> rows_to_judge(const Attention& attention, const RehearsedRanks& ranks, const Case& axes) {
  const std::vector<std::int64_t> list = ranks.ranks();
  const std::int64_t each = std::max<std::int64_t>(4, judged_rows_max(axes) / static_cast<std::int64_t>(list.size()));
  std::set<std::int64_t> rows;
  for (const std::int64_t rank : list) {
    const Positions own = attention.query_positions(static_cast<int>(rank), static_cast<int>(ranks.world_size));
    add_rows(rows, own, axes.seq_len <= kJudgeAllUpTo ? axes.seq_len : each);
  }
  return {rows.begin(), rows.end()};
}

/// The judged rows, collected from the ranks that have them.
class JudgedRows {
 public:
  explicit JudgedRows(std::vector<std::int64_t> rows) : rows_(std::move(rows)) {}

  const std::vector<std::int64_t>& rows() const { return rows_; }
  const Partial& result() const { return result_; }

  void take(const Rehearsal::Metered& run) {
    std::vector<std::int64_t> from, to;
    const std::vector<std::int64_t> positions = expand(run.positions);
    for (std::size_t i = 0; i < positions.size(); ++i) {
      const auto found = std::lower_bound(rows_.begin(), rows_.end(), positions[i]);
      if (found == rows_.end() || *found != positions[i]) continue;
      from.push_back(static_cast<std::int64_t>(i));
      to.push_back(found - rows_.begin());
    }
    put(result_.out, run.result.out, 1, from, to);
    if (run.result.lse.defined()) put(result_.lse, run.result.lse, 2, from, to);
  }

 private:
  void put(at::Tensor& all, const at::Tensor& part, std::int64_t dim, const std::vector<std::int64_t>& from,
           const std::vector<std::int64_t>& to) const {
    if (!all.defined()) {
      std::vector<std::int64_t> sizes = part.sizes().vec();
      sizes[static_cast<std::size_t>(dim)] = static_cast<std::int64_t>(rows_.size());
      all = at::full(sizes, std::nan(""), part.options());
    }
    all.index_copy_(dim, at::tensor(to, at::kLong), part.index_select(dim, at::tensor(from, at::kLong)));
  }

  std::vector<std::int64_t> rows_;
  Partial result_;
};

class RehearsalRun {
 public:
  RehearsalRun(std::vector<Contender> contenders, Workbench& bench, const RehearsalPlan& plan,
               const RehearsalTiming& timing)
      : axes_(contenders.front().axes),
        inputs_(bench.inputs(axes_)),
        cpu_inputs_(bench.cpu_inputs(axes_)),
        dtype_(scalar_type(axes_.dtype)),
        plan_(plan),
        timing_(timing),
        pairs_(timing.pairs) {
    for (Contender& contender : contenders) runs_.push_back({.contender = std::move(contender)});
    gradients_.resize(runs_.size());
    for (RehearsedContender& run : runs_) {
      run.record.id = run.contender.id;
      run.record.function = run.contender.function_name;
      run.record.mark = Mark::rehearsed;
      run.record.rehearsal =
          RehearsalRecord{plan.ranks.ranks(), plan.link.name, plan.link.gb_s, plan.link.us, plan.contention};
      judged_.emplace_back(rows_to_judge(*run.contender.attention, plan.ranks, axes_));
      if (timing.pass == Pass::forward) continue;
      if (run.contender.ring == nullptr)
        throw Unavailable(
            fmt::format("--rehearse: there is no model of what the peers of {} do in backward; leave "
                        "--backward out, or measure it instead",
                        run.contender.id));
      sparse_.push_back(with_grad_out_of(inputs_, judged_.back().rows()));
    }
  }

  std::vector<RehearsedContender> run() {
    for (const std::int64_t rank : plan_.ranks.ranks()) {
      const std::int64_t pairs = rehearse_rank(static_cast<int>(rank));
      if (is_interrupted()) return {};
      pairs_ = std::min(pairs_, pairs);
    }
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      ImplementationRecord& record = runs_[i].record;
      record.time_ns.resize(static_cast<std::size_t>(pairs_));
      record.exposed_ns.resize(static_cast<std::size_t>(pairs_));
      if (!record.time_ns.empty()) record.time_ns_median = interval_record(record.time_ns);
      if (runs_[i].contender.ring != nullptr) judge(runs_[i], judged_[i], gradients_[i]);
    }
    return std::move(runs_);
  }

 private:
  bool is_interrupted() const { return timing_.interrupted && timing_.interrupted(); }

  /// How many whole pairs were timed.
  std::int64_t rehearse_rank(int rank) {
    std::vector<std::unique_ptr<Rehearsal>> rehearsals;
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      if (is_interrupted()) return 0;
      rehearsals.push_back(rehearsal_of(i, rank));
      meter(i, *rehearsals.back());
    }
    // A rank later than the first need not be timed more often than those before it.
    for (std::int64_t pair = pairs_ > 0 ? -1 : 0; pair < pairs_; ++pair) {
      for (const int i : pair_order(static_cast<int>(runs_.size()), pair)) {
        if (is_interrupted() || (timing_.over_budget && timing_.over_budget())) return std::max<std::int64_t>(0, pair);
        tell(fmt::format("rank {} time {}/{}", rank, std::max<std::int64_t>(0, pair + 1), pairs_));
        const auto at = static_cast<std::size_t>(i);
        const Rehearsal::Timed timed = rehearsals[at]->time();
        if (pair >= 0) keep(runs_[at].record, static_cast<std::size_t>(pair), timed);
      }
    }
    return pairs_;
  }

  std::unique_ptr<Rehearsal> rehearsal_of(std::size_t index, int rank) const {
    const Contender& contender = runs_[index].contender;
    const InputSource& inputs = sparse_.empty() ? inputs_ : *sparse_[index];
    const RehearsalModel model{plan_.link, plan_.contention, timing_.timeout};
    const auto world_size = static_cast<int>(plan_.ranks.world_size);
    if (contender.ring != nullptr)
      return std::make_unique<Rehearsal>(*contender.ring, rank, world_size, inputs, dtype_, model, timing_.pass);
    return std::make_unique<Rehearsal>(*contender.attention, rank, world_size, inputs_, dtype_, model);
  }

  void meter(std::size_t index, Rehearsal& rehearsal) {
    RehearsedContender& run = runs_[index];
    tell(fmt::format("{} rank {} of {}", run.contender.id, rehearsal.rank(), plan_.ranks.world_size));
    const std::int64_t begin = now_ns();
    if (timing_.pairs > 0) rehearsal.prepare(capture_environment({}, "").memory_available_bytes / kHeldShare);
    const Rehearsal::Metered metered = rehearsal.meter();
    Measurement one;
    one.ranks = {metered.cost};
    const ReceivedBytes received = run.contender.ring != nullptr
                                       ? received_bytes(*run.contender.ring, inputs_, axes_, timing_.pass)
                                       : gathered_bytes(*run.contender.attention, inputs_, axes_);
    ReceivedBytes own{received.row, {}};
    if (!received.other_by_rank.empty())
      own.other_by_rank = {received.other_by_rank[static_cast<std::size_t>(rehearsal.rank())]};
    RankRecord record = implementation_record("", "", one, own).ranks.front();
    record.rank = rehearsal.rank();
    run.record.ranks.push_back(record);
    judged_[index].take(metered);
    if (timing_.pass == Pass::both) gradients_[index].push_back(rank_gradients(metered, judged_[index].rows()));
    run.metering_ns += now_ns() - begin;
    if (run.contender.ring != nullptr) price(run, rehearsal.rank());
  }

  void price(RehearsedContender& run, int rank) const {
    if (!run.record.price) run.record.price.emplace();
    add_price(*run.record.price, price_pass(*run.contender.ring, rank, price_shape(inputs_, dtype_), timing_.pass));
  }

  /// The slowest rank's time and what it stood waiting.
  static void keep(ImplementationRecord& record, std::size_t sample, const Rehearsal::Timed& timed) {
    if (record.time_ns.size() <= sample) record.time_ns.resize(sample + 1), record.exposed_ns.resize(sample + 1);
    if (timed.time_ns <= record.time_ns[sample]) return;
    record.time_ns[sample] = timed.time_ns;
    record.exposed_ns[sample] = timed.clock.exposed_ns;
  }

  void judge(RehearsedContender& run, const JudgedRows& judged, const std::vector<RankGradients>& gradients) {
    tell("oracle");
    ReferenceBook references(cpu_inputs_, judged.rows());
    const Reference& expected = references.of(run.contender.attention->function(), dtype_);
    NumericVerdict verdict = judge_against_oracle(judged.result(), expected.oracle, context_of(expected));
    number_rows(verdict, judged.rows());
    run.oracle_ns = references.take_spent_ns();
    const std::int64_t begin = now_ns();
    for (const RankGradients& own : gradients)
      keep_worse(verdict, judge_rank_gradients(own, run.contender.attention->function(), inputs_, dtype_));
    run.against_oracle = std::move(verdict);
    run.oracle_ns += now_ns() - begin;
  }

  void tell(const std::string& what) const {
    if (timing_.progress) timing_.progress(what);
  }

  const Case axes_;
  const InputSource& inputs_;
  const InputSource& cpu_inputs_;
  const at::ScalarType dtype_;
  const RehearsalPlan& plan_;
  const RehearsalTiming& timing_;
  std::int64_t pairs_;  ///< that every rank so far has
  std::vector<RehearsedContender> runs_;
  std::vector<JudgedRows> judged_;
  std::vector<std::unique_ptr<InputSource>> sparse_;     ///< with grad_out of the judged rows; empty: forward alone
  std::vector<std::vector<RankGradients>> gradients_{};  ///< by contender and rehearsed rank
};

}  // namespace

std::int64_t judged_rows_max(const Case& axes) {
  const double row_flops = 4.0 * static_cast<double>(axes.batch * axes.heads * axes.head_dim * axes.seq_len);
  return static_cast<std::int64_t>(std::clamp(kOracleFlopsMax / row_flops, kJudgedRowsMin, kJudgedRowsMax));
}

std::vector<std::int64_t> RehearsedRanks::ranks() const {
  if (rank) return {*rank};
  std::vector<std::int64_t> all;
  for (std::int64_t r = 0; r < world_size; ++r) all.push_back(r);
  return all;
}

RehearsedRanks parse_rehearsed_ranks(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos)
    throw UsageError("--rehearse: must be RANK/K or all/K, such as 17/64 (got \"" + text + "\")");
  RehearsedRanks ranks;
  ranks.world_size = parse_integer(text.substr(slash + 1), "--rehearse: K", 1, 1 << 20);
  const std::string rank = text.substr(0, slash);
  if (rank != "all") ranks.rank = parse_integer(rank, "--rehearse: RANK", 0, ranks.world_size - 1);
  return ranks;
}

std::string to_string(const RehearsalPlan& plan) {
  const std::string rank = plan.ranks.rank ? std::to_string(*plan.ranks.rank) : "all";
  return fmt::format("{}/{} link {} {},{} contention {}", rank, plan.ranks.world_size, plan.link.name, plan.link.gb_s,
                     plan.link.us, plan.contention);
}

std::vector<RehearsedContender> rehearse(std::vector<Contender> contenders, Workbench& bench, const RehearsalPlan& plan,
                                         const RehearsalTiming& timing) {
  return RehearsalRun(std::move(contenders), bench, plan, timing).run();
}

}  // namespace ringattn
