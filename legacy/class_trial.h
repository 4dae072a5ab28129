#pragma once

#include "comm/communicator.h"
#include "compare/old_call.h"
#include "compare/user_recording.h"
#include "config/axes.h"
#include "legacy/catalogue.h"
#include "legacy/released.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace ringattn::legacy {

/// A released class and everything it is called with but its lists and causality.
struct TrialClass {
  const CatalogueEntry* entry = nullptr;
  const ReleasedEntry* released = nullptr;
  ReleasedArguments arguments{};
};

/// Runs released classes in one process on the first batch index of some heads of a recording: a tenth of a millisecond
/// a call where the recording is short. Call it on a rank of a world of one.
class ClassTrial {
 public:
  /// Heads [first, first + count) of query, key and value (batch, n, heads, dim).
  ClassTrial(Communicator& alone, const UserRecording& recording, std::int64_t first_head, std::int64_t count);

  /// What the class returned, (1, n, count, dim) contiguous; undefined where it raised, or returned something else.
  at::Tensor out(const TrialClass& subject, bool is_causal, const std::vector<Pair>& list) const;

 private:
  Communicator& alone_;
  TensorsByName inputs_;
};

/// Every class that takes query, key and value, in each way in which `known` leaves it to be called; `one_head`: with
/// arguments that say there is one.
std::vector<TrialClass> trial_classes(const UserRecording& recording, const OldCall& known, bool one_head);

}  // namespace ringattn::legacy
