#include "compare/examine.h"

#include "attention/index_sets.h"
#include "comm/rank_places.h"
#include "compare/case_bisection.h"
#include "compare/cost_judge.h"
#include "compare/explanation.h"
#include "compare/gradient_departure.h"
#include "compare/gradient_judge.h"
#include "compare/identify.h"
#include "compare/judgement.h"
#include "compare/outcome.h"
#include "compare/records.h"
#include "config/error.h"
#include "measure/assemble.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

namespace ringattn {
namespace {

/// "Adding the defect to the oracle reproduces the old numbers": the tolerance of a recording.
constexpr Tolerance kReproduces{.rtol = 1e-4, .atol = 1e-5};
/// Rows that each list of defects is held against before all are.
constexpr std::int64_t few_rows = 16;
/// ImplementationRecord::metered of forward and backward together.
constexpr const char* both_passes = "forward_backward";

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
        options_(options),
        has_all_(has_all(world.world())) {
    dtype_ = scalar_type(axes.dtype);
    logic_dtype_ = dtype_ == at::kDouble ? at::kDouble : at::kFloat;
    if (options.pass == Pass::both && !references.rows().empty())
      sparse_grad_out_ = with_grad_out_of(inputs, references.rows());
  }

  Examination run() {
    CaseRecord& record = examination_.record;
    record.id = case_id(axes_);
    record.axes = axes_;
    references_.take_spent_ns();
    const std::string no_backward = candidate_.attention.why_no_backward();
    if (options_.pass == Pass::both && !no_backward.empty())
      throw Unavailable(fmt::format("--backward: {}: {}", candidate_.id, no_backward));
    judge_tier(logic_dtype_, is_low_precision(dtype_) ? nullptr : &record);
    if (is_low_precision(dtype_)) judge_tier(dtype_, &record);
    if (!has_all_) {  // rank 0 judges; the others run along with it
      if (options_.with_time) time();
      return {};
    }
    decide_outcome();
    if (options_.bisect && !record.candidate_against_oracle->passed) bisect();
    if (options_.with_time && !raised_) time();
    record.covered_share = covered_share(candidate_.attention.function());
    record.oracle_ns = references_.take_spent_ns();
    return std::move(examination_);
  }

 private:
  void tell(const std::string& what) const {
    if (options_.progress) options_.progress(what);
  }

  /// What is run of an old implementation, whose backward is autograd's.
  Pass legacy_pass() const {
    const bool runs_backward = options_.pass != Pass::forward && legacy_->attention.why_no_backward().empty();
    return runs_backward ? Pass::autograd : Pass::forward;
  }

  /// `module_inputs`: of a whole module; null: an attention, whose ranks' results are still to be projected.
  RunResult run_metered(Attention& attention, at::ScalarType dtype, Pass pass,
                        const InputSource* module_inputs = nullptr) {
    const InputSource& own_inputs = sparse_grad_out_ ? *sparse_grad_out_ : inputs_;
    MeteredRun metered =
        meter(world_.world(), attention, module_inputs != nullptr ? *module_inputs : own_inputs, dtype, pass);
    if (!has_all_) return {std::move(metered.measurement), {}, {}};
    if (module_inputs == nullptr)
      for (Partial& own : metered.results) own = references_.project_out(own);
    examination_.record.metering_ns += metered.measurement.metering_time_ns;
    RunResult result{std::move(metered.measurement), references_.judged(assemble(attention, metered.results))};
    if (pass != Pass::forward) result.gradients = references_.judged(assemble(attention, metered.gradients));
    return result;
  }

  /// Runs and judges both sides in one dtype. `own` is the record that gets the counts: the tier in the case's own
  /// dtype fills it.
  void judge_tier(at::ScalarType dtype, CaseRecord* own) {
    tell(fmt::format("{} {}", candidate_.id, c10::toString(dtype)));
    const RunResult fresh =
        run_metered(candidate_.runs != nullptr ? *candidate_.runs : candidate_.attention, dtype, options_.pass);
    std::vector<PassPrice> prices;
    if (own != nullptr) prices = price_ranks(candidate_.attention, world_, price_shape(inputs_, dtype), options_.pass);
    if (has_all_) judge_candidate(own, fresh, prices);
    if (legacy_ != nullptr && !raised_) judge_legacy(dtype, own, fresh);
    if (has_all_ && !examination_.record.candidate_against_oracle->passed)
      keep_tensors("new", fresh, references_.of(candidate_.attention.function(), dtype).oracle,
                   candidate_.attention.function(), dtype);
  }

  void judge_candidate(CaseRecord* own, const RunResult& fresh, const std::vector<PassPrice>& prices) {
    tell("oracle");
    const RunVerdict judged = judge_run(fresh, candidate_.attention.function(), BaselineKind::library_kernel,
                                        references_, options_.tolerance);
    forward_wrong_ = forward_wrong_ || !judged.result.passed;
    gradients_wrong_ = gradients_wrong_ || (judged.gradients && !judged.gradients->passed);
    keep_worse(examination_.record.candidate_against_oracle, numbered(judged.whole()));
    if (own != nullptr) {
      own->candidate = implementation_record(candidate_.id, candidate_.function_name, fresh.measurement,
                                             received_bytes(candidate_.attention, inputs_, axes_, options_.pass));
      if (options_.pass == Pass::both) own->candidate.metered = both_passes;
      own->candidate.backend = candidate_.backend;
      own->candidate.layout = candidate_.layout;
      own->candidate.price = price_record(prices);
      overspends_ = cost_difference(fresh.measurement.ranks, prices);
    }
  }

  void judge_legacy(at::ScalarType dtype, CaseRecord* own, const RunResult& fresh) {
    tell(fmt::format("{} {}", legacy_->id, c10::toString(dtype)));
    std::optional<RunResult> old;
    try {
      old = run_metered(legacy_->attention, dtype, legacy_pass(), legacy_->module_inputs);
    } catch (const ReleasedCodeRaised& error) {
      raised_ = error.what();
      return;
    }
    if (!has_all_) return;
    if (dtype == logic_dtype_)
      index_difference_ = first_index_difference(legacy_->attention.function(), candidate_.attention.function());
    const AttentionFunction& function =
        index_difference_ ? legacy_->attention.function() : candidate_.attention.function();
    const RunVerdict judged = judge_run(*old, function, BaselineKind::own_formula, references_, options_.tolerance);
    const NumericVerdict verdict = numbered(judged.whole());
    keep_worse(examination_.record.legacy_against_oracle, verdict);
    if (dtype == logic_dtype_) {
      examination_.record.legacy_against_candidate = numbered(
          judge_runs(*old, fresh, candidate_.id, candidate_.attention.function(), references_, options_.tolerance));
      legacy_right_in_logic_ = verdict.passed;
      if (!judged.result.passed)
        find_defect_of(old->judged);
      else if (!verdict.passed)
        find_gradient_defect_of(*old->gradients, function);
      if (!verdict.passed || !examination_.record.legacy_against_candidate->passed)
        keep_tensors("old", *old, references_.of(function, dtype).oracle, function, dtype);
    }
    if (dtype != logic_dtype_ && !verdict.passed && legacy_right_in_logic_) rounds_in_ = c10::toString(dtype);
    if (own != nullptr) {
      own->legacy = implementation_record(legacy_->id, legacy_->function_name, old->measurement,
                                          gathered_bytes(legacy_->attention, inputs_, axes_));
      if (old->gradients) own->legacy->metered = both_passes;
      if (legacy_->module_inputs != nullptr) own->legacy->metered = "module";
      own->legacy->backend = {"plain", "plain", ""};
      own->legacy->layout = {"contiguous", "contiguous", ""};
    }
  }

  NumericVerdict numbered(NumericVerdict verdict) const {
    return ringattn::numbered(std::move(verdict), references_.rows());
  }

  /// A case passes when each of its tiers does; the record keeps the first that failed, or the last.
  static void keep_worse(std::optional<NumericVerdict>& kept, const NumericVerdict& verdict) {
    if (!kept || kept->passed) kept = verdict;
  }

  /// Judged at `some` places among the judged rows; empty: all of them.
  bool is_reproduced_by(const Defects& defects, const at::Tensor& old, const std::vector<std::int64_t>& some) {
    const Partial defective = references_.with_defects(legacy_->attention.function(), defects, logic_dtype_, some);
    const Partial out{some.empty() ? old : old.index_select(1, at::tensor(some, at::kLong)), {}};
    return judge_tolerance(out, rounded_as(out, defective), kReproduces, "oracle with defect").passed;
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

  /// What it returns is right, and the derivatives are not: the first departure that gives their numbers.
  void find_gradient_defect_of(const Gradients& old, const AttentionFunction& function) {
    const auto ranks = static_cast<int>(axes_.ranks);
    const Gradients& whole = references_.gradients_of(function, logic_dtype_).oracle;
    const GradientSubject subject = gradient_subject(function, references_.rows(), inputs_, logic_dtype_);
    for (const GradientDeparture departure :
         {GradientDeparture::own_part, GradientDeparture::misplaced, GradientDeparture::zero}) {
      tell(fmt::format("derivatives with {}", to_string(departure)));
      const Gradients departing = departed(whole, departure, subject, ranks);
      if (!judge_gradient_tolerance(old, rounded_as(old, departing), kReproduces, "departure").passed) continue;
      return name_gradient_defect(to_string(departure), words_of(departure, ranks));
    }
    const RepeatedRows repeated = with_rows_repeated(whole, old.query, subject);
    if (judge_gradient_tolerance(old, rounded_as(old, repeated.gradients), kReproduces, "departure").passed)
      name_gradient_defect("repeated",
                           fmt::format("those of a row with several slots are counted once a slot, up to {} "
                                       "times",
                                       repeated.most));
  }

  void name_gradient_defect(std::string_view name, const std::string& words) {
    reproducing_defect_ = fmt::format("gradients {}", name);
    gradient_words_ = fmt::format("what {} returns equals its oracle; of its gradients {}", legacy_->id, words);
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
    if (!gradient_words_.empty()) record.explanation.push_back(gradient_words_);
    if (!references_.rows().empty())
      record.warnings.push_back(
          fmt::format("judged on {} sampled rows of {}: the oracle of all rows would be too costly",
                      references_.rows().size(), axes_.seq_len));
    warn_of_gradients();
    if (*record.outcome == Outcome::match) examination_.tensors.clear();
  }

  void bisect() {
    std::vector<std::string>& explanation = examination_.record.explanation;
    if (inputs_.device_type() != at::kCPU) return explanation.emplace_back("bisection: runs on the CPU alone"), void();
    const InputSource& inputs = sparse_grad_out_ ? *sparse_grad_out_ : inputs_;
    CaseBisection found = bisect_case(candidate_, world_.world(), inputs, logic_dtype_,
                                      {.forward_wrong = forward_wrong_, .gradients_wrong = gradients_wrong_},
                                      [this](const std::string& what) { tell(what); });
    examination_.first_bad = std::move(found.first_bad);
    for (const std::string& words : found.words) explanation.push_back("bisection: " + words);
  }

  void warn_of_gradients() {
    std::vector<std::string>& warnings = examination_.record.warnings;
    if (options_.pass == Pass::forward) return;
    if (sparse_grad_out_) warnings.emplace_back("grad_out is 0 in all other rows, so that dk and dv are judged whole");
    if (legacy_ != nullptr && legacy_pass() == Pass::forward)
      warnings.push_back(fmt::format("{} was run forward alone, and its bytes are of that: {}", legacy_->id,
                                     legacy_->attention.why_no_backward()));
  }

  /// What the verdicts come down to.
  OutcomeFacts facts() const {
    const CaseRecord& record = examination_.record;
    OutcomeFacts facts;
    facts.candidate = candidate_.id;
    facts.candidate_function = candidate_.function_name;
    facts.candidate_equals_oracle = record.candidate_against_oracle->passed;
    facts.candidate_overspends = overspends_;
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
    std::vector<TimedContender> contenders{
        {.world = &world_.world(), .attention = &candidate_.attention, .pass = options_.pass}};
    // Forward alone beside forward and backward would be a ratio of two different things.
    const bool is_old_timed = legacy_ != nullptr && (options_.pass == Pass::forward || legacy_pass() != Pass::forward);
    if (is_old_timed)
      contenders.insert(contenders.begin(), {.world = &world_.world(),
                                             .attention = &legacy_->attention,
                                             .inputs = legacy_->module_inputs,
                                             .pass = legacy_pass()});
    tell("time");
    const TimedRuns timed = time_interleaved(contenders, inputs_, dtype_, options_.timing);
    if (!has_all_) return;
    CaseRecord& record = examination_.record;
    const auto store = [](ImplementationRecord& implementation, const std::vector<std::int64_t>& time_ns) {
      implementation.time_ns = time_ns;
      if (!time_ns.empty()) implementation.time_ns_median = interval_record(time_ns);
    };
    store(record.candidate, timed.time_ns.back());
    if (!is_old_timed || timed.time_ns.front().empty()) return;
    store(*record.legacy, timed.time_ns.front());
    record.time_ratio = ratio_record(timed.time_ns.front(), timed.time_ns.back());
  }

  void keep_tensors(const std::string& side, const RunResult& result, const Partial& oracle,
                    const AttentionFunction& function, at::ScalarType dtype) {
    const auto keep = [this](const std::string& name, const at::Tensor& tensor) {
      const bool is_known = std::any_of(examination_.tensors.begin(), examination_.tensors.end(),
                                        [&](const auto& t) { return t.first == name; });
      if (tensor.defined() && !is_known) examination_.tensors.emplace_back(name, tensor.contiguous());
    };
    const auto keep_gradients = [&](const std::string& who, const Gradients& gradients) {
      keep(who + ".dq", gradients.query);
      keep(who + ".dk", gradients.key);
      keep(who + ".dv", gradients.value);
    };
    keep(side + ".out", result.judged.out);
    keep(side + ".lse", result.judged.lse);
    keep(side + ".oracle.out", oracle.out);
    keep(side + ".oracle.lse", oracle.lse);
    if (!result.gradients) return;
    keep_gradients(side, *result.gradients);
    keep_gradients(side + ".oracle", references_.gradients_of(function, dtype).oracle);
  }

  const Case& axes_;
  const Candidate& candidate_;
  const Legacy* legacy_;
  RankWorld& world_;
  const InputSource& inputs_;
  ReferenceBook& references_;
  const ExamineOptions& options_;
  const bool has_all_;                            ///< all ranks' results come together here
  std::unique_ptr<InputSource> sparse_grad_out_;  ///< inputs_ with the judged rows of grad_out alone; null: with all
  at::ScalarType dtype_{};
  at::ScalarType logic_dtype_{};
  std::string overspends_;  ///< where the new one's costs are not its plan's
  std::optional<std::string> raised_;
  std::optional<IndexDifference> index_difference_;
  std::optional<std::string> reproducing_defect_;
  std::string gradient_words_;  ///< where that is of gradients alone
  bool legacy_right_in_logic_ = false;
  bool forward_wrong_ = false;    ///< the new one's, in any tier
  bool gradients_wrong_ = false;  ///< likewise
  std::optional<std::string> rounds_in_;
  Examination examination_;
};

}  // namespace

Examination examine(const Case& axes, const Candidate& candidate, const Legacy* legacy, RankWorld& world,
                    const InputSource& inputs, ReferenceBook& references, const ExamineOptions& options) {
  return Examiner(axes, candidate, legacy, world, inputs, references, options).run();
}

}  // namespace ringattn
