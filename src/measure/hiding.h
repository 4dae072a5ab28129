#pragma once

#include <cstdint>

namespace ringattn {

// The length from which a ring hop is hidden behind the tiles that run meanwhile. Pure arithmetic:
//   a hop's tiles take  t_c = 4 · batch · L² · heads · dim / F      (two products; F operations a second)
//   a hop takes         t_x = α + 2 · batch · L · kv_heads · dim · bytes / W   (K and V; W bytes a second, latency α)
// and it is hidden iff t_c >= t_x. L is rows a rank.

/// Who computes how fast, and what a row is.
struct HidingProblem {
  double flops_per_s = 0.0;         ///< F of one rank
  double bytes_per_s = 0.0;         ///< W of its link, one direction
  double element_bytes = 2.0;       ///< of K and V
  double heads_per_key = 1.0;       ///< query heads that share a K/V head
  bool is_balanced_causal = false;  ///< each hop does half the work and moves the same bytes
};

/// L* = (kv_heads / heads) · bytes · F / (2 · W), twice that for balanced causal work: no latency, so neither batch nor
/// dim matter.
double hiding_length(const HidingProblem& problem);

/// The same with latency: the positive root of t_c(L) = t_x(L); the work of a row pair is 4 · batch · heads · dim.
double hiding_length(const HidingProblem& problem, double latency_s, std::int64_t batch, std::int64_t heads,
                     std::int64_t head_dim);

/// Backward: K and V travel with their gradients, and five products are made of two:
///   L* = (kv_heads / heads) · (bytes + gradient bytes) · F_b / (5 · W).
double hiding_length_backward(const HidingProblem& problem, double gradient_bytes);

/// Of keys that only every r-th row keeps, hops are shorter and tiles smaller:  L >= r · L*.
double hiding_length_dilated(double dense_length, std::int64_t rate);

}  // namespace ringattn
