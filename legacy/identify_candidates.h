#pragma once

#include "compare/function_candidates.h"
#include "compare/identify.h"
#include "compare/old_call.h"
#include "compare/replay.h"
#include "compare/user_recording.h"
#include "legacy/catalogue.h"

#include <memory>
#include <string>
#include <vector>

// What a recording may be: every entry of the catalogue, as it was meant and as it was released, in all ways in which
// it may have been called.

namespace ringattn::legacy {

/// How far the enumeration goes.
enum class Effort {
  as_given,      ///< what is known of the call; what is not: its defaults, and causal or not, with or without the mask
  options,       ///< constructor arguments that change numbers and that nobody gave, too
  races,         ///< what ranks that raced may have seen (worlds of at most four)
  raced_options  ///< the same with the options of the new API's config that nobody gave
};

/// The ranks that the recording may be of: those that are known, else 1, 2, 3, 4 and 8 where its shapes allow.
std::vector<int> possible_ranks(const UserRecording& recording, const OldCall& call);

/// Makes candidates for one recording; they keep it, and must not outlive it.
class CandidateMaker {
 public:
  /// `call` without lists gives what needs none.
  CandidateMaker(const UserRecording& recording, OldCall call);

  /// Intended functions and, on any number of ranks, the named patterns of the new API. A pattern that is an intended
  /// function of some entry appears as both. `call`: the known one, or with lists that it has not.
  std::vector<Hypothesis> functions(const OldCall& call) const;
  /// Classes as they were released, on `ranks` ranks.
  std::vector<Hypothesis> shipped(const OldCall& call, Effort effort, int ranks) const;
  const OldCall& call() const { return call_; }

 private:
  void add_functions(std::vector<Hypothesis>& all, const OldCall& call, bool is_causal, bool with_mask) const;
  std::vector<std::shared_ptr<const CoreInputs>> cores(bool with_mask) const;

  const UserRecording& recording_;
  OldCall call_;
  std::shared_ptr<FunctionBook> book_;
  std::shared_ptr<Replayer> replayer_;
  std::vector<std::shared_ptr<const CoreInputs>> plain_, masked_;
};

/// The call of one candidate, as recordings hold calls.
Recording called_as(const CatalogueEntry& entry, const UserRecording& recording, const OldCall& call, int ranks,
                    bool is_causal);

/// Whether the recording has what the entry takes.
bool takes_these(const CatalogueEntry& entry, const UserRecording& recording);

}  // namespace ringattn::legacy
