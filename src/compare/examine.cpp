#include "compare/examine.h"

#include "attention/index_sets.h"
#include "compare/explanation.h"
#include "compare/outcome.h"
#include "measure/assemble.h"
#include "measure/price.h"
#include "measure/statistics.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

namespace ringattn {
namespace {

/// "Adding the defect to the oracle reproduces the old numbers": the tolerance of a recording.
constexpr Tolerance kReproduces{.rtol = 1e-4, .atol = 1e-5};

/// One implementation's results in one dtype.
struct Result {
  Measurement measurement;
  Partial full;    ///< all rows
  Partial judged;  ///< the rows that are judged
};

bool is_low_precision(at::ScalarType dtype) { return dtype == at::kBFloat16 || dtype == at::kHalf; }

class Examiner {
 public:
  Examiner(const Case& axes, const Candidate& candidate, const Legacy* legacy, RankWorld& world,
           const InputSource& inputs, ReferenceBook& references, const ExamineOptions& options)
      : axes_(axes),
        candidate_(candidate),
        legacy_(legacy),
        world_(world),
        inputs_(inputs),
        references_(references),
        options_(options) {
    dtype_ = scalar_type(axes.dtype);
    logic_dtype_ = dtype_ == at::kDouble ? at::kDouble : at::kFloat;
  }

  Examination run() {
    CaseRecord& record = examination_.record;
    record.id = case_id(axes_);
    record.axes = axes_;
    references_.take_spent_ns();
    judge_tier(logic_dtype_, is_low_precision(dtype_) ? nullptr : &record);
    if (is_low_precision(dtype_)) judge_tier(dtype_, &record);
    decide_outcome();
    if (options_.with_time && !raised_) time();
    record.covered_share = covered_share(candidate_.attention.function());
    record.oracle_ns = references_.take_spent_ns();
    return std::move(examination_);
  }

 private:
  void tell(const std::string& what) const {
    if (options_.progress) options_.progress(what);
  }

  Result run_metered(Attention& attention, at::ScalarType dtype) {
    MeteredRun metered = meter(world_.world(), attention, inputs_, dtype);
    examination_.record.metering_ns += metered.measurement.metering_time_ns;
    Partial full = assemble(attention, metered.results);
    Partial judged = references_.judged(full);
    return {std::move(metered.measurement), std::move(full), std::move(judged)};
  }

  /// Runs and judges both sides in one dtype. `own` is the record that gets the counts: the tier in the case's own
  /// dtype fills it.
  void judge_tier(at::ScalarType dtype, CaseRecord* own) {
    tell(fmt::format("{} {}", candidate_.id, c10::toString(dtype)));
    const Result fresh = run_metered(candidate_.attention, dtype);
    tell("oracle");
    const Reference& expected = references_.of(candidate_.attention.function(), dtype);
    keep_worse(examination_.record.candidate_against_oracle,
               judge(fresh.judged, expected, BaselineKind::library_kernel));
    if (own != nullptr) {
      own->candidate = implementation_record(candidate_.id, candidate_.function_name, fresh.measurement, row_bytes());
      own->candidate.backend = candidate_.backend;
      own->candidate.layout = candidate_.layout;
      own->candidate.price = price_record(candidate_.attention, world_, axes_.batch, axes_.head_dim, dtype);
    }
    if (legacy_ != nullptr && !raised_) judge_legacy(dtype, own, fresh, expected);
    if (!examination_.record.candidate_against_oracle->passed) keep_tensors("new", fresh.judged, expected.oracle);
  }

  void judge_legacy(at::ScalarType dtype, CaseRecord* own, const Result& fresh, const Reference& expected) {
    tell(fmt::format("{} {}", legacy_->id, c10::toString(dtype)));
    std::optional<Result> old;
    try {
      old = run_metered(legacy_->attention, dtype);
    } catch (const ReleasedCodeRaised& error) {
      raised_ = error.what();
      return;
    }
    if (dtype == logic_dtype_) compare_functions();
    const Reference& meant = index_difference_ ? references_.of(legacy_->attention.function(), dtype) : expected;
    const NumericVerdict verdict = judge(old->judged, meant, BaselineKind::own_formula);
    keep_worse(examination_.record.legacy_against_oracle, verdict);
    if (dtype == logic_dtype_) {
      const Tolerance tolerance = options_.tolerance.value_or(Tolerance{});
      examination_.record.legacy_against_candidate =
          numbered(judge_tolerance(old->judged, fresh.judged, tolerance, candidate_.id));
      if (!verdict.passed) find_defect_of(old->judged);
      if (!verdict.passed || !examination_.record.legacy_against_candidate->passed)
        keep_tensors("old", old->judged, meant.oracle);
    }
    if (own != nullptr) {
      own->legacy = implementation_record(legacy_->id, legacy_->function_name, old->measurement, row_bytes());
      own->legacy->backend = {"plain", "plain", ""};
      own->legacy->layout = {"contiguous", "contiguous", ""};
    }
  }

  void compare_functions() {
    index_difference_ = first_index_difference(legacy_->attention.function(), candidate_.attention.function());
  }

  NumericVerdict judge(const Partial& result, const Reference& expected, BaselineKind kind) const {
    if (options_.tolerance)
      return numbered(judge_tolerance(result, as_type_of(result, expected.oracle), *options_.tolerance, "oracle"));
    const bool own_formula = kind == BaselineKind::own_formula && expected.plain.out.defined();
    return numbered(
        judge_against_oracle(result, expected.oracle,
                             {.baseline = own_formula ? expected.plain : expected.library,
                              .baseline_kind = own_formula ? BaselineKind::own_formula : BaselineKind::library_kernel,
                              .single_key_rows = expected.single_key_rows,
                              .inputs = expected.magnitude}));
  }

  /// Row numbers are positions, also where only sampled rows were judged.
  NumericVerdict numbered(NumericVerdict verdict) const {
    if (!references_.rows().empty()) number_rows(verdict, references_.rows());
    return verdict;
  }

  static Partial as_type_of(const Partial& result, const Partial& oracle) {
    return {oracle.out.to(result.out.scalar_type()),
            result.lse.defined() ? oracle.lse.to(result.lse.scalar_type()) : at::Tensor()};
  }

  /// A case passes when each of its tiers does; the record keeps the first that failed, or the last.
  static void keep_worse(std::optional<NumericVerdict>& kept, const NumericVerdict& verdict) {
    if (!kept || kept->passed) kept = verdict;
  }

  void find_defect_of(const Partial& old) {
    for (const Defects& defects : legacy_->defects) {
      tell("oracle with " + to_string(defects));
      const Partial defective = references_.with_defects(legacy_->attention.function(), defects, logic_dtype_);
      if (judge_tolerance({old.out, {}}, as_type_of({old.out, {}}, defective), kReproduces, "oracle with defect")
              .passed) {
        reproducing_defect_ = to_string(defects);
        return;
      }
    }
  }

  void decide_outcome() {
    CaseRecord& record = examination_.record;
    OutcomeFacts facts;
    facts.candidate = candidate_.id;
    facts.candidate_function = candidate_.function_name;
    facts.candidate_equals_oracle = record.candidate_against_oracle->passed;
    if (legacy_ != nullptr) {
      facts.legacy = legacy_->id;
      facts.legacy_function = legacy_->function_name;
      facts.legacy_raised = raised_;
      if (record.legacy_against_oracle) facts.legacy_equals_oracle = record.legacy_against_oracle->passed;
      if (record.legacy_against_candidate) facts.legacy_equals_candidate = record.legacy_against_candidate->passed;
      facts.index_sets_equal = !index_difference_;
      facts.reproducing_defect = reproducing_defect_;
    }
    const OutcomeAndWords decided = decide(facts);
    record.outcome = decided.outcome;
    record.words = decided.words;
    if (index_difference_ && record.legacy_against_candidate) {
      record.explanation = explain_difference({legacy_->function_name, legacy_->attention.function()},
                                              {candidate_.function_name, candidate_.attention.function()},
                                              *record.legacy_against_candidate);
      record.explanation.push_back("first difference: " + to_string(*index_difference_));
    }
    if (!references_.rows().empty())
      record.warnings.push_back(
          fmt::format("judged on {} sampled rows of {}: the oracle of all rows would be too costly",
                      references_.rows().size(), axes_.seq_len));
    if (*record.outcome == Outcome::match) examination_.tensors.clear();
  }

  void time() {
    std::vector<Attention*> contenders{&candidate_.attention};
    if (legacy_ != nullptr) contenders.insert(contenders.begin(), &legacy_->attention);
    tell("time");
    const TimedRuns timed = time_interleaved(world_.world(), contenders, inputs_, dtype_, options_.timing);
    CaseRecord& record = examination_.record;
    const auto store = [](ImplementationRecord& implementation, const std::vector<std::int64_t>& time_ns) {
      implementation.time_ns = time_ns;
      if (!time_ns.empty()) implementation.time_ns_median = interval_record(time_ns);
    };
    store(record.candidate, timed.time_ns.back());
    if (legacy_ == nullptr || timed.time_ns.front().empty()) return;
    store(*record.legacy, timed.time_ns.front());
    const MedianEstimate ratio = estimate_median(pair_ratios(timed.time_ns.front(), timed.time_ns.back()));
    record.time_ratio =
        IntervalRecord{ratio.median, ratio.low.value_or(ratio.median), ratio.high.value_or(ratio.median)};
  }

  void keep_tensors(const std::string& side, const Partial& result, const Partial& oracle) {
    const auto keep = [this](const std::string& name, const at::Tensor& tensor) {
      const bool is_known = std::any_of(examination_.tensors.begin(), examination_.tensors.end(),
                                        [&](const auto& t) { return t.first == name; });
      if (tensor.defined() && !is_known) examination_.tensors.emplace_back(name, tensor.contiguous());
    };
    keep(side + ".out", result.out);
    keep(side + ".lse", result.lse);
    keep(side + ".oracle.out", oracle.out);
    keep(side + ".oracle.lse", oracle.lse);
  }

  /// Bytes of one head's position: its K and its V.
  std::int64_t row_bytes() const { return 2 * axes_.batch * axes_.head_dim * element_bytes(axes_.dtype); }

  const Case& axes_;
  const Candidate& candidate_;
  const Legacy* legacy_;
  RankWorld& world_;
  const InputSource& inputs_;
  ReferenceBook& references_;
  const ExamineOptions& options_;
  at::ScalarType dtype_{};
  at::ScalarType logic_dtype_{};
  std::optional<std::string> raised_;
  std::optional<IndexDifference> index_difference_;
  std::optional<std::string> reproducing_defect_;
  Examination examination_;
};

}  // namespace

at::ScalarType scalar_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::fp32:
      return at::kFloat;
    case Dtype::bf16:
      return at::kBFloat16;
    case Dtype::fp16:
      return at::kHalf;
    case Dtype::fp64:
      return at::kDouble;
  }
  return at::kFloat;
}

IntervalRecord interval_record(std::span<const std::int64_t> time_ns) {
  const MedianEstimate estimate = estimate_median(as_doubles(time_ns));
  return {estimate.median, estimate.low.value_or(estimate.median), estimate.high.value_or(estimate.median)};
}

ImplementationRecord implementation_record(const std::string& id, const std::string& function_name,
                                           const Measurement& measurement, std::int64_t row_bytes) {
  ImplementationRecord record;
  record.id = id;
  record.function = function_name;
  for (std::size_t rank = 0; rank < measurement.ranks.size(); ++rank) {
    const RankCost& cost = measurement.ranks[rank];
    record.ranks.push_back({.rank = static_cast<std::int64_t>(rank),
                            .peak_bytes = cost.peak_bytes,
                            .live_bytes = cost.live_bytes,
                            .sent_bytes = cost.sent_bytes,
                            .received_bytes = cost.received_bytes,
                            .messages = cost.messages,
                            .rows_received = cost.received_bytes / row_bytes});
  }
  return record;
}

PriceRecord price_record(RingAttention& attention, RankWorld& world, std::int64_t batch, std::int64_t head_dim,
                         at::ScalarType dtype) {
  std::vector<PriceRecord> ranks(static_cast<std::size_t>(world.size()));
  const CostShape shape = cost_shape(batch, head_dim, dtype);
  world.world().run([&](Communicator& communicator) {
    const Cost cost = cost_of(attention.plan(communicator.rank()), shape);
    ranks[static_cast<std::size_t>(communicator.rank())] = {
        .peak_bytes_max = price_peak(attention, communicator.rank(), batch, head_dim, dtype).peak_bytes(),
        .sent_bytes_total = cost.sent_bytes,
        .messages_total = cost.messages,
        .rows_travelled = cost.received_rows,
        .flops_total = cost.flops};
  });
  PriceRecord total;
  for (const PriceRecord& rank : ranks) {
    total.peak_bytes_max = std::max(total.peak_bytes_max, rank.peak_bytes_max);
    total.sent_bytes_total += rank.sent_bytes_total;
    total.messages_total += rank.messages_total;
    total.rows_travelled += rank.rows_travelled;
    total.flops_total += rank.flops_total;
  }
  return total;
}

Examination examine(const Case& axes, const Candidate& candidate, const Legacy* legacy, RankWorld& world,
                    const InputSource& inputs, ReferenceBook& references, const ExamineOptions& options) {
  return Examiner(axes, candidate, legacy, world, inputs, references, options).run();
}

}  // namespace ringattn
