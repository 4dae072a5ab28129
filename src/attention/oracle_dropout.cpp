#include "attention/oracle_dropout.h"

#include "attention/counter_random.h"

#include <ATen/ATen.h>

#include <array>
#include <cmath>

namespace ringattn::oracle {
namespace {

/// The random words of one function, four neighbouring keys at a time.
class DropoutWords {
 public:
  explicit DropoutWords(const AttentionFunction& function)
      : key_{low(function.dropout_seed), low(function.dropout_seed >> 32) ^ 0xD50FF5EDU},
        threshold_(static_cast<std::uint64_t>(std::floor(function.dropout * 0x1p32))) {}

  void go_to(std::int64_t batch, std::int64_t head, std::int64_t query) {
    row_ = {low(query), low(head), low(batch)};
    four_ = -1;
  }

  bool keeps(std::int64_t key) {
    if (key / 4 != four_) {
      four_ = key / 4;
      words_ = philox4x32({low(four_), row_[0], row_[1], row_[2]}, key_);
    }
    return words_[static_cast<std::size_t>(key % 4)] >= threshold_;
  }

 private:
  template <typename Integer>
  static std::uint32_t low(Integer value) {
    return static_cast<std::uint32_t>(value);
  }

  std::array<std::uint32_t, 2> key_;
  std::uint64_t threshold_;
  std::array<std::uint32_t, 3> row_{};
  std::int64_t four_ = -1;
  std::array<std::uint32_t, 4> words_{};
};

}  // namespace

bool dropout_keeps(const AttentionFunction& function, std::int64_t batch, std::int64_t head, std::int64_t query,
                   std::int64_t key) {
  DropoutWords words(function);
  words.go_to(batch, head, query);
  return words.keeps(key);
}

at::Tensor dropout_factors(const AttentionFunction& function, std::int64_t batch,
                           const std::vector<std::int64_t>& heads, std::span<const std::int64_t> queries,
                           std::int64_t first, const at::Tensor& counts) {
  const auto rows = static_cast<std::int64_t>(queries.size());
  const std::int64_t keys = counts.size(1);
  at::Tensor factors = at::zeros({batch, static_cast<std::int64_t>(heads.size()), rows, keys}, at::kDouble);
  const double kept = 1.0 / (1.0 - function.dropout);  // at p = 1 no word is kept
  const at::Tensor counted = counts.contiguous();
  auto* factor = factors.mutable_data_ptr<double>();
  DropoutWords words(function);
  for (std::int64_t b = 0; b < batch; ++b) {
    for (const std::int64_t head : heads) {
      const auto* count = counted.const_data_ptr<double>();
      for (const std::int64_t query : queries) {
        words.go_to(b, head, query);
        for (std::int64_t key = 0; key < keys; ++key, ++count, ++factor) {
          if (*count > 0 && words.keeps(first + key)) *factor = kept;
        }
      }
    }
  }
  return factors;
}

}  // namespace ringattn::oracle
