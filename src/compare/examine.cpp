#include "compare/examine.h"

#include "attention/index_sets.h"
#include "compare/explanation.h"
#include "compare/identify.h"
#include "compare/outcome.h"
#include "compare/records.h"
#include "measure/assemble.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

namespace ringattn {
namespace {

/// "Adding the defect to the oracle reproduces the old numbers": the tolerance of a recording.
constexpr Tolerance kReproduces{.rtol = 1e-4, .atol = 1e-5};
/// Rows that each list of defects is held against before all are.
constexpr std::int64_t few_rows = 16;

/// One implementation's results in one dtype.
struct Result {
  Measurement measurement;
  Partial judged;  ///< the rows that are judged: all, or those of the references
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

  /// `module_inputs`: of a whole module; null: an attention, whose ranks' results are still to be projected.
  Result run_metered(Attention& attention, at::ScalarType dtype, const InputSource* module_inputs = nullptr) {
    MeteredRun metered = meter(world_.world(), attention, module_inputs != nullptr ? *module_inputs : inputs_, dtype);
    if (module_inputs == nullptr)
      for (Partial& own : metered.results) own = references_.project_out(own);
    examination_.record.metering_ns += metered.measurement.metering_time_ns;
    return {std::move(metered.measurement), references_.judged(assemble(attention, metered.results))};
  }

  /// Runs and judges both sides in one dtype. `own` is the record that gets the counts: the tier in the case's own
  /// dtype fills it.
  void judge_tier(at::ScalarType dtype, CaseRecord* own) {
    tell(fmt::format("{} {}", candidate_.id, c10::toString(dtype)));
    const Result fresh = run_metered(candidate_.runs != nullptr ? *candidate_.runs : candidate_.attention, dtype);
    tell("oracle");
    const Reference& expected = references_.of(candidate_.attention.function(), dtype);
    keep_worse(examination_.record.candidate_against_oracle,
               judge(fresh.judged, expected, BaselineKind::library_kernel));
    if (own != nullptr) {
      own->candidate = implementation_record(candidate_.id, candidate_.function_name, fresh.measurement,
                                             received_bytes(candidate_.attention, inputs_, axes_));
      own->candidate.backend = candidate_.backend;
      own->candidate.layout = candidate_.layout;
      own->candidate.price = price_record(candidate_.attention, world_, price_shape(inputs_, dtype));
    }
    if (legacy_ != nullptr && !raised_) judge_legacy(dtype, own, fresh, expected);
    if (!examination_.record.candidate_against_oracle->passed) keep_tensors("new", fresh.judged, expected.oracle);
  }

  void judge_legacy(at::ScalarType dtype, CaseRecord* own, const Result& fresh, const Reference& expected) {
    tell(fmt::format("{} {}", legacy_->id, c10::toString(dtype)));
    std::optional<Result> old;
    try {
      old = run_metered(legacy_->attention, dtype, legacy_->module_inputs);
    } catch (const ReleasedCodeRaised& error) {
      raised_ = error.what();
      return;
    }
    if (dtype == logic_dtype_)
      index_difference_ = first_index_difference(legacy_->attention.function(), candidate_.attention.function());
    const Reference& meant = index_difference_ ? references_.of(legacy_->attention.function(), dtype) : expected;
    const NumericVerdict verdict = judge(old->judged, meant, BaselineKind::own_formula);
    keep_worse(examination_.record.legacy_against_oracle, verdict);
    if (dtype == logic_dtype_) {
      const Tolerance tolerance = options_.tolerance.value_or(Tolerance{});
      examination_.record.legacy_against_candidate = numbered(judge_tolerance(
          old->judged, fresh.judged, tolerance, candidate_.id,
          options_.tolerance ? at::Tensor() : allowed_between(expected.sensitivity, expected.projection)));
      legacy_right_in_logic_ = verdict.passed;
      if (!verdict.passed) find_defect_of(old->judged);
      if (!verdict.passed || !examination_.record.legacy_against_candidate->passed)
        keep_tensors("old", old->judged, meant.oracle);
    }
    if (dtype != logic_dtype_ && !verdict.passed && legacy_right_in_logic_) rounds_in_ = c10::toString(dtype);
    if (own != nullptr) {
      own->legacy = implementation_record(legacy_->id, legacy_->function_name, old->measurement,
                                          gathered_bytes(legacy_->attention, inputs_, axes_));
      own->legacy->metered = legacy_->module_inputs != nullptr ? "module" : "attention";
      own->legacy->backend = {"plain", "plain", ""};
      own->legacy->layout = {"contiguous", "contiguous", ""};
    }
  }

  NumericVerdict judge(const Partial& result, const Reference& expected, BaselineKind kind) const {
    if (options_.tolerance)
      return numbered(judge_tolerance(result, as_type_of(result, expected.oracle), *options_.tolerance, "oracle"));
    OracleContext context = context_of(expected);
    if (kind == BaselineKind::own_formula && expected.plain.out.defined())
      context.baseline = expected.plain, context.baseline_kind = kind;
    return numbered(judge_against_oracle(result, expected.oracle, context));
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

  /// Judged at `some` places among the judged rows; empty: all of them.
  bool is_reproduced_by(const Defects& defects, const at::Tensor& old, const std::vector<std::int64_t>& some) {
    const Partial defective = references_.with_defects(legacy_->attention.function(), defects, logic_dtype_, some);
    const Partial out{some.empty() ? old : old.index_select(1, at::tensor(some, at::kLong)), {}};
    return judge_tolerance(out, as_type_of(out, defective), kReproduces, "oracle with defect").passed;
  }

  /// The first defects that give the old numbers: most lists are ruled out by a few rows.
  void find_defect_of(const Partial& old) {
    if (!legacy_->undefined.empty()) return;
    const std::int64_t rows = old.out.size(1);
    const std::vector<std::int64_t> few = rows > few_rows ? sampled_rows(rows, few_rows) : std::vector<std::int64_t>();
    for (const Defects& defects : legacy_->defects) {
      tell("oracle with " + to_string(defects));
      if (is_reproduced_by(defects, old.out, few) && (few.empty() || is_reproduced_by(defects, old.out, {}))) {
        reproducing_defect_ = to_string(defects);
        return;
      }
    }
  }

  void decide_outcome() {
    CaseRecord& record = examination_.record;
    const OutcomeAndWords decided = decide(facts());
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

  /// What the verdicts come down to.
  OutcomeFacts facts() const {
    const CaseRecord& record = examination_.record;
    OutcomeFacts facts;
    facts.candidate = candidate_.id;
    facts.candidate_function = candidate_.function_name;
    facts.candidate_equals_oracle = record.candidate_against_oracle->passed;
    if (legacy_ == nullptr) return facts;
    facts.legacy = legacy_->id;
    facts.legacy_function = legacy_->function_name;
    facts.legacy_raised = raised_;
    if (!legacy_->undefined.empty()) facts.legacy_undefined = legacy_->undefined;
    if (record.legacy_against_oracle) facts.legacy_equals_oracle = record.legacy_against_oracle->passed;
    if (record.legacy_against_candidate) facts.legacy_equals_candidate = record.legacy_against_candidate->passed;
    facts.index_sets_equal = !index_difference_;
    facts.reproducing_defect = reproducing_defect_;
    facts.rounds_in = rounds_in_;
    return facts;
  }

  void time() {
    std::vector<TimedContender> contenders{{.world = &world_.world(), .attention = &candidate_.attention}};
    if (legacy_ != nullptr)
      contenders.insert(contenders.begin(),
                        {.world = &world_.world(), .attention = &legacy_->attention, .inputs = legacy_->module_inputs});
    tell("time");
    const TimedRuns timed = time_interleaved(contenders, inputs_, dtype_, options_.timing);
    CaseRecord& record = examination_.record;
    const auto store = [](ImplementationRecord& implementation, const std::vector<std::int64_t>& time_ns) {
      implementation.time_ns = time_ns;
      if (!time_ns.empty()) implementation.time_ns_median = interval_record(time_ns);
    };
    store(record.candidate, timed.time_ns.back());
    if (legacy_ == nullptr || timed.time_ns.front().empty()) return;
    store(*record.legacy, timed.time_ns.front());
    record.time_ratio = ratio_record(timed.time_ns.front(), timed.time_ns.back());
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
  bool legacy_right_in_logic_ = false;
  std::optional<std::string> rounds_in_;
  Examination examination_;
};

}  // namespace

Examination examine(const Case& axes, const Candidate& candidate, const Legacy* legacy, RankWorld& world,
                    const InputSource& inputs, ReferenceBook& references, const ExamineOptions& options) {
  return Examiner(axes, candidate, legacy, world, inputs, references, options).run();
}

}  // namespace ringattn
