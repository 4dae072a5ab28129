#pragma once

#include "attention/inputs.h"
#include "attention/interface.h"
#include "attention/module_inputs.h"
#include "attention/oracle.h"
#include "compare/gradient_judge.h"
#include "compare/numeric.h"
#include "compare/reference_formula.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace ringattn {

/// What the results of one function on one dtype of the inputs are judged by. Rows are the sampled ones, or all. With
/// projections around the attention, `out` is everywhere what the module returns; lse stays that of the attention.
struct Reference {
  Partial oracle;   ///< fp64
  Partial library;  ///< the direct library kernel on one device, outside plan and merge, with definition and mask as
                    ///< its mask; the plain formula in fp32 where the library has none (reference_formula.h); fp64:
                    ///< undefined
  Partial
      plain;  ///< the formula in plain tensor operations of the inputs' dtype, dense, on one device; low precision only
  at::Tensor single_key_rows;  ///< bool (batch or 1, heads, rows); undefined behind projections, which round
  InputMagnitude magnitude;
  std::optional<ProjectionMagnitude> projection;  ///< none: no projections, or such as round nothing
  RowSensitivity sensitivity;                     ///< undefined with dropout behind projections
  std::int64_t oracle_ns = 0;                     ///< what it took to make all this
};

/// What the gradients of one function on one dtype of the inputs are judged by, with the inputs' grad_out in the judged
/// rows and 0 in all others (with_grad_out_of): query has the judged rows, key and value have all.
struct GradientReference {
  Gradients oracle;  ///< fp64
  GradientSensitivity sensitivity;
  Gradients library;  ///< as Reference::library
  Gradients plain;    ///< as Reference::plain
  InputMagnitude magnitude;
  std::int64_t shared = 1;     ///< query heads a key head
  std::int64_t oracle_ns = 0;  ///< what it took to make all this
};

/// What judge_gradients needs of it where the yardstick is the library kernel.
GradientContext context_of(const GradientReference& expected);

/// What judge_against_oracle needs of a reference where the yardstick is the library kernel.
OracleContext context_of(const Reference& expected);

/// References by (function, dtype), made when first asked for: they do not depend on the number of ranks.
class ReferenceBook {
 public:
  /// `rows`: the query positions that are judged; empty for all.
  ReferenceBook(const InputSource& inputs, std::vector<std::int64_t> rows) : inputs_(inputs), rows_(std::move(rows)) {}
  /// References of a module: projections, the function, the output projection.
  ReferenceBook(const ProjectedInputs& inputs, std::vector<std::int64_t> rows)
      : inputs_(inputs), projected_(&inputs), rows_(std::move(rows)) {}

  /// UsageError: the function's mask or key heads are not those of the inputs.
  const Reference& of(const AttentionFunction& function, at::ScalarType dtype);
  /// UsageError besides: with projections.
  const GradientReference& gradients_of(const AttentionFunction& function, at::ScalarType dtype);
  /// The same with dk and dv of some keys alone: positions, ascending; made each time.
  GradientReference gradients_at(const AttentionFunction& function, at::ScalarType dtype,
                                 const std::vector<std::int64_t>& key_rows);
  /// The oracle with defects added; made each time. `some`: places among the judged rows; empty: all of them.
  Partial with_defects(const AttentionFunction& function, const Defects& defects, at::ScalarType dtype,
                       const std::vector<std::int64_t>& some = {});
  const std::vector<std::int64_t>& rows() const { return rows_; }
  /// What the module returns for a rank's result of the attention inside it, `out` of the inputs' dtype: through the
  /// output projection, row by row. Without projections the result itself.
  Partial project_out(const Partial& core) const;
  /// The judged rows of a full result.
  Partial judged(const Partial& full) const;
  Gradients judged(const Gradients& full) const;
  /// What was spent on references since the last call.
  std::int64_t take_spent_ns();

 private:
  struct Inputs {
    at::Tensor query, key, value;
  };
  template <typename Made>
  struct Entry {
    AttentionFunction function;
    at::ScalarType dtype;
    Made reference;
  };
  template <typename Made>
  using Entries = std::vector<std::unique_ptr<Entry<Made>>>;
  /// The entry of that function and dtype, made by `make` where there is none.
  template <typename Made, typename Make>
  const Made& entry_of(Entries<Made>& entries, const AttentionFunction& function, at::ScalarType dtype,
                       const Make& make);
  const Inputs& inputs_of(at::ScalarType dtype);
  /// fp64 projections of what a dtype holds; without projections inputs_of.
  const Inputs& exact_inputs_of(at::ScalarType dtype);
  /// The mask as the oracle wants it; undefined for a function without one.
  at::Tensor mask_of(const AttentionFunction& function);
  Reference make(const AttentionFunction& function, at::ScalarType dtype);
  Reference make_projected(const FormulaInputs& rounded, at::ScalarType dtype);

  const InputSource& inputs_;
  const ProjectedInputs* projected_ = nullptr;
  std::vector<std::int64_t> rows_;
  std::map<at::ScalarType, Inputs> full_;
  std::map<at::ScalarType, Inputs> exact_;
  at::Tensor mask_;
  Entries<Reference> entries_;
  Entries<GradientReference> gradient_entries_;
  std::int64_t spent_ns_ = 0;
};

/// The rows to judge: all of them while the oracle costs at most `flops_max` (4 · batch · heads · n² · dim), else
/// samples: the first and last rows of each rank's runs and of each pair's and the documents' first, middle and last
/// ones, at most `samples_max`, ascending. Empty means all.
std::vector<std::int64_t> judged_rows(const AttentionFunction& function, std::int64_t batch, std::int64_t head_dim,
                                      const std::vector<Positions>& shards, double flops_max, std::int64_t samples_max);

}  // namespace ringattn
