#include "legacy/identify_recording.h"

#include "legacy/identify_candidates.h"
#include "legacy/identify_lists.h"

#include <algorithm>
#include <utility>

namespace ringattn::legacy {
namespace {

bool is_over(const IdentifyOptions& options) { return options.stop && options.stop(); }

/// On each possible number of ranks, the fewest first, until some class fits.
void try_shipped(RecordingIdentity& identity, const UserRecording& recording, const CandidateMaker& maker,
                 const OldCall& call, Effort effort, const IdentifyOptions& options) {
  const auto is_shipped = [](const Judged& match) { return match.candidate.kind == HypothesisKind::as_shipped; };
  for (const int ranks : identity.ranks) {
    const auto& matches = identity.found.matches;
    if (std::any_of(matches.begin(), matches.end(), is_shipped) || is_over(options)) return;
    identify_more(identity.found, recording, maker.shipped(call, effort, ranks), options);
  }
}

void identify_with_lists(RecordingIdentity& identity, const UserRecording& recording, const CandidateMaker& maker,
                         const IdentifyOptions& options) {
  identity.found = identify(recording, maker.functions(maker.call()), options);
  for (const Effort effort : {Effort::as_given, Effort::races, Effort::options}) {
    if (effort != Effort::as_given && identity.found.is_identified()) return;
    try_shipped(identity, recording, maker, maker.call(), effort, options);
  }
}

/// Functions that have no lists come first: what they fit needs none.
void identify_without_lists(RecordingIdentity& identity, const UserRecording& recording, const CandidateMaker& maker,
                            const IdentifyOptions& options) {
  identity.found = identify(recording, maker.functions(maker.call()), options);
  OldCall whole = maker.call();
  whole.segment_lengths = {recording.seq_len()};
  whole.dilation_rates = {1};
  try_shipped(identity, recording, maker, whole, Effort::as_given, options);
  if (identity.found.is_identified() || is_over(options)) return;
  for (const OldCall& call : possible_lists(recording, maker.call(), options)) {
    identity.lists_were_searched = true;
    identify_more(identity.found, recording, maker.functions(call), options);
    identify_more(identity.found, recording, maker.shipped(call, Effort::as_given, 1), options);
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
