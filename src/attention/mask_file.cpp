#include "attention/mask_source.h"
#include "attention/safetensors.h"
#include "config/error.h"

#include <ATen/ATen.h>

#include <cstring>

namespace ringattn {
namespace {

/// The tensor `mask` of a mapped file.
class FileMask final : public MaskSource {
 public:
  FileMask(std::unique_ptr<SafetensorsFile> file, const MaskedProblem& problem)
      : MaskSource(shape_of(*file, problem)), file_(std::move(file)) {}

 private:
  [[noreturn]] static void refuse(const SafetensorsFile& file, const std::string& what) {
    throw UsageError(file.path() + ": tensor 'mask' " + what);
  }

  static MaskShape shape_of(const SafetensorsFile& file, const MaskedProblem& problem) {
    const SafetensorsEntry& entry = file.entry("mask");
    const std::vector<std::int64_t>& shape = entry.shape;
    const std::string batch = std::to_string(problem.batch), n = std::to_string(problem.seq_len),
                      heads = std::to_string(problem.heads);
    const auto is_one_or = [](std::int64_t size, std::int64_t wanted) { return size == 1 || size == wanted; };
    const bool is_keys = shape.size() == 2 && is_one_or(shape[0], problem.batch) && shape[1] == problem.seq_len;
    const bool is_scores = shape.size() == 4 && is_one_or(shape[0], problem.batch) &&
                           is_one_or(shape[1], problem.heads) && shape[2] == problem.seq_len &&
                           shape[3] == problem.seq_len;
    if (!is_keys && !is_scores) {
      refuse(file, "has shape " + shape_text(shape) + ", must be (1 or " + batch + ", " + n + ") or (1 or " + batch +
                       ", 1 or " + heads + ", " + n + ", " + n + ")");
    }
    if (entry.dtype != at::kBool && !at::isFloatingType(entry.dtype))
      refuse(file, std::string("has dtype ") + at::toString(entry.dtype) + ", must be bool or a floating one");
    return {.kind = is_keys ? MaskKind::keys : MaskKind::scores,
            .is_per_head = is_scores && shape[1] > 1,
            .is_additive = entry.dtype != at::kBool};
  }

  at::Tensor do_rows(const Positions& positions) const override {
    const SafetensorsEntry& entry = file_->entry("mask");
    const bool is_keys = entry.shape.size() == 2;
    std::vector<std::int64_t> sizes = entry.shape;
    const std::size_t row_axis = is_keys ? 1 : 2;
    const std::int64_t rows = sizes[row_axis];
    sizes[row_axis] = count(positions);
    at::Tensor mask = at::empty(sizes, entry.dtype);
    const std::size_t row_bytes = mask.element_size() * static_cast<std::size_t>(is_keys ? 1 : entry.shape[3]);
    auto* out = static_cast<std::byte*>(mask.data_ptr());
    const std::int64_t matrices = entry.shape[0] * (is_keys ? 1 : entry.shape[1]);
    for (std::int64_t matrix = 0; matrix < matrices; ++matrix) {
      for (const std::int64_t position : expand(positions)) {
        std::memcpy(out, entry.data.data() + static_cast<std::size_t>(matrix * rows + position) * row_bytes, row_bytes);
        out += row_bytes;
      }
    }
    return checked(entry.dtype == at::kBool ? mask : mask.to(at::kFloat));
  }

  at::Tensor checked(at::Tensor mask) const {
    if (mask.scalar_type() == at::kBool)  // any byte that is not 0 counts as true
      return mask.view(at::kByte).ne(0);
    const at::Tensor wrong = mask.isnan().logical_or_(mask.isposinf());
    if (wrong.any().item<bool>()) refuse(*file_, "holds NaN or +inf; an additive mask is finite or -inf");
    return mask;
  }

  std::unique_ptr<SafetensorsFile> file_;
};

}  // namespace

std::unique_ptr<MaskSource> file_mask(const std::string& path, const MaskedProblem& problem) {
  return std::make_unique<FileMask>(std::make_unique<SafetensorsFile>(path), problem);
}

}  // namespace ringattn
