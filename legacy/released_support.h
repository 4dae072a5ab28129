#pragma once

#include "legacy/released.h"
#include "legacy/semantics.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

// What released classes share that is neither a function nor a merge: reading their arguments, and Python's ways to
// refuse.

namespace ringattn::legacy {

/// "query", "key", "value" as they were given.
FullInputs attention_inputs(const ReleasedInputs& inputs);

/// (w, r) by place, as Python's zip: what is too many in one list is not seen.
std::vector<Pair> pairs_of(const ReleasedArguments& arguments);

/// `assert`: LegacyRaises AssertionError.
void python_assert(bool holds, const std::string& message = {});
/// The assertion of every class that cut n rows into R chunks: "Sequence length N must be divisible by WHAT R".
void assert_divisible(std::int64_t rows, std::int64_t parts, const std::string& what = "ring size");

/// `ring_size or world_size`: an explicit 0 counts as none.
std::int64_t ring_size_or_world(const ReleasedArguments& arguments, const Communicator& communicator);
/// The same, but 1 in a world of one: what classes took that asked torch.distributed first.
std::int64_t ring_size_when_distributed(const ReleasedArguments& arguments, const Communicator& communicator);

/// first, first + 1, …: `rows` of them.
at::Tensor positions_from(std::int64_t first, std::int64_t rows, at::Device device);

/// Runs tensor operations that the released class ran alike, so that a shape it could not handle raises the same:
/// LegacyRaises with Python's type and words for an error of ATen.
at::Tensor as_in_python(const std::function<at::Tensor()>& operations);

/// The library's attention kernel, where a class called it: (batch, rows, heads, dim) in and out, scores not held.
/// Causal: row a sees keys b <= a. No keys: zeros.
at::Tensor library_attention(const FullInputs& piece, bool is_causal = false);

/// What a rank has in its hands at one step of a ring: all queries, and one chunk of keys and values.
struct RingChunk {
  FullInputs inputs{};
  std::int64_t index = 0;
  std::int64_t start = 0;  ///< position of the chunk's first row
};

/// The ring of all classes that kept the queries whole: n rows in R chunks (AssertionError where R does not divide n),
/// key and value chunks passed on together, own chunk first, as `prepare` left it. Where R is not the world size no
/// rank returns: it raises on the chunk that it begins with, or waits for ever.
void key_value_ring(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments,
                    std::int64_t ring_size, const std::function<void(const RingChunk&)>& visit,
                    const std::function<at::Tensor(const at::Tensor&)>& prepare = {});

}  // namespace ringattn::legacy
