#include "attention/inputs.h"

#include "attention/counter_random.h"
#include "attention/safetensors.h"
#include "config/error.h"

#include <ATen/ATen.h>

#include <cstring>
#include <span>
#include <string_view>

namespace ringattn {
namespace {

void check_size(const char* field, std::int64_t value, std::int64_t highest) {
  if (value >= 1 && value <= highest) return;
  throw UsageError(std::string(field) + ": " + std::to_string(value) + ", must be 1 … " + std::to_string(highest));
}

class GeneratedInputs final : public InputSource {
 public:
  explicit GeneratedInputs(const GeneratedInputOptions& options)
      : InputSource({options.batch, options.seq_len, options.heads, options.head_dim}), seed_(options.seed) {}

 private:
  at::Tensor do_rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const override {
    at::Tensor rows = at::empty({batch(), count(positions), heads(), head_dim()}, at::kFloat);
    const auto dim = static_cast<std::size_t>(head_dim());
    float* out = rows.data_ptr<float>();
    for (std::int64_t b = 0; b < batch(); ++b) {
      for (const std::int64_t position : expand(positions)) {
        for (std::int64_t head = 0; head < heads(); ++head, out += dim) fill({out, dim}, which, b, position, head);
      }
    }
    return rows.to(dtype);
  }

  /// One head of one row. The 128-bit counter: dim / 4 (16 bits), head (16), position (64), batch (24), tensor (8).
  void fill(std::span<float> out, InputTensor which, std::int64_t b, std::int64_t position, std::int64_t head) const {
    const auto low = [](std::int64_t value) { return static_cast<std::uint32_t>(value); };
    fill_normal(out, low(head) << 16,
                {low(position), low(position >> 32), low(b) | low(static_cast<std::int64_t>(which)) << 24},
                {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)});
  }

  std::uint64_t seed_;
};

class FileInputs final : public InputSource {
 public:
  explicit FileInputs(const std::string& path) : FileInputs(std::make_unique<SafetensorsFile>(path)) {}

 private:
  explicit FileInputs(std::unique_ptr<SafetensorsFile> file) : InputSource(shape_of(*file)), file_(std::move(file)) {}

  static Shape shape_of(const SafetensorsFile& file) {
    const std::vector<std::int64_t>& query = file.entry("query").shape;
    for (const char* name : {"query", "key", "value"}) {
      const SafetensorsEntry& entry = file.entry(name);
      const std::string who = file.path() + ": tensor '" + name + "' has ";
      if (entry.shape.size() != 4 || entry.data.empty()) {
        throw UsageError(who + "shape " + shape_text(entry.shape) +
                         ", must be (batch, seq, heads, dim), none of them 0");
      }
      if (entry.shape != query) {
        throw UsageError(who + "shape " + shape_text(entry.shape) + ", 'query' has " + shape_text(query));
      }
      if (!at::isFloatingType(entry.dtype)) {
        throw UsageError(who + "dtype " + at::toString(entry.dtype) + ", must be a floating one");
      }
    }
    return {query[0], query[1], query[2], query[3]};
  }

  at::Tensor do_rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const override {
    const SafetensorsEntry& entry = file_->entry(to_string(which));
    at::Tensor rows = at::empty({batch(), count(positions), heads(), head_dim()}, entry.dtype);
    const auto row_bytes = static_cast<std::size_t>(heads() * head_dim()) * rows.element_size();
    auto* out = static_cast<std::byte*>(rows.data_ptr());
    for (std::int64_t b = 0; b < batch(); ++b) {
      for (const std::int64_t position : expand(positions)) {
        const auto row = static_cast<std::size_t>(b * seq_len() + position);
        std::memcpy(out, entry.data.data() + row * row_bytes, row_bytes);
        out += row_bytes;
      }
    }
    return rows.to(dtype);
  }

  std::unique_ptr<SafetensorsFile> file_;
};

}  // namespace

std::string_view to_string(InputTensor tensor) {
  switch (tensor) {
    case InputTensor::query:
      return "query";
    case InputTensor::key:
      return "key";
    case InputTensor::value:
      return "value";
  }
  return "unknown";
}

at::Tensor InputSource::rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const {
  if (dtype != at::kFloat && dtype != at::kBFloat16 && dtype != at::kHalf && dtype != at::kDouble) {
    throw UsageError(std::string("dtype: ") + at::toString(dtype) + ", must be fp32, bf16, fp16 or fp64");
  }
  for (const PositionRun& run : positions) {
    if (run.count == 0) continue;
    const std::int64_t last = run.first + (run.count - 1) * run.step;
    if (run.count < 0 || std::min(run.first, last) < 0 || std::max(run.first, last) >= seq_len()) {
      throw UsageError(std::string(to_string(which)) + ": positions " + std::to_string(run.first) + " … " +
                       std::to_string(last) + ", must be within 0 … " + std::to_string(seq_len() - 1));
    }
  }
  return do_rows(which, positions, dtype);
}

std::unique_ptr<InputSource> generated_inputs(const GeneratedInputOptions& options) {
  check_size("batch", options.batch, std::int64_t{1} << 24);
  check_size("seq_len", options.seq_len, std::int64_t{1} << 48);
  check_size("heads", options.heads, std::int64_t{1} << 16);
  check_size("head_dim", options.head_dim, std::int64_t{1} << 18);
  return std::make_unique<GeneratedInputs>(options);
}

std::unique_ptr<InputSource> file_inputs(const std::string& path) { return std::make_unique<FileInputs>(path); }

}  // namespace ringattn
