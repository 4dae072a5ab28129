#pragma once

#include "attention/attends.h"
#include "config/axes.h"

#include <cstdint>
#include <vector>

namespace ringattn::oracle {

/// Heads that see exactly the same keys, and the pairs whose keys go into one softmax for them. The predicate depends
/// on the head only through group membership and the offset rule `head`, so one mask serves a whole strand. Results of
/// the strands of a head add up, each times `scale` (1/G for the joins groups and mean).
struct Strand {
  std::vector<std::int64_t> heads;
  std::vector<std::int64_t> pairs;
  double scale = 1.0;
};

/// join single, groups, softmax: one strand per class of heads. join mean: one per class and pair. Heads without any
/// pair have none.
std::vector<Strand> strands_of(const AttentionFunction& function);

/// The views of one row through the pairs of a strand, those that exist.
std::vector<QueryView> views_of(const AttentionFunction& function, const Defects& defects, const Strand& strand,
                                std::int64_t query);

}  // namespace ringattn::oracle
