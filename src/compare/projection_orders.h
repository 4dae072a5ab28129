#pragma once

#include "attention/module_inputs.h"
#include "compare/examine.h"

namespace ringattn {

/// The module around the candidate's ring in both orders, split before projecting and after: each metered, judged
/// against the module's oracle in the case's dtype, against each other in the logic tier (fp32, or fp64), and timed in
/// interleaved pairs. Errors of ranks are rethrown. Cost: four runs of the module and the timed ones, of which the old
/// order projects n rows on each rank.
ProjectionOrdersRecord examine_projection_orders(const Case& axes, RingAttention& ring, RankWorld& world,
                                                 const ProjectedInputs& inputs, ReferenceBook& references,
                                                 const ExamineOptions& options);

/// Whether both orders are the module's oracle, and each other.
bool passed(const ProjectionOrdersRecord& record);

/// Puts the orders into the case's record; where one is wrong, that is the outcome, whatever was found before.
void add_projection_orders(CaseRecord& record, ProjectionOrdersRecord orders);

}  // namespace ringattn
