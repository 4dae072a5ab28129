#include "legacy/identify_lists.h"

#include "comm/world.h"
#include "compare/fit.h"
#include "legacy/class_trial.h"
#include "legacy/head_fit.h"
#include "legacy/head_groups.h"
#include "legacy/list_pairs.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace ringattn::legacy {
namespace {

constexpr std::int64_t rows_max = 128;
constexpr std::int64_t pairs_max = 5;

bool is_searchable(const UserRecording& recording, const OldCall& known) {
  const bool is_alone = recording.ranks_seen() <= 1 && known.ranks.value_or(1) == 1;
  return is_alone && recording.heads() > 0 && recording.seq_len() <= rows_max;
}

/// The first batch index of the whole result; undefined where the recording has less.
at::Tensor whole_out(const UserRecording& recording) {
  const at::Tensor out = recording.out.defined() ? recording.out : recording.rank_outs.begin()->second;
  return out.size(1) == recording.seq_len() ? out.narrow(0, 0, 1).contiguous() : at::Tensor();
}

/// A class that some lists may be of, and what its first head has already told.
struct Lead {
  std::size_t subject = 0;
  std::optional<Pair> first{};  ///< the pair of the first group; none: not known
  std::int64_t divisor = 0;     ///< by which the first head was divided; 0: not known
};

/// With what some class gives the recording.
struct Finding {
  std::vector<Pair> list{};
  bool is_causal = false;
  std::optional<std::int64_t> ring_size{};
};

class ListSearch {
 public:
  ListSearch(Communicator& alone, const UserRecording& recording, const OldCall& known, const at::Tensor& want,
             std::function<bool()> is_over)
      : want_(want),
        heads_(recording.heads()),
        tolerance_(fit_tolerance(recording)),
        whole_(alone, recording, 0, heads_),
        single_(alone, recording, 0, 1),
        subjects_(trial_classes(recording, known, false)),
        single_subjects_(trial_classes(recording, known, true)),
        causalities_(known.is_causal ? std::vector<bool>{*known.is_causal} : std::vector<bool>{false, true}),
        probes_(probe_lists(want.size(1))),
        is_over_(std::move(is_over)) {}

  std::vector<Finding> run() {
    const PairSets sets = possible_pairs(want_.size(1));
    for (const std::vector<Pair>* pairs : {&sets.likely, &sets.other}) {
      for (const bool with_empty_groups : {false, true}) {
        for (const bool is_causal : causalities_) search(*pairs, is_causal, with_empty_groups);
        if (!found_.empty() || is_over_()) return std::move(found_);
      }
    }
    return std::move(found_);
  }

 private:
  void search(const std::vector<Pair>& pairs, bool is_causal, bool with_empty_groups) {
    const std::vector<std::size_t>& different = different_classes(is_causal);
    if (!with_empty_groups) {
      for (const std::size_t subject : different)
        for (const Lead& lead : leads_of(subject, pairs, is_causal)) follow(lead, pairs, is_causal);
      return;
    }
    for (std::int64_t count = heads_ + 1; count <= pairs_max; ++count)
      for (const std::size_t subject : different) add({subject}, pairs, is_causal, count);
  }

  at::Tensor out_of(std::size_t subject, bool is_causal, const std::vector<Pair>& list) const {
    return whole_.out(subjects_[subject], is_causal, list);
  }

  // --- Which classes there are ---

  /// One of each set of classes that give the same for some lists.
  const std::vector<std::size_t>& different_classes(bool is_causal) {
    std::vector<std::size_t>& chosen = different_[is_causal ? 1 : 0];
    if (!chosen.empty()) return chosen;
    std::vector<std::vector<at::Tensor>> known;
    for (std::size_t subject = 0; subject < subjects_.size() && !is_over_(); ++subject) {
      std::vector<at::Tensor> outs = probe(subject, is_causal);
      const auto is_alike = [&](const auto& other) { return is_same(outs, other); };
      const bool is_dead = std::none_of(outs.begin(), outs.end(), [](const at::Tensor& o) { return o.defined(); });
      if (is_dead || std::any_of(known.begin(), known.end(), is_alike)) continue;
      chosen.push_back(subject);
      known.push_back(std::move(outs));
    }
    return chosen;
  }

  std::vector<at::Tensor> probe(std::size_t subject, bool is_causal) const {
    std::vector<at::Tensor> outs;
    for (const auto& list : probes_) outs.push_back(out_of(subject, is_causal, list));
    return outs;
  }

  static bool is_same(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (a[i].defined() != b[i].defined()) return false;
      if (a[i].defined() && !at::allclose(a[i], b[i], 1e-5, 1e-6, true)) return false;
    }
    return true;
  }

  // --- What the first head tells ---

  /// Whether what a head gets depends on the others, or whether one alone gets nothing.
  bool mixes_heads(std::size_t subject, bool is_causal) const {
    const std::int64_t n = want_.size(1);
    bool is_known = false;
    for (const Pair& pair : {Pair{n, 1}, Pair{n, 2}, Pair{std::max<std::int64_t>(1, n / 2), 2}}) {
      const at::Tensor all = out_of(subject, is_causal, {pair});
      if (!all.defined()) continue;
      is_known = true;
      const at::Tensor one = single_.out(single_subjects_[subject], is_causal, {pair});
      if (!one.defined() || !is_head(one, all, 0, tolerance_)) return true;
    }
    return !is_known;
  }

  /// One lead for each divisor, with the plainest pair. Where heads are mixed, one head alone tells of no pair.
  std::vector<Lead> leads_of(std::size_t subject, const std::vector<Pair>& pairs, bool is_causal) const {
    std::vector<Lead> leads;
    const bool is_mixed = mixes_heads(subject, is_causal);
    for (const Pair& pair : pairs) {
      if (is_over_()) break;
      const at::Tensor one = single_.out(single_subjects_[subject], is_causal, {pair});
      if (!one.defined()) {
        if (is_mixed && leads.empty()) leads.push_back({subject});  // it may raise for one head alone
        continue;
      }
      if (!has_zero_rows_of(one, want_, 0)) continue;
      if (is_mixed) return {{subject}};
      const std::int64_t divisor = divisor_of(one);
      const bool is_known =
          std::any_of(leads.begin(), leads.end(), [&](const Lead& l) { return l.divisor == divisor; });
      if (divisor > 0 && !is_known) leads.push_back({subject, pair, divisor});
    }
    return leads;
  }

  /// By what the recorded first head was divided; 0: it is another.
  std::int64_t divisor_of(const at::Tensor& one) const {
    for (std::int64_t divisor = 1; divisor <= pairs_max; ++divisor)
      if (is_head(one, want_, 0, tolerance_, static_cast<double>(divisor))) return divisor;
    return 0;
  }

  // --- Lists ---

  void follow(const Lead& lead, const std::vector<Pair>& pairs, bool is_causal) {
    if (is_explained(lead.subject, is_causal)) return;
    for (std::int64_t count = 1; count <= std::min(pairs_max, heads_); ++count) {
      const bool may_be = lead.divisor <= 1 || lead.divisor == count;
      if (may_be && add(lead, pairs, is_causal, count)) return;
    }
  }

  /// A list that is known already fits this class, too.
  bool is_explained(std::size_t subject, bool is_causal) const {
    return std::any_of(found_.begin(), found_.end(), [&](const Finding& known) {
      return known.is_causal == is_causal && is_recording(subject, is_causal, known.list);
    });
  }

  bool is_recording(std::size_t subject, bool is_causal, const std::vector<Pair>& list) const {
    const at::Tensor out = out_of(subject, is_causal, list);
    if (!out.defined()) return false;
    for (std::int64_t head = 0; head < heads_; ++head)
      if (!is_head(out, want_, head, tolerance_)) return false;
    return true;
  }

  /// Keeps the first list of `count` pairs with which the class gives the recording; false: there is none.
  bool add(const Lead& lead, const std::vector<Pair>& pairs, bool is_causal, std::int64_t count) {
    std::vector<ListGuess> guesses;
    for (HeadGroups& groups : possible_groups(heads_, count)) guesses.emplace_back(std::move(groups), lead.first);
    if (try_all(guesses, lead, pairs, is_causal)) return true;
    for (ListGuess& guess : guesses) {
      while (guess.begin_next_round() && !is_over_()) {
        std::vector<ListGuess> alone{guess};
        if (try_all(alone, lead, pairs, is_causal)) return true;
        guess = alone.front();
      }
    }
    return false;
  }

  /// One round: guesses that try the same for every pair.
  bool try_all(std::vector<ListGuess>& guesses, const Lead& lead, const std::vector<Pair>& pairs, bool is_causal) {
    for (const Pair& pair : pairs) {
      if (is_over_()) return false;
      const std::vector<Pair> trial = guesses.front().trial(pair);
      const std::vector<bool> fits = heads_that_fit(lead.subject, is_causal, trial);
      if (std::none_of(fits.begin(), fits.end(), [](bool fit) { return fit; })) continue;
      for (ListGuess& guess : guesses) {
        if (!guess.learn(pair, fits) || !is_recording(lead.subject, is_causal, *guess.list())) continue;
        found_.push_back({*guess.list(), is_causal, subjects_[lead.subject].arguments.ring_size});
        return true;
      }
      if (lead.first && trial.size() == 1) break;
    }
    return false;
  }

  std::vector<bool> heads_that_fit(std::size_t subject, bool is_causal, const std::vector<Pair>& list) const {
    std::vector<bool> fits(static_cast<std::size_t>(heads_), false);
    const at::Tensor out = out_of(subject, is_causal, list);
    for (std::int64_t head = 0; out.defined() && head < heads_; ++head)
      fits[static_cast<std::size_t>(head)] = is_head(out, want_, head, tolerance_);
    return fits;
  }

  at::Tensor want_;
  std::int64_t heads_;
  FitTolerance tolerance_;
  ClassTrial whole_, single_;
  std::vector<TrialClass> subjects_, single_subjects_;
  std::vector<bool> causalities_;
  std::vector<std::vector<Pair>> probes_;
  std::function<bool()> is_over_;
  std::vector<std::size_t> different_[2];
  std::vector<Finding> found_;
};

OldCall with_finding(const OldCall& known, const Finding& found) {
  OldCall call = known;
  call.segment_lengths.emplace();
  call.dilation_rates.emplace();
  for (const Pair& pair : found.list) {
    call.segment_lengths->push_back(pair.segment_length);
    call.dilation_rates->push_back(pair.dilation_rate);
  }
  call.is_causal = found.is_causal;
  call.ring_size = found.ring_size;
  return call;
}

}  // namespace

std::vector<OldCall> possible_lists(const UserRecording& recording, const OldCall& known,
                                    const IdentifyOptions& options) {
  std::vector<OldCall> calls;
  const at::Tensor want = is_searchable(recording, known) ? whole_out(recording) : at::Tensor();
  if (!want.defined()) return calls;
  const auto begun = std::chrono::steady_clock::now();
  const auto is_over = [&] {
    return (options.stop && options.stop()) || std::chrono::steady_clock::now() - begun > options.budget;
  };
  World world(1);
  world.run([&](Communicator& alone) {
    for (const Finding& found : ListSearch(alone, recording, known, want, is_over).run())
      calls.push_back(with_finding(known, found));
  });
  return calls;
}

}  // namespace ringattn::legacy
