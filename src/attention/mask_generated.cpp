#include "attention/counter_random.h"
#include "attention/mask_source.h"
#include "config/error.h"

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

namespace ringattn {
namespace {

// Counters of the inputs end in tensor << 24 | batch with tensors 0, 1, 2, 5: these two are the masks' own.
constexpr std::uint32_t padding_stream = 3, random_stream = 4;

std::uint32_t stream(std::uint32_t which, std::int64_t batch) {
  return which << 24 | static_cast<std::uint32_t>(batch);
}

std::array<std::uint32_t, 2> key_of(std::uint64_t seed) {
  return {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
}

class PaddingMask final : public MaskSource {
 public:
  explicit PaddingMask(const MaskedProblem& problem) : MaskSource({MaskKind::keys, false, false}), problem_(problem) {}

 private:
  /// ⌈n/2⌉ + (64 random bits) mod (n - ⌈n/2⌉ + 1).
  std::int64_t valid(std::int64_t b) const {
    const std::int64_t least = (problem_.seq_len + 1) / 2;
    const auto words = philox4x32({0, 0, 0, stream(padding_stream, b)}, key_of(problem_.seed));
    const std::uint64_t bits = std::uint64_t{words[1]} << 32 | words[0];
    return least + static_cast<std::int64_t>(bits % static_cast<std::uint64_t>(problem_.seq_len - least + 1));
  }

  at::Tensor do_rows(const Positions& positions) const override {
    const at::Tensor at_position = at::tensor(expand(positions), at::kLong);
    std::vector<at::Tensor> sequences;
    for (std::int64_t b = 0; b < problem_.batch; ++b) sequences.push_back(at_position < valid(b));
    return at::stack(sequences);
  }

  MaskedProblem problem_;
};

class RandomMask final : public MaskSource {
 public:
  explicit RandomMask(const MaskedProblem& problem) : MaskSource({MaskKind::scores, false, false}), problem_(problem) {}

 private:
  static constexpr std::uint32_t allowed_below = 3435973836;  // ⌊0.8 · 2³²⌋
  static bool sees_nothing(std::int64_t query) { return query % 97 == 10; }

  at::Tensor do_rows(const Positions& positions) const override {
    at::Tensor mask = at::zeros({problem_.batch, 1, count(positions), problem_.seq_len}, at::kBool);
    std::vector<std::uint32_t> words(static_cast<std::size_t>(problem_.seq_len));
    bool* out = mask.data_ptr<bool>();
    for (std::int64_t b = 0; b < problem_.batch; ++b) {
      for (const std::int64_t query : expand(positions)) {
        if (!sees_nothing(query)) {
          fill_words(
              words,
              {static_cast<std::uint32_t>(query), static_cast<std::uint32_t>(query >> 32), stream(random_stream, b)},
              key_of(problem_.seed));
          for (std::size_t k = 0; k < words.size(); ++k) out[k] = words[k] < allowed_below;
        }
        out += problem_.seq_len;
      }
    }
    return mask;
  }

  MaskedProblem problem_;
};

class AlibiMask final : public MaskSource {
 public:
  explicit AlibiMask(const MaskedProblem& problem) : MaskSource({MaskKind::scores, true, true}), problem_(problem) {}

 private:
  at::Tensor do_rows(const Positions& positions) const override {
    const at::Tensor query = at::tensor(expand(positions), at::kLong).unsqueeze(1);
    const at::Tensor distance = (query - at::arange(problem_.seq_len, at::kLong)).abs().to(at::kFloat);
    at::Tensor mask = at::empty({1, problem_.heads, distance.size(0), problem_.seq_len}, at::kFloat);
    for (std::int64_t head = 0; head < problem_.heads; ++head) {
      const double slope = std::exp2(-8.0 * static_cast<double>(head + 1) / static_cast<double>(problem_.heads));
      mask[0][head].copy_(distance * -slope);
    }
    return mask;
  }

  MaskedProblem problem_;
};

}  // namespace

std::unique_ptr<MaskSource> generated_mask(std::string_view name, const MaskedProblem& problem) {
  if (name == "padding") return std::make_unique<PaddingMask>(problem);
  if (name == "random") return std::make_unique<RandomMask>(problem);
  if (name == "alibi") return std::make_unique<AlibiMask>(problem);
  throw UsageError("mask: \"" + std::string(name) + "\" cannot be generated; padding, random and alibi can");
}

std::unique_ptr<MaskSource> make_mask(const std::string& spec, const MaskedProblem& problem) {
  if (spec == "none") return nullptr;
  if (spec == "inputs")
    throw UsageError("mask: inputs is the mask of the file that holds query, key and value; give --inputs FILE");
  return spec.ends_with(".safetensors") ? file_mask(spec, problem) : generated_mask(spec, problem);
}

}  // namespace ringattn
