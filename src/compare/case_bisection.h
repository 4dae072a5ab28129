#pragma once

#include "attention/inputs.h"
#include "comm/world.h"
#include "compare/examine.h"
#include "compare/first_bad_step.h"

#include <c10/core/ScalarType.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// What the judge has against a new implementation.
struct WrongParts {
  bool forward_wrong = false;
  bool gradients_wrong = false;
};

/// What looking for the place has given.
struct CaseBisection {
  std::optional<FirstBadStep> first_bad{};
  std::vector<std::string> words{};  ///< for people: the place, or why none is named
};

/// One more run of the new one in `dtype`, fp32 or fp64, watched step by step: of its forward where that is wrong
/// (bisection.h), and of its backward where the gradients are and no place in the forward is to blame
/// (gradient_bisection.h): derivatives that come of a wrong result say nothing of the backward pass. `inputs` are what
/// the judged run was given, grad_out included, on the CPU; `tell` is told what is being done. Cost: that of the
/// bisections.
CaseBisection bisect_case(const Candidate& candidate, World& world, const InputSource& inputs, at::ScalarType dtype,
                          const WrongParts& wrong, const std::function<void(const std::string&)>& tell);

}  // namespace ringattn
