#pragma once

#include "comm/rank_sum.h"
#include "config/positions.h"
#include "ring/gradient_sum.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cstdint>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace ringattn::testing {

// A language model of bytes, small enough to be trained in a test: embeddings, one causal attention module, and the
// product with an output matrix. It predicts each next byte of a text.

inline constexpr std::int64_t tiny_vocabulary = 128, tiny_embed = 32, tiny_heads = 4, tiny_rows = 256;
inline constexpr double tiny_learning_rate = 0.1;

/// The text's bytes, int64.
inline at::Tensor text_bytes() {
  const std::string path = RINGATTN_SOURCE_DIR "/tests/golden/text/harbour.txt";
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (text.empty()) throw std::runtime_error(path + ": cannot be read");
  at::Tensor bytes = at::empty({static_cast<std::int64_t>(text.size())}, at::kLong);
  auto* out = bytes.data_ptr<std::int64_t>();
  for (const char byte : text) *out++ = static_cast<unsigned char>(byte) % tiny_vocabulary;
  return bytes;
}

/// The window of step `step`: tiny_rows bytes and the one after them. Windows overlap and wrap around.
inline at::Tensor window_of(const at::Tensor& text, std::int64_t step) {
  return text.roll(-(step * 97) % text.size(0)).narrow(0, 0, tiny_rows + 1);
}

/// x (1, rows, tiny_embed) of one rank to the module's rows.
using TinyAttention = std::function<at::Tensor(const at::Tensor& x)>;

/// What is not attention; leaves, the same for equal dtypes.
struct TinyModel {
  explicit TinyModel(at::ScalarType dtype = at::kFloat) {
    at::Generator generator = at::globalContext().defaultGenerator(at::kCPU).clone();
    generator.set_current_seed(20);
    const auto leaf = [&](std::int64_t rows, double scale) {
      const at::Tensor numbers = at::randn({rows, tiny_embed}, generator, at::TensorOptions().dtype(at::kDouble));
      return numbers.mul(scale).to(at::kFloat).to(dtype).requires_grad_();
    };
    bytes = leaf(tiny_vocabulary, 0.3);
    places = leaf(tiny_rows, 0.3);
    output = leaf(tiny_vocabulary, 0.2);
  }

  /// A rank's part of the mean loss over the window: that of its own rows.
  at::Tensor loss(const at::Tensor& window, const Positions& own, const TinyAttention& attention) const {
    const at::Tensor rows = at::tensor(expand(own), at::kLong);
    const at::Tensor x = (bytes.index_select(0, window.index_select(0, rows)) + places.index_select(0, rows));
    const at::Tensor y = x + attention(x.unsqueeze(0)).squeeze(0);
    const at::Tensor next = window.index_select(0, rows + 1).unsqueeze(1);
    return at::log_softmax(at::linear(y, output), -1).gather(1, next).sum().mul(-1.0 / tiny_rows);
  }

  std::vector<at::Tensor> parameters() const { return {bytes, places, output}; }

  at::Tensor bytes, places, output;
};

/// p ← p - rate · gradient; gradients are gone afterwards.
inline void step_down(const std::vector<at::Tensor>& parameters) {
  const c10::NoGradGuard no_grad;
  for (const at::Tensor& parameter : parameters) {
    parameter.sub_(parameter.grad(), tiny_learning_rate);
    parameter.mutable_grad().reset();
  }
}

inline std::vector<at::Tensor> joined(std::vector<at::Tensor> first, const std::vector<at::Tensor>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace ringattn::testing
