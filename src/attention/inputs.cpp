#include "attention/inputs.h"

#include "attention/counter_random.h"
#include "attention/input_numbers.h"
#include "attention/mask_source.h"
#include "attention/safetensors.h"
#include "config/error.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>
#include <span>

namespace ringattn {
namespace {

void check_size(const char* field, std::int64_t value, std::int64_t highest) {
  if (value >= 1 && value <= highest) return;
  throw UsageError(std::string(field) + ": " + std::to_string(value) + ", must be 1 … " + std::to_string(highest));
}

MaskShape shape_of(const std::unique_ptr<MaskSource>& mask) { return mask != nullptr ? mask->shape() : MaskShape{}; }

/// One head of one row of standard normal numbers. The 128-bit counter: dim / 4 (16 bits), head (16), position (64),
/// batch (24), tensor (8).
void fill_head(std::span<float> out, InputTensor which, std::int64_t b, std::int64_t position, std::int64_t head,
               std::uint64_t seed) {
  const auto low = [](std::int64_t value) { return static_cast<std::uint32_t>(value); };
  fill_normal(out, low(head) << 16,
              {low(position), low(position >> 32), low(b) | low(static_cast<std::int64_t>(which)) << 24},
              {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
}

/// (batch, rows, heads, dim), fp32; visit(head of a row, b, position, head) fills it.
template <typename Visit>
at::Tensor filled_rows(at::IntArrayRef shape, const Positions& positions, const Visit& visit) {
  at::Tensor rows = at::empty(shape, at::kFloat);
  const auto dim = static_cast<std::size_t>(shape[3]);
  float* out = rows.data_ptr<float>();
  const std::vector<std::int64_t> all = expand(positions);
  const std::int64_t length = shape[1], heads = shape[2];
  // A number depends on its place alone, so threads may share the rows out as they like.
  at::parallel_for(0, shape[0] * length, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t position = all[static_cast<std::size_t>(i % length)];
      for (std::int64_t head = 0; head < heads; ++head)
        visit(std::span(out + (i * heads + head) * shape[3], dim), i / length, position, head);
    }
  });
  return rows;
}

class GeneratedInputs final : public InputSource {
 public:
  explicit GeneratedInputs(const GeneratedInputOptions& options)
      : GeneratedInputs(options, make_mask(options.mask, {.batch = options.batch,
                                                          .seq_len = options.seq_len,
                                                          .heads = options.heads,
                                                          .seed = options.seed})) {}

 private:
  GeneratedInputs(const GeneratedInputOptions& options, std::unique_ptr<MaskSource> mask)
      : InputSource({options.batch, options.seq_len, options.heads, options.head_dim,
                     options.kv_heads > 0 ? options.kv_heads : options.heads, shape_of(mask)}),
        seed_(options.seed),
        distribution_(options.distribution),
        mask_(std::move(mask)) {}

  at::Tensor do_rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const override {
    const bool is_shaped = distribution_ != InputDistribution::normal && which != InputTensor::grad_out;
    const auto fill = [&](std::span<float> out, std::int64_t b, std::int64_t position, std::int64_t head) {
      fill_head(out, which, b, position, head, seed_);
      if (is_shaped) reshape(out, which, b, position, head);
    };
    return filled_rows({batch(), count(positions), heads_of(which), head_dim()}, positions, fill).to(dtype);
  }

  at::Tensor do_mask(const Positions& positions) const override { return mask_->rows(positions); }

  void reshape(std::span<float> out, InputTensor which, std::int64_t b, std::int64_t position,
               std::int64_t head) const {
    std::vector<float> first(distribution_ == InputDistribution::near_ties ? out.size() : 0);
    if (!first.empty()) fill_head(first, which, b, 0, head, seed_);
    shape_numbers(out, {distribution_, which, position == seq_len() / 2, first});
  }

  std::uint64_t seed_;
  InputDistribution distribution_;
  std::unique_ptr<MaskSource> mask_;
};

class FileInputs final : public InputSource {
 public:
  static std::unique_ptr<InputSource> open(const std::string& path, const std::string& mask, std::uint64_t seed) {
    auto file = std::make_unique<SafetensorsFile>(path);
    Shape shape = shape_of_file(*file);
    const MaskedProblem masked{.batch = shape.batch, .seq_len = shape.seq_len, .heads = shape.heads, .seed = seed};
    std::unique_ptr<MaskSource> source = mask == "inputs" ? file_mask(path, masked) : make_mask(mask, masked);
    shape.mask = shape_of(source);
    return std::unique_ptr<InputSource>(new FileInputs(shape, std::move(file), std::move(source), seed));
  }

 private:
  FileInputs(Shape shape, std::unique_ptr<SafetensorsFile> file, std::unique_ptr<MaskSource> mask, std::uint64_t seed)
      : InputSource(shape), file_(std::move(file)), mask_(std::move(mask)), seed_(seed) {}

  static Shape shape_of_file(const SafetensorsFile& file) {
    const std::vector<std::int64_t>& query = file.entry("query").shape;
    for (const char* name : {"query", "key", "value"}) {
      const SafetensorsEntry& entry = file.entry(name);
      const std::string who = file.path() + ": tensor '" + name + "' has ";
      if (entry.shape.size() != 4 || entry.data.empty()) {
        throw UsageError(who + "shape " + shape_text(entry.shape) +
                         ", must be (batch, seq, heads, dim), none of them 0");
      }
      if (!is_alike(entry.shape, query)) {
        throw UsageError(who + "shape " + shape_text(entry.shape) + ", 'query' has " + shape_text(query));
      }
      if (!at::isFloatingType(entry.dtype)) {
        throw UsageError(who + "dtype " + at::toString(entry.dtype) + ", must be a floating one");
      }
    }
    const std::vector<std::int64_t>& key = file.entry("key").shape;
    if (file.entry("value").shape != key) {
      throw UsageError(file.path() + ": tensor 'value' has shape " + shape_text(file.entry("value").shape) +
                       ", 'key' has " + shape_text(key));
    }
    if (file.contains("grad_out")) check_grad_out(file, query);
    return {query[0], query[1], query[2], query[3], key[2], {}};
  }

  static void check_grad_out(const SafetensorsFile& file, const std::vector<std::int64_t>& query) {
    const SafetensorsEntry& entry = file.entry("grad_out");
    const std::string who = file.path() + ": tensor 'grad_out' has ";
    if (entry.shape != query)
      throw UsageError(who + "shape " + shape_text(entry.shape) + ", 'query' has " + shape_text(query));
    if (!at::isFloatingType(entry.dtype))
      throw UsageError(who + "dtype " + at::toString(entry.dtype) + ", must be a floating one");
  }

  /// Equal but for the heads, of which there may be a divisor of the query's.
  static bool is_alike(const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& query) {
    return shape[0] == query[0] && shape[1] == query[1] && query[2] % shape[2] == 0 && shape[3] == query[3];
  }

  at::Tensor do_rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const override {
    if (which == InputTensor::grad_out && !file_->contains("grad_out")) return generated_grad_out(positions).to(dtype);
    const SafetensorsEntry& entry = file_->entry(to_string(which));
    at::Tensor rows = at::empty({batch(), count(positions), entry.shape[2], head_dim()}, entry.dtype);
    const auto row_bytes = static_cast<std::size_t>(entry.shape[2] * head_dim()) * rows.element_size();
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

  at::Tensor do_mask(const Positions& positions) const override { return mask_->rows(positions); }

  at::Tensor generated_grad_out(const Positions& positions) const {
    const auto fill = [this](std::span<float> out, std::int64_t b, std::int64_t position, std::int64_t head) {
      fill_head(out, InputTensor::grad_out, b, position, head, seed_);
    };
    return filled_rows({batch(), count(positions), heads(), head_dim()}, positions, fill);
  }

  std::unique_ptr<SafetensorsFile> file_;
  std::unique_ptr<MaskSource> mask_;
  std::uint64_t seed_;
};

class SparseGradOut final : public InputSource {
 public:
  SparseGradOut(const InputSource& inputs, std::vector<std::int64_t> rows)
      : InputSource({inputs.batch(), inputs.seq_len(), inputs.heads(), inputs.head_dim(), inputs.kv_heads(),
                     inputs.mask_shape()}),
        inputs_(inputs),
        rows_(std::move(rows)) {}

 private:
  at::Tensor do_rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const override {
    const at::Tensor rows = inputs_.rows(which, positions, dtype);
    if (which != InputTensor::grad_out) return rows;
    std::int64_t place = 0;
    for (const std::int64_t position : expand(positions)) {
      if (!std::binary_search(rows_.begin(), rows_.end(), position)) rows.select(1, place).zero_();
      ++place;
    }
    return rows;
  }
  at::Tensor do_mask(const Positions& positions) const override { return inputs_.mask(positions); }

  const InputSource& inputs_;
  std::vector<std::int64_t> rows_;
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
    case InputTensor::grad_out:
      return "grad_out";
  }
  return "unknown";
}

namespace {

void check_positions(std::string_view which, const Positions& positions, std::int64_t seq_len) {
  for (const PositionRun& run : positions) {
    if (run.count == 0) continue;
    const std::int64_t last = run.first + (run.count - 1) * run.step;
    if (run.count > 0 && std::min(run.first, last) >= 0 && std::max(run.first, last) < seq_len) continue;
    throw UsageError(std::string(which) + ": positions " + std::to_string(run.first) + " … " + std::to_string(last) +
                     ", must be within 0 … " + std::to_string(seq_len - 1));
  }
}

}  // namespace

at::Tensor InputSource::mask(const Positions& positions) const {
  if (shape_.mask.kind == MaskKind::none) return {};
  check_positions("mask", positions, seq_len());
  return do_mask(positions);
}

at::Tensor InputSource::rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const {
  if (dtype != at::kFloat && dtype != at::kBFloat16 && dtype != at::kHalf && dtype != at::kDouble) {
    throw UsageError(std::string("dtype: ") + at::toString(dtype) + ", must be fp32, bf16, fp16 or fp64");
  }
  check_positions(to_string(which), positions, seq_len());
  return do_rows(which, positions, dtype);
}

namespace {

class InputsElsewhere final : public InputSource {
 public:
  InputsElsewhere(const InputSource& source, at::DeviceType device_type)
      : InputSource({source.batch(), source.seq_len(), source.heads(), source.head_dim(), source.kv_heads(),
                     source.mask_shape()},
                    device_type),
        source_(source) {}

 private:
  at::Tensor do_rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const override {
    at::Tensor rows = at::empty({batch(), count(positions), heads_of(which), head_dim()},
                                at::TensorOptions(dtype).device(device_type()));
    // In pieces, so that the host holds a small part of them.
    std::int64_t first = 0;
    for (const PositionRun& run : positions) {
      for (std::int64_t done = 0; done < run.count; done += kRowsAtOnce) {
        const std::int64_t length = std::min(kRowsAtOnce, run.count - done);
        const Positions piece{{.first = run.first + done * run.step, .count = length, .step = run.step}};
        rows.narrow(1, first, length).copy_(source_.rows(which, piece, dtype));
        first += length;
      }
    }
    return rows;
  }
  at::Tensor do_mask(const Positions& positions) const override { return source_.mask(positions).to(device_type()); }

  static constexpr std::int64_t kRowsAtOnce = std::int64_t{1} << 14;

  const InputSource& source_;
};

}  // namespace

std::unique_ptr<InputSource> inputs_on(const InputSource& source, at::DeviceType device_type) {
  return std::make_unique<InputsElsewhere>(source, device_type);
}

std::unique_ptr<InputSource> generated_inputs(const GeneratedInputOptions& options) {
  check_size("batch", options.batch, std::int64_t{1} << 24);
  check_size("seq_len", options.seq_len, std::int64_t{1} << 48);
  check_size("heads", options.heads, std::int64_t{1} << 16);
  check_size("head_dim", options.head_dim, std::int64_t{1} << 18);
  if (options.kv_heads != 0) {
    check_size("kv_heads", options.kv_heads, options.heads);
    if (options.heads % options.kv_heads != 0)
      throw UsageError("kv_heads: " + std::to_string(options.kv_heads) + " does not divide heads " +
                       std::to_string(options.heads));
  }
  return std::make_unique<GeneratedInputs>(options);
}

std::unique_ptr<InputSource> file_inputs(const std::string& path, const std::string& mask, std::uint64_t seed) {
  return FileInputs::open(path, mask, seed);
}

std::unique_ptr<InputSource> with_grad_out_of(const InputSource& inputs, std::vector<std::int64_t> rows) {
  return std::make_unique<SparseGradOut>(inputs, std::move(rows));
}

bool file_has_mask(const std::string& path) { return SafetensorsFile(path).contains("mask"); }

}  // namespace ringattn
