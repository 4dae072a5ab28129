#pragma once

#include "attention/oracle_keys.h"
#include "config/axes.h"

#include <cstdint>
#include <memory>

namespace ringattn::oracle {

/// The key blocks that a query at `place` of the sequence meets through a pair, by the definition in config/axes.h:
/// couple by couple, h by counting. Remembers the last functions that it was asked for; thread-safe.
std::shared_ptr<const BlockRow> block_row(const AttentionFunction& function, std::int64_t pair, std::int64_t head,
                                          std::int64_t place);

}  // namespace ringattn::oracle
