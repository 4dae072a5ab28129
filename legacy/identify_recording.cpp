#include "legacy/identify_recording.h"

#include "legacy/identify_candidates.h"
#include "legacy/identify_lists.h"

#include <algorithm>
#include <utility>

namespace ringattn::legacy {
namespace {

bool is_over(const IdentifyOptions& options) { return options.stop && options.stop(); }

bool has_shipped_match(const RecordingIdentity& identity) {
  const auto& matches = identity.found.matches;
  return std::any_of(matches.begin(), matches.end(),
                     [](const Judged& match) { return match.candidate.kind == HypothesisKind::as_shipped; });
}

/// On each possible number of ranks, the fewest first, until some class fits.
void try_shipped(RecordingIdentity& identity, const UserRecording& recording, const CandidateMaker& maker,
                 const OldCall& call, Effort effort, const IdentifyOptions& options) {
  for (const int ranks : identity.ranks) {
    if (has_shipped_match(identity) || is_over(options)) return;
    identify_more(identity.found, recording, maker.shipped(call, effort, ranks), options);
  }
}

void identify_with_lists(RecordingIdentity& identity, const UserRecording& recording, const CandidateMaker& maker,
                         const IdentifyOptions& options) {
  identity.found = identify(recording, maker.functions(maker.call()), options);
  for (const Effort effort : {Effort::as_given, Effort::races, Effort::options, Effort::raced_options}) {
    if (effort != Effort::as_given && identity.found.is_identified()) return;
    try_shipped(identity, recording, maker, maker.call(), effort, options);
  }
}

/// Lists that the numbers allow, in one process.
void search_lists(RecordingIdentity& identity, const UserRecording& recording, const CandidateMaker& maker,
                  const IdentifyOptions& options) {
  for (const OldCall& call : possible_lists(recording, maker.call(), options)) {
    identity.lists_were_searched = true;
    identify_more(identity.found, recording, maker.functions(call), options);
    identify_more(identity.found, recording, maker.shipped(call, Effort::as_given, 1), options);
  }
}

/// Functions that have no lists come first, then classes with one segment: what they fit needs none. Lists are looked
/// for before several ranks are.
void identify_without_lists(RecordingIdentity& identity, const UserRecording& recording, const CandidateMaker& maker,
                            const IdentifyOptions& options) {
  identity.found = identify(recording, maker.functions(maker.call()), options);
  OldCall whole = maker.call();
  whole.segment_lengths = {recording.seq_len()};
  whole.dilation_rates = {1};
  for (const int ranks : identity.ranks) {
    if (has_shipped_match(identity) || is_over(options)) return;
    identify_more(identity.found, recording, maker.shipped(whole, Effort::as_given, ranks), options);
    if (ranks == 1 && !identity.found.is_identified()) search_lists(identity, recording, maker, options);
  }
}

}  // namespace

RecordingIdentity identify_recording(const UserRecording& recording, const OldCall& call,
                                     const IdentifyOptions& options) {
  RecordingIdentity identity{.ranks = possible_ranks(recording, call)};
  const CandidateMaker maker(recording, call);
  if (call.has_lists()) {
    identify_with_lists(identity, recording, maker, options);
  } else {
    identify_without_lists(identity, recording, maker, options);
  }
  if (identity.found.is_identified()) return identity;
  if (!call.has_lists()) identity.missing.insert(identity.missing.end(), {"segment_lengths", "dilation_rates"});
  if (!call.ranks) identity.missing.emplace_back("ranks");
  if (!call.is_causal) identity.missing.emplace_back("is_causal");
  if (recording.takes_x() && !call.constructor.contains("num_heads") && !call.constructor.contains("heads"))
    identity.missing.emplace_back("num_heads");
  return identity;
}

}  // namespace ringattn::legacy
