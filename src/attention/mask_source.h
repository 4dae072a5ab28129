#pragma once

#include "config/axes.h"
#include "config/positions.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace ringattn {

/// Where an attention mask comes from: its rows as a function of position, so that no rank holds rows that it does not
/// need. Thread-safe.
class MaskSource {
 public:
  virtual ~MaskSource() = default;
  const MaskShape& shape() const { return shape_; }
  /// keys: (batch or 1, rows); scores: (batch or 1, heads or 1, rows, n). bool, or fp32 when additive; contiguous, on
  /// the CPU.
  at::Tensor rows(const Positions& positions) const { return do_rows(positions); }

 protected:
  explicit MaskSource(MaskShape shape) : shape_(shape) {}

 private:
  virtual at::Tensor do_rows(const Positions& positions) const = 0;

  MaskShape shape_;
};

/// What a mask belongs to.
struct MaskedProblem {
  std::int64_t batch = 1;
  std::int64_t seq_len = 0;
  std::int64_t heads = 1;
  std::uint64_t seed = 0;
};

/// padding: bool (batch, n): sequence b keeps its first valid(b) positions, valid(b) evenly from ⌈n/2⌉ … n.
/// random: bool (batch, 1, n, n): each entry allowed with probability 0.8; queries 10, 107, 204, … see nothing.
/// alibi: fp32 (1, heads, n, n): -2^(-8(h+1)/heads) · |query - key| (Press, Smith, Lewis: Train Short, Test Long,
/// 2022).
/// Entries depend on the seed and on their own place (batch, query, key) alone. Throws UsageError for another name.
std::unique_ptr<MaskSource> generated_mask(std::string_view name, const MaskedProblem& problem);

/// The tensor `mask` of a safetensors file: (batch or 1, n) or (batch or 1, heads or 1, n, n), bool or floating; rows
/// are read from the mapped file when asked for. Additive values are converted to fp32. Throws UsageError that names
/// file and shape; NaN and +inf are refused when their row is read.
std::unique_ptr<MaskSource> file_mask(const std::string& path, const MaskedProblem& problem);

/// "none" gives nullptr; a generated mask's name, or a file.
std::unique_ptr<MaskSource> make_mask(const std::string& spec, const MaskedProblem& problem);

}  // namespace ringattn
