#pragma once

#include "pattern/pattern.h"

namespace ringattn {

/// The part of a pattern that these query heads compute, as a pattern of its own, whose head 0 is heads.begin: with the
/// key heads that they read, and dropout as the whole one has it. Heads and key heads must go together: the slice reads
/// whole key heads, or its heads all read one; else UsageError.
Pattern slice_heads(const Pattern& pattern, HeadRange heads);

/// The key heads that these query heads read.
HeadRange sliced_key_heads(const AttentionFunction& function, HeadRange heads);

}  // namespace ringattn
