#pragma once

#include "compare/old_call.h"
#include "compare/recording.h"
#include "compare/user_recording.h"

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

namespace ringattn::testing {

/// A recording as its owner would have it: the tensors, and no word of which class it was.
inline UserRecording anonymous(const Recording& recording) {
  UserRecording user{.path = "recording.safetensors", .inputs = recording.inputs};
  user.inputs.erase("attention_mask");
  if (const auto mask = recording.inputs.find("attention_mask"); mask != recording.inputs.end())
    user.mask = mask->second;
  for (int rank = 0; rank < recording.world_size; ++rank) {
    const auto r = static_cast<std::size_t>(rank);
    if (!recording.drawn[r].empty()) user.drawn[rank] = recording.drawn[r];
    if (recording.outputs[r].defined()) user.rank_outs[rank] = recording.outputs[r];
  }
  return user;
}

/// What remains known of the call when name and family are gone; not what a race did.
inline OldCall known_call(const Recording& recording) {
  return {.segment_lengths = recording.segment_lengths,
          .dilation_rates = recording.dilation_rates,
          .is_causal = recording.is_causal,
          .ranks = recording.world_size,
          .ring_size = recording.ring_size,
          .constructor = recording.constructor,
          .call = recording.call,
          .is_presplit = recording.is_presplit};
}

/// Makes one finite recorded value of magnitude >= 0.01 larger by 1 %: of those the `which`-th, modulo their number.
/// False: there is none.
inline bool change_one_value(UserRecording& user, std::int64_t which) {
  for (auto& [rank, out] : user.rank_outs) {
    out = out.clone();
    const at::Tensor flat = out.view({-1});
    const at::Tensor large = at::isfinite(flat).logical_and(flat.abs() >= 0.01).nonzero().view({-1});
    if (large.numel() == 0) continue;
    flat[large[which * 7919 % large.numel()].item<std::int64_t>()] *= 1.01;
    return true;
  }
  return false;
}

/// Whether some rank has a row that is finite and not zero.
inline bool has_a_number(const Recording& recording) {
  for (const at::Tensor& out : recording.outputs) {
    if (!out.defined()) continue;
    const at::Tensor rows = out.flatten(2);
    const at::Tensor good = at::isfinite(rows).all(-1).logical_and(rows.abs().sum(-1) > 0);
    if (good.any().item<bool>()) return true;
  }
  return false;
}

}  // namespace ringattn::testing
