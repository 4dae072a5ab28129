#include "legacy/identify_lists.h"

#include "comm/world.h"
#include "compare/fit.h"
#include "config/error.h"
#include "legacy/identify_candidates.h"
#include "legacy/identify_variants.h"
#include "legacy/list_filter.h"
#include "legacy/released_replay.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

namespace ringattn::legacy {
namespace {

constexpr std::int64_t rows_max = 128;
constexpr std::int64_t pairs_max = 5;
constexpr std::size_t lists_max = 64;  ///< that are put together of one class and number of pairs

bool is_searchable(const UserRecording& recording, const OldCall& known) {
  const bool is_alone = recording.ranks_seen() <= 1 && known.ranks.value_or(1) == 1;
  return is_alone && recording.heads() > 0 && recording.seq_len() <= rows_max && known.ring_size.value_or(1) == 1;
}

at::Tensor whole_out(const UserRecording& recording) {
  const at::Tensor out = recording.out.defined() ? recording.out : recording.rank_outs.begin()->second;
  return out.size(1) == recording.seq_len() ? out.narrow(0, 0, 1) : at::Tensor();
}

/// The same on one batch index alone: lists mean the same for all.
UserRecording first_of_batch(const UserRecording& recording) {
  UserRecording first = recording;
  for (auto& [name, tensor] : first.inputs) tensor = tensor.narrow(0, 0, 1);
  return first;
}

/// The first head of each group and the one after its last; three ways to share out what does not divide.
std::vector<std::vector<std::int64_t>> groupings(std::int64_t heads, std::int64_t pairs) {
  const std::int64_t each = heads / pairs, rest = heads % pairs;
  std::set<std::vector<std::int64_t>> all;
  for (const bool is_first : {true, false}) {
    std::vector<std::int64_t> bounds{0};
    for (std::int64_t i = 0; i < pairs; ++i)
      bounds.push_back(bounds.back() + each + ((is_first ? i < rest : i >= pairs - rest) ? 1 : 0));
    all.insert(bounds);
  }
  std::vector<std::int64_t> dropped{0};
  for (std::int64_t i = 0; i < pairs; ++i) dropped.push_back(dropped.back() + each);
  all.insert(dropped);
  dropped.back() = heads;
  all.insert(dropped);
  return {all.begin(), all.end()};
}

OldCall with_lists(const OldCall& known, const std::vector<Pair>& list, bool is_causal) {
  OldCall call = known;
  call.segment_lengths.emplace();
  call.dilation_rates.emplace();
  for (const Pair& pair : list) {
    call.segment_lengths->push_back(pair.segment_length);
    call.dilation_rates->push_back(pair.dilation_rate);
  }
  call.is_causal = is_causal;
  return call;
}

/// |got - want| within the tolerance in all elements of one head; NaN and infinities alike. Both (1, n, heads, dim).
bool is_head(const at::Tensor& got, const at::Tensor& want, std::int64_t head, const FitTolerance& tolerance) {
  const std::int64_t heads = want.size(2), dim = want.size(3);
  const float* const a = got.const_data_ptr<float>();
  const float* const b = want.const_data_ptr<float>();
  for (std::int64_t row = 0; row < want.size(1); ++row) {
    for (std::int64_t i = (row * heads + head) * dim; i < (row * heads + head + 1) * dim; ++i) {
      const double x = a[i], y = b[i];
      const bool is_near = std::abs(x - y) <= tolerance.absolute + tolerance.relative * std::abs(y);
      if (!is_near && x != y && !(std::isnan(x) && std::isnan(y))) return false;
    }
  }
  return true;
}

/// Runs classes on lists, and says which heads of the recording they give.
class ListTrial {
 public:
  ListTrial(const UserRecording& first, const OldCall& known, const at::Tensor& want)
      : first_(first), known_(known), want_(want.contiguous()), tolerance_(fit_tolerance(first)) {}

  /// One bit a head; none where the class raised.
  std::vector<bool> heads(const CatalogueEntry& entry, bool is_causal, const std::vector<Pair>& list) {
    const at::Tensor got = out_of(entry, is_causal, list);
    std::vector<bool> fits(static_cast<std::size_t>(want_.size(2)), false);
    if (!got.defined() || got.sizes() != want_.sizes()) return fits;
    const at::Tensor rows = got.contiguous();
    for (std::int64_t h = 0; h < want_.size(2); ++h)
      fits[static_cast<std::size_t>(h)] = is_head(rows, want_, h, tolerance_);
    return fits;
  }

  bool is_all(const CatalogueEntry& entry, bool is_causal, const std::vector<Pair>& list) {
    const std::vector<bool> fits = heads(entry, is_causal, list);
    return std::all_of(fits.begin(), fits.end(), [](bool fit) { return fit; });
  }

  at::Tensor out_of(const CatalogueEntry& entry, bool is_causal, const std::vector<Pair>& list) {
    const Recording called = called_as(entry, first_, with_lists(known_, list, is_causal), 1, is_causal);
    const ReplaySubject subject = released_subject(given_variants(entry, called, first_).back().called);
    at::Tensor out;
    world_.run([&](Communicator& communicator) {
      TensorsByName inputs;
      for (const auto& [name, tensor] : first_.inputs) inputs.emplace(name, tensor.clone());
      try {
        out = subject.run(communicator, inputs);
      } catch (const std::exception&) {
        out = at::Tensor();  // it raised: these lists are not its own
      }
    });
    return out;
  }

 private:
  const UserRecording& first_;
  const OldCall& known_;
  at::Tensor want_;
  FitTolerance tolerance_;
  World world_{1};
};

/// Classes with heads in groups, one of each set that gives the same for some probes.
std::vector<const CatalogueEntry*> grouped_classes(ListTrial& trial, bool is_causal, const UserRecording& recording) {
  const std::int64_t n = recording.seq_len();
  const std::vector<Pair> probes{{n, 2}, {n, 3}, {std::max<std::int64_t>(1, n / 2), 2}, {n - 1, 2}, {n + 1, 1}};
  std::vector<const CatalogueEntry*> chosen;
  std::vector<std::vector<at::Tensor>> known;
  const auto is_same = [](const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (a[i].defined() != b[i].defined()) return false;
      if (a[i].defined() && (a[i].sizes() != b[i].sizes() || !at::allclose(a[i], b[i], 1e-5, 1e-6, true))) return false;
    }
    return true;
  };
  for (const CatalogueEntry& entry : catalogue()) {
    if (entry.takes != Takes::qkv || only_raises(entry)) continue;
    std::vector<at::Tensor> outs;
    for (const Pair& probe : probes) outs.push_back(trial.out_of(entry, is_causal, {probe, probe}));
    const bool is_dead = std::none_of(outs.begin(), outs.end(), [](const at::Tensor& out) { return out.defined(); });
    const bool is_known =
        std::any_of(known.begin(), known.end(), [&](const auto& other) { return is_same(outs, other); });
    if (is_dead || is_known) continue;
    chosen.push_back(&entry);
    known.push_back(std::move(outs));
  }
  return chosen;
}

/// Lists for one class and number of pairs, from what fits each head.
class ListBuilder {
 public:
  ListBuilder(std::vector<Pair> pairs, std::vector<std::vector<bool>> fits)
      : pairs_(std::move(pairs)), fits_(std::move(fits)) {}

  /// At most lists_max, the pairs with the least r and then w first.
  std::vector<std::vector<Pair>> lists(const std::vector<std::int64_t>& bounds) const {
    std::vector<std::vector<Pair>> found(1);
    for (std::size_t group = 0; group + 1 < bounds.size(); ++group) {
      std::vector<std::vector<Pair>> longer;
      for (const std::vector<Pair>& list : found) {
        for (const Pair& pair : fitting(bounds[group], bounds[group + 1])) {
          if (longer.size() >= lists_max) break;
          longer.push_back(list);
          longer.back().push_back(pair);
        }
      }
      found = std::move(longer);
    }
    return found;
  }

 private:
  std::vector<Pair> fitting(std::int64_t first, std::int64_t last) const {
    std::vector<Pair> list;
    if (first == last) return {{1, 1}};
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      bool all = true;
      for (std::int64_t h = first; h < last; ++h) all = all && fits_[i][static_cast<std::size_t>(h)];
      if (all) list.push_back(pairs_[i]);
    }
    return list;
  }

  std::vector<Pair> pairs_;
  std::vector<std::vector<bool>> fits_;
};

/// The simplest list of `count` pairs with which the class gives the recording; none: there is none.
std::optional<std::vector<Pair>> list_of(ListTrial& trial, const CatalogueEntry& entry, bool is_causal,
                                         const std::vector<Pair>& pairs, std::int64_t count) {
  std::vector<std::vector<bool>> fits;
  for (const Pair& pair : pairs)
    fits.push_back(trial.heads(entry, is_causal, std::vector<Pair>(static_cast<std::size_t>(count), pair)));
  const auto heads = static_cast<std::int64_t>(fits.front().size());
  const ListBuilder builder(pairs, std::move(fits));
  for (const auto& bounds : groupings(heads, count)) {
    for (const std::vector<Pair>& list : builder.lists(bounds))
      if (trial.is_all(entry, is_causal, list)) return list;
  }
  return std::nullopt;
}

bool has_lists_of(const OldCall& a, const OldCall& b) {
  return a.segment_lengths == b.segment_lengths && a.dilation_rates == b.dilation_rates && a.is_causal == b.is_causal;
}

}  // namespace

std::vector<OldCall> possible_lists(const UserRecording& recording, const OldCall& known,
                                    const IdentifyOptions& options) {
  std::vector<OldCall> calls;
  if (!is_searchable(recording, known)) return calls;
  const at::Tensor want = whole_out(recording);
  if (!want.defined()) return calls;
  const UserRecording first = first_of_batch(recording);
  ListTrial trial(first, known, want);
  const auto begun = std::chrono::steady_clock::now();
  const auto causalities = known.is_causal ? std::vector<bool>{*known.is_causal} : std::vector<bool>{false, true};
  for (const bool is_causal : causalities) {
    const std::vector<Pair> pairs = plausible_pairs(first, want, is_causal);
    const auto classes = grouped_classes(trial, is_causal, first);
    for (std::int64_t count = 1; count <= std::min(pairs_max, recording.heads()) && calls.empty(); ++count) {
      for (const CatalogueEntry* entry : classes) {
        const bool is_late = std::chrono::steady_clock::now() - begun > options.budget;
        if (is_late || (options.stop && options.stop())) return calls;
        if (const auto list = list_of(trial, *entry, is_causal, pairs, count)) {
          OldCall call = with_lists(known, *list, is_causal);
          if (std::none_of(calls.begin(), calls.end(), [&](const OldCall& other) { return has_lists_of(other, call); }))
            calls.push_back(std::move(call));
        }
      }
    }
  }
  return calls;
}

}  // namespace ringattn::legacy
