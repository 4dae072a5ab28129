#pragma once

#include "attention/oracle.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <cstdint>
#include <limits>

namespace ringattn::test {

struct Inputs {
  at::Tensor query, key, value;
};

/// Smooth, full-rank and reproducible without a random generator.
inline Inputs inputs(std::int64_t batch, std::int64_t n, std::int64_t heads, std::int64_t dim,
                     std::int64_t key_heads = 0) {
  const std::int64_t shared = key_heads > 0 ? key_heads : heads;
  const auto wave = [&](double frequency, std::int64_t count) {
    return at::arange(batch * n * count * dim, at::kDouble).mul(frequency).sin().mul(1.5).view({batch, n, count, dim});
  };
  return {wave(0.7, heads), wave(1.3, shared), wave(2.1, shared)};
}

inline void check_close(const at::Tensor& seen, const at::Tensor& wanted) {
  REQUIRE(seen.sizes() == wanted.sizes());
  CHECK(at::allclose(seen, wanted, 1e-12, 1e-12));
}

/// Softmax of scores (…, rows, n) times value, rows of -inf giving 0.
inline at::Tensor softmax_or_zero(const at::Tensor& scores) {
  const at::Tensor empty = scores.amax(-1, true).eq(-std::numeric_limits<double>::infinity());
  return at::softmax(scores, -1).masked_fill(empty, 0.0);
}

inline OracleResult evaluate(const AttentionFunction& f, const Inputs& in, const OracleOptions& options = {}) {
  return evaluate_oracle(f, in.query, in.key, in.value, options);
}

}  // namespace ringattn::test
