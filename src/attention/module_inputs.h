#pragma once

#include "attention/input_distribution.h"
#include "attention/inputs.h"
#include "attention/mask_source.h"
#include "attention/projection.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

// The inputs of a whole module, one x (batch, n, embed), and what an attention inside it is given.

namespace ringattn {

/// Where x comes from: a function of (batch, position, channel), however the channels are split into heads.
/// Thread-safe.
class XSource {
 public:
  virtual ~XSource() = default;
  std::int64_t batch() const { return shape_.batch; }
  std::int64_t seq_len() const { return shape_.seq_len; }
  std::int64_t embed() const { return shape_.embed; }
  /// (batch, rows, embed), contiguous, on the CPU; fp32 values rounded, or exactly, to `dtype`.
  at::Tensor rows(const Positions& positions, at::ScalarType dtype) const { return do_rows(positions, dtype); }

 protected:
  struct Shape {
    std::int64_t batch = 0;
    std::int64_t seq_len = 0;
    std::int64_t embed = 0;
  };
  explicit XSource(Shape shape) : shape_(shape) {}

 private:
  virtual at::Tensor do_rows(const Positions& positions, at::ScalarType dtype) const = 0;
  Shape shape_;
};

struct GeneratedXOptions {
  std::uint64_t seed = 0;
  std::int64_t batch = 1;
  std::int64_t seq_len = 0;
  std::int64_t embed = 1;
  /// As keys are shaped by it, a whole row counting as one head.
  InputDistribution distribution = InputDistribution::normal;
};
std::unique_ptr<XSource> generated_x(const GeneratedXOptions& options);

/// The tensor `x` (batch, seq, embed) of FILE.safetensors, or "inputs/SET/x" for FILE.safetensors#SET. UsageError names
/// file, tensor and shape.
std::unique_ptr<XSource> file_x(const std::string& spec);
/// Whether the file has such an x.
bool file_has_x(const std::string& spec);

/// query, key and value as the projections of x: whoever asks for rows projects those rows alone, in the dtype that it
/// asks for, weights included. Thread-safe.
class ProjectedInputs final : public InputSource {
 public:
  /// `mask` may be null. UsageError where x has not the embed of the projection.
  ProjectedInputs(std::unique_ptr<XSource> x, Projection projection, std::unique_ptr<MaskSource> mask);

  const XSource& x() const { return *x_; }
  const Projection& layers() const { return projection_; }  ///< as they were given
  /// The layers, rounded to `dtype`.
  const Projection& projection(at::ScalarType dtype) const;
  /// fp64 results of x and weights as they are in `dtype`: (batch, rows, heads, dim).
  at::Tensor exact_rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const;
  /// The layers rounded to `dtype`, then held in fp64.
  Projection exact_projection(at::ScalarType dtype) const { return projection(dtype).to(at::kDouble); }

 private:
  at::Tensor do_rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const override;
  at::Tensor do_mask(const Positions& positions) const override { return mask_->rows(positions); }

  std::unique_ptr<XSource> x_;
  Projection projection_;
  std::unique_ptr<MaskSource> mask_;
  mutable std::mutex mutex_;
  mutable std::map<at::ScalarType, std::unique_ptr<Projection>> by_dtype_;
};

/// x itself in the place of query, key and value, its channels split into heads: what a module that has projections of
/// its own is given through the seam of an attention, and the mask of `inputs`, which must outlive it.
class UnprojectedInputs final : public InputSource {
 public:
  explicit UnprojectedInputs(const ProjectedInputs& inputs);

 private:
  at::Tensor do_rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const override;
  at::Tensor do_mask(const Positions& positions) const override { return inputs_.mask(positions); }

  const ProjectedInputs& inputs_;
};

}  // namespace ringattn
