#pragma once

#include "attention/input_distribution.h"
#include "config/axes.h"
#include "config/positions.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// grad_out: what the derivative of a loss after the result is taken to be, rows and heads as query. The numbers are
/// streams of the generator, which has others for masks and for x.
enum class InputTensor { query = 0, key = 1, value = 2, grad_out = 5 };
std::string_view to_string(InputTensor tensor);

/// Where query, key, value and grad_out come from: a function of (tensor, batch, position, head, dim), so that any rank
/// builds exactly its own rows, no rank ever holds n of them, and the world size does not change the data. Thread-safe.
class InputSource {
 public:
  virtual ~InputSource() = default;

  std::int64_t batch() const { return shape_.batch; }
  std::int64_t seq_len() const { return shape_.seq_len; }
  std::int64_t heads() const { return shape_.heads; }
  std::int64_t head_dim() const { return shape_.head_dim; }

  std::int64_t kv_heads() const { return shape_.kv_heads; }  ///< heads of key and value
  /// Where the rows come to lie: on the CPU, or on the GPU that the asking thread works on.
  at::DeviceType device_type() const { return device_type_; }
  std::int64_t heads_of(InputTensor which) const {
    return which == InputTensor::key || which == InputTensor::value ? kv_heads() : heads();
  }
  MaskShape mask_shape() const { return shape_.mask; }

  /// The mask's rows at `positions`, contiguous: keys (batch or 1, rows), scores (batch or 1, 1 or heads,
  /// rows, n); bool, or fp32 when additive. Undefined when there is no mask. Throws UsageError for a position outside
  /// [0, seq_len).
  at::Tensor mask(const Positions& positions) const;

  /// The rows at `positions`, in that order: (batch, rows, heads, dim), contiguous. `dtype` is fp32, bf16,
  /// fp16 or fp64. Throws UsageError for another dtype, or a position outside [0, seq_len).
  at::Tensor rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const;

 protected:
  struct Shape {
    std::int64_t batch = 0;
    std::int64_t seq_len = 0;
    std::int64_t heads = 0;
    std::int64_t head_dim = 0;
    std::int64_t kv_heads = 0;
    MaskShape mask{};
  };
  explicit InputSource(Shape shape, at::DeviceType device_type = at::kCPU) : shape_(shape), device_type_(device_type) {}

 private:
  virtual at::Tensor do_rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const = 0;
  virtual at::Tensor do_mask(const Positions& positions) const = 0;

  Shape shape_;
  at::DeviceType device_type_;
};

/// The same numbers, brought to the device. `source` must outlive it.
std::unique_ptr<InputSource> inputs_on(const InputSource& source, at::DeviceType device_type);

struct GeneratedInputOptions {
  std::uint64_t seed = 0;
  std::int64_t batch = 1;
  std::int64_t seq_len = 0;
  std::int64_t heads = 1;
  std::int64_t head_dim = 0;
  InputDistribution distribution = InputDistribution::normal;
  std::int64_t kv_heads = 0;  ///< 0: as many as heads
  std::string mask = "none";  ///< see make_mask
};

/// Numbers from a counter-based generator: philox4x32 with the seed as key and the place of the value as counter. Other
/// dtypes than fp32 hold the fp32 value, rounded (bf16, fp16) or exactly (fp64). grad_out is standard normal whatever
/// the distribution of the others. Costs about 9 ns a value. Throws
/// UsageError for sizes below 1, and above 2^24 for batch, 2^16 for heads, 2^18 for head_dim.
std::unique_ptr<InputSource> generated_inputs(const GeneratedInputOptions& options);

/// The tensors `query`, `key`, `value` of a safetensors file, each (batch, seq, heads, dim); key and value are of one
/// shape and may have fewer heads, a divisor of the query's. Values are converted to the asked dtype. Rows are read
/// from the mapped file when asked for. `mask` is as make_mask wants it, or "inputs": the tensor `mask` of the same
/// file. `grad_out`, as query, may be in the file; else it is generated from the seed. Throws UsageError that names
/// file, tensor and shape.
std::unique_ptr<InputSource> file_inputs(const std::string& path, const std::string& mask = "none",
                                         std::uint64_t seed = 0);
/// Whether the file has a tensor `mask`.
bool file_has_mask(const std::string& path);

/// `inputs`, which must outlive it, but grad_out is 0 in all rows that are not among `rows` (ascending): gradients then
/// are what those rows contribute, so that an oracle of those rows alone can judge all of them.
std::unique_ptr<InputSource> with_grad_out_of(const InputSource& inputs, std::vector<std::int64_t> rows);

}  // namespace ringattn
