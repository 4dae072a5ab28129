#include "compare/identify.h"

#include "config/error.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <set>
#include <tuple>
#include <utility>

namespace ringattn {
namespace {

/// Sequences from here on are judged by sampled rows first.
constexpr std::int64_t sampled_from = 512;
constexpr std::int64_t samples = 24;

/// Of a class whose sums overflow: terms of a row cancel that are far larger than what is left of them.
constexpr FitTolerance tolerance_of_overflow{.absolute = 1e-5, .relative = 4e-3, .of_row = 1e-6};

/// The judgement of one recording.
class Judge {
 public:
  Judge(Identification& found, const UserRecording& recording, const IdentifyOptions& options)
      : found_(found), recording_(recording), options_(options), tolerance_(fit_tolerance(recording)) {}

  void judge(Hypothesis candidate) {
    if (is_found(candidate)) return;
    if (is_late(candidate)) {
      found_.untried.push_back(candidate.name);
      return;
    }
    if (options_.progress) options_.progress(candidate.name);
    if (is_ruled_out_by_rows(candidate)) return;
    const std::vector<HypothesisResult> results = candidate.run();
    const bool has_numbers =
        std::any_of(results.begin(), results.end(), [](const auto& r) { return r.refused.empty(); });
    if (!has_numbers) {
      found_.refused.push_back(candidate.name + ": " + (results.empty() ? "not run" : results.front().refused));
      return;
    }
    ++found_.tried;
    const FitTolerance tolerance = candidate.overflows ? tolerance_of_overflow : tolerance_;
    const Fit fit = fit_recording(results, recording_, tolerance);
    add({std::move(candidate), fit, false, results.front().lse});
  }

  void finish() {
    std::stable_sort(found_.matches.begin(), found_.matches.end(), [](const Judged& a, const Judged& b) {
      const auto key = [](const Judged& j) {
        return std::tuple(j.candidate.kind != HypothesisKind::intended, !j.candidate.config.has_value(),
                          j.candidate.kind == HypothesisKind::pattern, !j.candidate.options.empty());
      };
      return key(a) < key(b);
    });
  }

 private:
  /// Notes what some rows show where these are enough: that it cannot be evaluated, or does not fit.
  bool is_ruled_out_by_rows(Hypothesis& candidate) {
    try {
      const auto ratio = sampled_ratio(candidate);
      if (!ratio || *ratio <= 1.0) return false;
      ++found_.tried;
      keep_second({std::move(candidate), {.ratio = *ratio}, true});
    } catch (const UsageError& error) {
      found_.refused.push_back(candidate.name + ": " + error.what());
    } catch (const Unavailable& error) {
      found_.refused.push_back(candidate.name + ": " + error.what());
    }
    return true;
  }

  /// With other guesses of what nobody gave.
  bool is_found(const Hypothesis& candidate) const {
    return std::any_of(found_.matches.begin(), found_.matches.end(), [&](const Judged& match) {
      const Hypothesis& known = match.candidate;
      return known.kind == candidate.kind && known.name == candidate.name && known.ranks == candidate.ranks &&
             known.is_causal == candidate.is_causal && known.mask == candidate.mask &&
             known.segment_lengths == candidate.segment_lengths && known.dilation_rates == candidate.dilation_rates;
    });
  }

  bool is_late(const Hypothesis& candidate) const {
    if (options_.stop && options_.stop()) return true;
    if (candidate.cost >= cost_of_last_resort && found_.is_identified()) return true;
    return candidate.cost > 0 && std::chrono::steady_clock::now() - begun_ > options_.budget;
  }

  /// Of `out`, whole; none where that cannot be had cheaply.
  std::optional<double> sampled_ratio(const Hypothesis& candidate) const {
    const std::int64_t n = recording_.seq_len();
    if (n < sampled_from || !candidate.run_rows) return std::nullopt;
    const at::Tensor* whole = nullptr;
    if (recording_.out.defined() && recording_.out.size(1) == n) whole = &recording_.out;
    for (const auto& [rank, out] : recording_.rank_outs)
      if (out.size(1) == n) whole = &out;
    if (whole == nullptr) return std::nullopt;
    const std::vector<std::int64_t> rows = sampled_rows(n, samples);
    const at::Tensor got = candidate.run_rows(rows);
    if (!got.defined()) return std::nullopt;
    return fit_tensor(got, whole->index_select(1, at::tensor(rows, at::kLong)), tolerance_).ratio;
  }

  void add(Judged judged) {
    if (!judged.fit.fits()) return keep_second(std::move(judged));
    found_.matches.push_back(std::move(judged));
  }

  void keep_second(Judged judged) {
    if (!found_.second || judged.fit.ratio < found_.second->fit.ratio) found_.second = std::move(judged);
  }

  Identification& found_;
  const UserRecording& recording_;
  const IdentifyOptions& options_;
  FitTolerance tolerance_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

}  // namespace

std::string_view to_string(HypothesisKind kind) {
  constexpr std::array<std::string_view, 3> words{"intended", "as_shipped", "pattern"};
  return words[static_cast<std::size_t>(kind)];
}

void identify_more(Identification& known, const UserRecording& recording, std::vector<Hypothesis> candidates,
                   const IdentifyOptions& options) {
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Hypothesis& a, const Hypothesis& b) { return a.cost < b.cost; });
  Judge judge(known, recording, options);
  for (Hypothesis& candidate : candidates) judge.judge(std::move(candidate));
  judge.finish();
}

Identification identify(const UserRecording& recording, std::vector<Hypothesis> candidates,
                        const IdentifyOptions& options) {
  Identification found;
  identify_more(found, recording, std::move(candidates), options);
  return found;
}

std::vector<std::int64_t> sampled_rows(std::int64_t n, std::int64_t count) {
  std::set<std::int64_t> rows{0, n - 1};
  // Odd steps, so that no residue class or segment border is missed for long.
  for (std::int64_t i = 1; static_cast<std::int64_t>(rows.size()) < std::min(count, n); ++i)
    rows.insert((i * (n / count | 1) + i * i) % n);
  return {rows.begin(), rows.end()};
}

}  // namespace ringattn
