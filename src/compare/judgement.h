#pragma once

#include "attention/interface.h"
#include "compare/numeric.h"
#include "compare/reference.h"
#include "measure/measurement.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// One implementation's results in one dtype.
struct RunResult {
  Measurement measurement;
  Partial judged;                        ///< the rows that are judged: all, or those of the references
  std::optional<Gradients> gradients{};  ///< of backward: dq of those rows, all of dk and dv
};

/// What a run gave, against the oracle.
struct RunVerdict {
  NumericVerdict result;                      ///< out and lse
  std::optional<NumericVerdict> gradients{};  ///< none: it has none
  NumericVerdict whole() const;
};

/// Against the oracle of `function`, out and lse and, where there are any, gradients; `tolerance`: the user's, for
/// every elementwise judgement in place of the tiers. An old implementation is held to its own_formula in low
/// precision. Row numbers are places among the judged rows.
RunVerdict judge_run(const RunResult& result, const AttentionFunction& function, BaselineKind kind,
                     ReferenceBook& references, const std::optional<Tolerance>& tolerance);

/// Old against new, by the user's tolerance or the guide's, and, with the guide's, what rounding leaves between two
/// right results in fp32 or wider; `function` is the new one's. Gradients where both have some.
NumericVerdict judge_runs(const RunResult& old, const RunResult& fresh, const std::string& fresh_id,
                          const AttentionFunction& function, ReferenceBook& references,
                          const std::optional<Tolerance>& tolerance);

/// Row numbers as positions, where `rows` were judged (empty: all): those of dk and dv are positions already.
NumericVerdict numbered(NumericVerdict verdict, const std::vector<std::int64_t>& rows);

/// The oracle's numbers in the dtypes of the result.
Partial rounded_as(const Partial& result, const Partial& oracle);
Gradients rounded_as(const Gradients& result, const Gradients& oracle);

}  // namespace ringattn
