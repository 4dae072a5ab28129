#include "plan/returns.h"

#include "plan/transfers.h"

namespace ringattn {
namespace {

Return return_of_hop(NeedBook& needs, int rank, int hop) {
  Return exchange{.hop = hop, .sends = {}, .receives = {}};
  const std::vector<HeadRange>& classes = needs.classes();
  const int source = needs.wrap(rank - hop);
  const Need& held = needs.of(rank, source);
  const Need& next = needs.of(rank + 1, source);
  add_packed(exchange.sends, needs.wrap(rank + 1), held & next, held, classes);
  add_packed(exchange.sends, source, held.minus(next), held, classes);

  const int coming = needs.wrap(source - 1);  // whose rows step hop + 1 holds
  const Need& holds = needs.of(rank, coming);
  add_packed(exchange.receives, needs.wrap(rank - 1), holds & needs.of(rank - 1, coming), holds, classes);
  const Need& away = needs.of(rank + hop, rank);
  add_own(exchange.receives, needs.wrap(rank + hop), away.minus(needs.of(rank + hop + 1, rank)), classes);
  return exchange;
}

}  // namespace

std::vector<Return> make_returns(const Plan& plan) {
  NeedBook needs(plan.pattern, plan.layout);
  std::vector<Return> returns;
  for (int hop = 1; hop < plan.layout.world_size; ++hop) {
    Return exchange = return_of_hop(needs, plan.rank, hop);
    if (!exchange.sends.empty() || !exchange.receives.empty()) returns.push_back(std::move(exchange));
  }
  return returns;
}

}  // namespace ringattn
