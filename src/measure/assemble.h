#pragma once

#include "attention/interface.h"

#include <span>

namespace ringattn {

/// Puts the ranks' results together by position: out (batch, n, heads, dim), lse (batch, heads, n), undefined where a
/// rank returned none. `results[r]` is what rank r of results.size() returned. Allocates the whole sequence: for
/// comparing, never on a rank. Where every rank returns the whole sequence, as old implementations do, rank r's copy
/// gives the rows of rank r's contiguous share. Throws RuntimeFailure when a position has no row or several.
Partial assemble(const Attention& attention, std::span<const Partial> results);

/// The same of the ranks' gradients: query (batch, n, heads, dim), key and value (batch, n, key heads, dim). Where
/// every rank was given the whole sequence, each has the derivatives of its own loss: they are added up, in fp64.
Gradients assemble(const Attention& attention, std::span<const Gradients> results);

}  // namespace ringattn
