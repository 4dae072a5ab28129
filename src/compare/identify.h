#pragma once

#include "attention/interface.h"
#include "compare/fit.h"
#include "config/axes.h"
#include "config/ring_attention_config.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Which of many candidates a recording is: from its numbers alone.

namespace ringattn {

/// An old class's intended function, an old class as it was released, or a named pattern of the new API.
enum class HypothesisKind { intended, as_shipped, pattern };
std::string_view to_string(HypothesisKind kind);

/// Query, key and value (batch, n, heads, dim) as they reach the attention, after projections where the class has some.
struct CoreInputs {
  at::Tensor query, key, value;
  at::Tensor mask{};  ///< as OracleOptions and the new implementation take it; undefined: none
  MaskShape mask_shape{};
  std::function<at::Tensor(const at::Tensor& out)>
      finish{};  ///< what the class does to the attention's rows; empty: nothing
};

/// What a training step of a candidate gives.
struct HypothesisGradients {
  Gradients gradients{};  ///< of the whole sequence, added up over the ranks
  bool is_exact = false;  ///< derivatives of what it returned
  std::string words{};    ///< what they are, if not that
  std::string refused{};  ///< why there are none
};

/// One thing that a recording may be.
struct Hypothesis {
  HypothesisKind kind = HypothesisKind::as_shipped;
  std::string name{};      ///< of the catalogue's entry, or of the pattern
  std::string function{};  ///< what it computes
  int ranks = 0;           ///< 0: the same on any number
  bool is_causal = false;
  std::string mask{};     ///< "", "with the mask", "without the mask"
  std::string options{};  ///< arguments that nobody gave, as tried: "use_hilbert=false"
  std::vector<std::int64_t> segment_lengths{};
  std::vector<std::int64_t> dilation_rates{};
  std::vector<std::string> defects{};           ///< of a released class, by name
  std::string note{};                           ///< how it departs from what was meant
  std::optional<RingAttentionConfig> config{};  ///< of the new API, that computes it; none: nothing does
  std::string why{};                            ///< the condition of `config`, or why there is none
  bool overflows = false;                       ///< by design: judged more widely than others
  int cost = 0;                                 ///< rank of effort: cheap ones are tried first; 0 whatever the time
  std::function<std::vector<HypothesisResult>()> run{};  ///< several: a race
  /// The rows at these positions, where that is far cheaper than all; empty: it is not. UsageError, Unavailable: why it
  /// gives none.
  std::function<at::Tensor(const std::vector<std::int64_t>& rows)> run_rows{};
  std::shared_ptr<const CoreInputs> core{};     ///< what `config` would be given
  std::optional<AttentionFunction> computes{};  ///< of `core`; none: a released class, defects and all
  /// A released class's own, for the derivative of the losses after out of the whole sequence; empty: it has none.
  std::function<HypothesisGradients(const at::Tensor& grad_out)> run_gradients{};
};

/// Not tried once anything fits.
inline constexpr int cost_of_last_resort = 9;

struct Judged {
  Hypothesis candidate;
  Fit fit;
  bool is_sampled = false;  ///< judged by some rows alone: the ratio is at least this
  at::Tensor lse{};         ///< of a function that fits
};

struct Identification {
  std::vector<Judged> matches{};       ///< intended functions and patterns first
  std::optional<Judged> second{};      ///< the nearest of the others
  int tried = 0;                       ///< candidates that gave numbers
  std::vector<std::string> refused{};  ///< "NAME: why", of those that gave none
  std::vector<std::string> untried{};  ///< for lack of time, or as a last resort that was not needed
  bool is_identified() const { return !matches.empty(); }
};

struct IdentifyOptions {
  std::chrono::milliseconds budget{60'000};  ///< no candidate with a cost is begun later
  std::function<bool()> stop{};
  std::function<void(const std::string& name)> progress{};
};

/// Judges all candidates, in the order of their cost.
Identification identify(const UserRecording& recording, std::vector<Hypothesis> candidates,
                        const IdentifyOptions& options = {});
/// Adds what further candidates show.
void identify_more(Identification& known, const UserRecording& recording, std::vector<Hypothesis> candidates,
                   const IdentifyOptions& options = {});

/// Rows that a sampled judgement looks at: the first and last, and some between, at most `count`.
std::vector<std::int64_t> sampled_rows(std::int64_t n, std::int64_t count);

}  // namespace ringattn
