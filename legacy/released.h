#pragma once

#include "comm/communicator.h"
#include "config/json.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The seam behind which every released class stands, defects and refusals included: one function a class, called on
// every rank with what the original was called with. Facts: recordings of the original Python (tests/golden).

namespace ringattn::legacy {

/// The arguments of a released class as they were recorded. Device and dtype are left out: always CPU and fp32, in
/// evaluation mode.
struct ReleasedArguments {
  std::vector<std::int64_t> segment_lengths{};
  std::vector<std::int64_t> dilation_rates{};
  bool is_causal = false;
  std::optional<std::int64_t> ring_size{};  ///< as given to the constructor; none: the world size
  Json constructor = Json::object();        ///< the other arguments of the constructor
  Json call = Json::object();               ///< the other arguments of the call
  bool is_patched = false;                  ///< the recording is not of the class exactly as shipped
  std::string patched{};                    ///< what was changed to get a value that can be repeated
  /// [rank][step]: the chunk that a rank really used, where a race decided that; empty: no race.
  std::vector<std::vector<std::int64_t>> chunk_sequence{};
  bool is_presplit = false;    ///< each rank was given its own rows of the inputs (own_rows)
  bool reports_waits = false;  ///< where a rank waited for ever it raises "deadlock" at once, instead of waiting
  std::string commit{};
  std::string file{};
};

/// `options[name]`, or `otherwise` where it is absent or null. Throws UsageError "NAME: …" on another type.
template <class T>
T option(const Json& options, const std::string& name, T otherwise) = delete;
template <>
bool option(const Json& options, const std::string& name, bool otherwise);
template <>
std::int64_t option(const Json& options, const std::string& name, std::int64_t otherwise);
template <>
double option(const Json& options, const std::string& name, double otherwise);
template <>
std::string option(const Json& options, const std::string& name, std::string otherwise);
/// None where the name is absent or null.
std::optional<std::int64_t> optional_integer(const Json& options, const std::string& name);
std::optional<double> optional_number(const Json& options, const std::string& name);

/// Tensors by the names that they were recorded under, whole on every rank, and the rank's own copies: a class may
/// write into them. "query", "key", "value" (batch, seq, heads, dim), or "x" (batch, seq, embed) with "qkv_proj.weight"
/// (3·embed, embed) and so on; "attention_mask" where the call had one; what the class drew on this rank, "aux/mapping"
/// or "aux/block_pattern". A class that was given its own rows alone takes them itself (own_rows).
class ReleasedInputs {
 public:
  ReleasedInputs() = default;
  explicit ReleasedInputs(std::map<std::string, at::Tensor, std::less<>> tensors) : tensors_(std::move(tensors)) {}

  bool contains(std::string_view name) const { return tensors_.find(name) != tensors_.end(); }
  /// Throws UsageError that lists the names there are.
  const at::Tensor& tensor(std::string_view name) const;
  /// The tensor, or an undefined one.
  at::Tensor find(std::string_view name) const;
  const std::map<std::string, at::Tensor, std::less<>>& tensors() const { return tensors_; }

 private:
  std::map<std::string, at::Tensor, std::less<>> tensors_;
};

/// What this rank got from the class. Collective where the class was. Throws LegacyRaises (legacy/raises.h) where the
/// class raised; where a rank waited for ever, wait_for_ever.
using ReleasedClass = at::Tensor (*)(Communicator& communicator, const ReleasedInputs& inputs,
                                     const ReleasedArguments& arguments);

/// Rows [rank·C, (rank + 1)·C) of dimension 1, C = ⌊rows/world size⌋: what a rank was given where inputs came already
/// split.
at::Tensor own_rows(const Communicator& communicator, const at::Tensor& whole);

/// Waits for a message that nobody sends, until the deadline of the world ends it (RuntimeFailure). Wants a rank to
/// wait for: Unavailable in a world of one.
[[noreturn]] void wait_for_ever(Communicator& communicator);
/// The same, or LegacyRaises where the arguments say reports_waits.
[[noreturn]] void wait_for_ever(Communicator& communicator, const ReleasedArguments& arguments);

/// One released class under the short name that recordings use.
struct ReleasedEntry {
  std::string_view alias;
  ReleasedClass run = nullptr;
  std::string_view refused = {};  ///< why it cannot be reproduced; then `run` is null
};

// The tables, one a file.
std::span<const ReleasedEntry> ring_classes();         ///< the rings and their single-process bases
std::span<const ReleasedEntry> hybrid_classes();       ///< hybrids, production, head-parallel and other wrappers
std::span<const ReleasedEntry> hilbert_classes();      ///< what reorders rows
std::span<const ReleasedEntry> new_variant_classes();  ///< the released Python variants of the new API

/// Runs an entry that has a class. ATen's errors become what Python raised for them (LegacyRaises); arguments with
/// which the released code divided by zero or never ended are Unavailable.
at::Tensor run_released(const ReleasedEntry& entry, Communicator& communicator, const ReleasedInputs& inputs,
                        const ReleasedArguments& arguments);

/// The entry of any table, or null.
const ReleasedEntry* find_released(std::string_view alias);

}  // namespace ringattn::legacy
