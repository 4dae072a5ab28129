#include "compare/case_bisection.h"

#include "compare/bisection.h"
#include "compare/gradient_bisection.h"

#include <fmt/format.h>

namespace ringattn {
namespace {

Partial forward_of(const Candidate& candidate, Communicator& communicator, const RankInputs& own,
                   const AfterStep& watch) {
  return candidate.traced ? candidate.traced(communicator, own, watch)
                          : traced_forward(candidate.attention, communicator, own, watch);
}

Gradients backward_of(const Candidate& candidate, Communicator& communicator, const RankInputs& own,
                      const Partial& result, const at::Tensor& grad_out, GradientWatch& watch) {
  return candidate.traced_backward ? candidate.traced_backward(communicator, own, result, grad_out, watch)
                                   : traced_backward(candidate.attention, communicator, own, result, grad_out, watch);
}

std::optional<FirstBadStep> first_bad_of_forward(const Candidate& candidate, World& world, const InputSource& inputs,
                                                 at::ScalarType dtype) {
  Bisection bisection(candidate.attention, inputs, dtype);
  world.run([&](Communicator& c) {
    const RankInputs own = rank_inputs(candidate.attention, c.rank(), c.world_size(), inputs, dtype);
    const AfterStep watch = bisection.watch(c.rank());
    bisection.finish(c.rank(), forward_of(candidate, c, own, watch));
  });
  return bisection.first_bad();
}

std::optional<FirstBadStep> first_bad_of_backward(const Candidate& candidate, World& world, const InputSource& inputs,
                                                  at::ScalarType dtype) {
  GradientBisection bisection(candidate.attention, inputs, dtype);
  world.run([&](Communicator& c) {
    const RankInputs own = rank_inputs(candidate.attention, c.rank(), c.world_size(), inputs, dtype);
    const at::Tensor grad_out = rank_grad_out(candidate.attention, c.rank(), c.world_size(), inputs, dtype, Pass::both);
    const Partial result = forward_of(candidate, c, own, {});
    GradientWatch& watch = bisection.watch(c.rank());
    bisection.finish(c.rank(), backward_of(candidate, c, own, result, grad_out, watch));
  });
  return bisection.first_bad();
}

}  // namespace

CaseBisection bisect_case(const Candidate& candidate, World& world, const InputSource& inputs, at::ScalarType dtype,
                          const WrongParts& wrong, const std::function<void(const std::string&)>& tell) {
  CaseBisection found;
  bool is_forward_known = true;
  const auto note = [&](const char* pass) {
    found.words.push_back(found.first_bad ? to_string(*found.first_bad)
                                          : fmt::format("each rank's {} is right after each hop", pass));
  };
  if (wrong.forward_wrong && candidate.attention.pattern().states > 1) {
    found.words.emplace_back("a mean of pairs that meet has no running result");
    is_forward_known = false;
  } else if (wrong.forward_wrong) {
    tell(fmt::format("{} step by step", candidate.id));
    found.first_bad = first_bad_of_forward(candidate, world, inputs, dtype);
    note("forward");
  }
  if (!wrong.gradients_wrong) return found;
  if (found.first_bad || !is_forward_known) {
    found.words.emplace_back("dq, dk and dv come of that result, and were not looked into");
    return found;
  }
  tell(fmt::format("backward of {} step by step", candidate.id));
  found.first_bad = first_bad_of_backward(candidate, world, inputs, dtype);
  note("backward");
  return found;
}

}  // namespace ringattn
