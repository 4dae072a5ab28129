#pragma once

#include "legacy/catalogue.h"
#include "legacy/released.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// What autograd made of the released classes. Facts: the original Python, trained for one step and held against finite
// differences (tests/golden/gradients).

namespace ringattn::legacy {

/// The gradient that a class gave, against the derivative of what it returned; summed over the ranks where every rank
/// was given the same rows.
enum class GradientFate {
  exact,      ///< it is that derivative
  own_part,   ///< of keys and values only what the rank's own queries give: received rows are constants
  misplaced,  ///< what belongs to received keys and values is added to the rank's own: autograd does not see that they
              ///< were overwritten
  overwritten,  ///< own_part, but for what backward read of received rows: later hops had overwritten it
  repeated,     ///< what several slots of one row were given is counted several times
  zero,         ///< 0 everywhere
  another,      ///< of another function
  raises,       ///< backward raised
  no_value,     ///< forward returned nothing to differentiate
  not_recorded  ///< nobody ran it: it wants a GPU
};
std::string_view to_string(GradientFate fate);

/// How the class was called.
struct GradientCall {
  int ranks = 1;
  bool is_causal = false;
  std::int64_t seq_len = 0;  ///< 0: of no length in particular, nor batch
  std::int64_t batch = 0;
  std::vector<Pair> pairs{};
};

/// On world sizes [ranks_min, ranks_max], for these masks.
struct ShippedGradient {
  int ranks_min = 1;
  int ranks_max = 0;  ///< 0: no upper end
  bool causal = true, full = true;
  GradientFate fate = GradientFate::exact;
  std::string_view what{};   ///< one sentence; raises: Python's message
  std::string_view error{};  ///< raises: the Python exception type
  /// For which lengths and lists, in words; empty: for all.
  std::string_view where{};
  bool (*is_there)(const GradientCall& call) = nullptr;  ///< the same for a call
};

/// What is said of an entry; the first that fits counts, and where none does the gradient is exact. Empty: always so.
std::vector<ShippedGradient> shipped_gradients(const CatalogueEntry& entry);
/// The one for a call; without a length those that hold for some lengths alone are left out.
ShippedGradient shipped_gradient(const CatalogueEntry& entry, const GradientCall& call);
/// The same of a call whose forward gave something, though the class may be known to raise.
ShippedGradient gradient_of_value(const CatalogueEntry& entry, const GradientCall& call);

/// Why the released class has no gradient after query, key and value that could be computed here; "" where it has one,
/// wrong or right, or raises.
std::string why_no_gradient(const CatalogueEntry& entry, int ranks);

/// "in one process: exact; on several ranks: …", for `explain`.
std::string gradient_words(const CatalogueEntry& entry);

/// Which of "query", "key", "value" and "x" there are.
std::vector<std::string> differentiable_inputs(const ReleasedInputs& inputs);

/// One training step of a released class on this rank: the derivatives of its loss after each of those inputs, as its
/// backward gave them. `grad_out`: after what the class returns, of all n rows; the loss is of the rank's contiguous
/// share. Collective where the class is. Throws LegacyRaises where forward or backward raised, Unavailable where the
/// class's gradient is not reproduced.
ReleasedInputs released_gradients(const ReleasedEntry& entry, Communicator& communicator, const ReleasedInputs& inputs,
                                  const ReleasedArguments& arguments, const at::Tensor& grad_out);

}  // namespace ringattn::legacy
