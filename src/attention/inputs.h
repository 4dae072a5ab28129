#pragma once

#include "config/positions.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

namespace ringattn {

enum class InputTensor { query, key, value };
std::string_view to_string(InputTensor tensor);

/// Where query, key and value come from: a function of (tensor, batch, position, head, dim), so that any rank builds
/// exactly its own rows, no rank ever holds n of them, and the world size does not change the data. Thread-safe.
class InputSource {
 public:
  virtual ~InputSource() = default;

  std::int64_t batch() const { return shape_.batch; }
  std::int64_t seq_len() const { return shape_.seq_len; }
  std::int64_t heads() const { return shape_.heads; }
  std::int64_t head_dim() const { return shape_.head_dim; }

  /// The rows at `positions`, in that order: (batch, rows, heads, dim), contiguous, on the CPU. `dtype` is fp32, bf16,
  /// fp16 or fp64. Throws UsageError for another dtype, or a position outside [0, seq_len).
  at::Tensor rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const;

 protected:
  struct Shape {
    std::int64_t batch = 0;
    std::int64_t seq_len = 0;
    std::int64_t heads = 0;
    std::int64_t head_dim = 0;
  };
  explicit InputSource(Shape shape) : shape_(shape) {}

 private:
  virtual at::Tensor do_rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const = 0;

  Shape shape_;
};

/// What generated numbers look like.
enum class InputDistribution {
  normal,  ///< independent standard normal values
};

struct GeneratedInputOptions {
  std::uint64_t seed = 0;
  std::int64_t batch = 1;
  std::int64_t seq_len = 0;
  std::int64_t heads = 1;
  std::int64_t head_dim = 0;
  InputDistribution distribution = InputDistribution::normal;
};

/// Numbers from a counter-based generator: philox4x32 with the seed as key and the place of the value as counter. Other
/// dtypes than fp32 hold the fp32 value, rounded (bf16, fp16) or exactly (fp64). Costs about 9 ns a value. Throws
/// UsageError for sizes below 1, and above 2^24 for batch, 2^16 for heads, 2^18 for head_dim.
std::unique_ptr<InputSource> generated_inputs(const GeneratedInputOptions& options);

/// The tensors `query`, `key`, `value`, each (batch, seq, heads, dim) and of one shape, of a safetensors file; values
/// are converted to the asked dtype. Rows are read from the mapped file when asked for. Throws UsageError that names
/// file, tensor and shape.
std::unique_ptr<InputSource> file_inputs(const std::string& path);

}  // namespace ringattn
