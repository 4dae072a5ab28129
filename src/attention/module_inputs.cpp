#include "attention/module_inputs.h"

#include "attention/counter_random.h"
#include "attention/input_numbers.h"
#include "attention/safetensors.h"
#include "config/error.h"

#include <ATen/ATen.h>

#include <cstring>
#include <span>
#include <utility>
#include <vector>

namespace ringattn {
namespace {

/// The number of x among the generator's tensors; query, key and value are 0, 1 and 2.
constexpr std::uint32_t kTensorX = 3;

class GeneratedX final : public XSource {
 public:
  explicit GeneratedX(const GeneratedXOptions& options)
      : XSource({options.batch, options.seq_len, options.embed}), options_(options) {}

 private:
  at::Tensor do_rows(const Positions& positions, at::ScalarType dtype) const override {
    at::Tensor rows = at::empty({batch(), count(positions), embed()}, at::kFloat);
    const auto width = static_cast<std::size_t>(embed());
    float* out = rows.data_ptr<float>();
    for (std::int64_t b = 0; b < batch(); ++b) {
      for (const std::int64_t position : expand(positions)) {
        fill({out, width}, b, position);
        if (options_.distribution != InputDistribution::normal) reshape({out, width}, b, position);
        out += width;
      }
    }
    return rows.to(dtype);
  }

  /// The 128-bit counter: channel / 4 (32 bits), position (64), batch (24), tensor (8).
  void fill(std::span<float> out, std::int64_t b, std::int64_t position) const {
    const auto low = [](std::int64_t value) { return static_cast<std::uint32_t>(value); };
    fill_normal(out, 0, {low(position), low(position >> 32), low(b) | kTensorX << 24},
                {static_cast<std::uint32_t>(options_.seed), static_cast<std::uint32_t>(options_.seed >> 32)});
  }

  void reshape(std::span<float> out, std::int64_t b, std::int64_t position) const {
    std::vector<float> first(out.size());
    fill(first, b, 0);
    shape_numbers(out, {options_.distribution, InputTensor::key, position == seq_len() / 2, first});
  }

  GeneratedXOptions options_;
};

class FileX final : public XSource {
 public:
  FileX(Shape shape, std::unique_ptr<SafetensorsFile> file, std::string name)
      : XSource(shape), file_(std::move(file)), name_(std::move(name)) {}

  static std::unique_ptr<XSource> open(const std::string& spec) {
    const TensorSet set = tensor_set(spec);
    auto file = std::make_unique<SafetensorsFile>(set.file);
    const std::string name = set.prefix + "x";
    const SafetensorsEntry& entry = file->entry(name);
    const std::string who = file->path() + ": tensor '" + name + "' has ";
    if (entry.shape.size() != 3 || entry.data.empty())
      throw UsageError(who + "shape " + shape_text(entry.shape) + ", must be (batch, seq, embed), none of them 0");
    if (!at::isFloatingType(entry.dtype))
      throw UsageError(who + "dtype " + at::toString(entry.dtype) + ", must be a floating one");
    const Shape shape{entry.shape[0], entry.shape[1], entry.shape[2]};
    return std::make_unique<FileX>(shape, std::move(file), name);
  }

 private:
  at::Tensor do_rows(const Positions& positions, at::ScalarType dtype) const override {
    const SafetensorsEntry& entry = file_->entry(name_);
    at::Tensor rows = at::empty({batch(), count(positions), embed()}, entry.dtype);
    const auto row_bytes = static_cast<std::size_t>(embed()) * rows.element_size();
    auto* out = static_cast<std::byte*>(rows.data_ptr());
    for (std::int64_t b = 0; b < batch(); ++b) {
      for (const std::int64_t position : expand(positions)) {
        std::memcpy(out, entry.data.data() + static_cast<std::size_t>(b * seq_len() + position) * row_bytes, row_bytes);
        out += row_bytes;
      }
    }
    return rows.to(dtype);
  }

  std::unique_ptr<SafetensorsFile> file_;
  std::string name_;
};

void check_embed(const XSource& x, const ProjectionSizes& sizes) {
  if (x.embed() == sizes.embed()) return;
  throw UsageError("x: has " + std::to_string(x.embed()) + " channels, must have heads · head_dim = " +
                   std::to_string(sizes.heads) + " · " + std::to_string(sizes.head_dim) + " = " +
                   std::to_string(sizes.embed()) + "; give -a heads=… and -a head_dim=…");
}

}  // namespace

std::unique_ptr<XSource> generated_x(const GeneratedXOptions& options) { return std::make_unique<GeneratedX>(options); }

std::unique_ptr<XSource> file_x(const std::string& spec) { return FileX::open(spec); }

bool file_has_x(const std::string& spec) {
  const TensorSet set = tensor_set(spec);
  return SafetensorsFile(set.file).contains(set.prefix + "x");
}

ProjectedInputs::ProjectedInputs(std::unique_ptr<XSource> x, Projection projection, std::unique_ptr<MaskSource> mask)
    : InputSource({x->batch(), x->seq_len(), projection.sizes().heads, projection.sizes().head_dim,
                   projection.sizes().kv_heads, mask != nullptr ? mask->shape() : MaskShape{}}),
      x_(std::move(x)),
      projection_(std::move(projection)),
      mask_(std::move(mask)) {
  check_embed(*x_, projection_.sizes());
}

const Projection& ProjectedInputs::projection(at::ScalarType dtype) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::unique_ptr<Projection>& made = by_dtype_[dtype];
  if (!made) made = std::make_unique<Projection>(projection_.to(dtype));
  return *made;
}

at::Tensor ProjectedInputs::do_rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const {
  if (which == InputTensor::grad_out) throw UsageError("grad_out: no gradient is taken through projections");
  return projection(dtype).project(which, x_->rows(positions, dtype));
}

at::Tensor ProjectedInputs::exact_rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const {
  return exact_projection(dtype).project(which, x_->rows(positions, dtype).to(at::kDouble));
}

UnprojectedInputs::UnprojectedInputs(const ProjectedInputs& inputs)
    : InputSource(
          {inputs.batch(), inputs.seq_len(), inputs.heads(), inputs.head_dim(), inputs.heads(), inputs.mask_shape()}),
      inputs_(inputs) {}

at::Tensor UnprojectedInputs::do_rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const {
  if (which == InputTensor::grad_out) throw UsageError("grad_out: no gradient is taken through projections");
  return inputs_.x().rows(positions, dtype).unflatten(-1, {heads(), head_dim()});
}

}  // namespace ringattn
