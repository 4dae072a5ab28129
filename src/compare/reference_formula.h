#pragma once

#include "attention/interface.h"
#include "config/axes.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace ringattn {

/// What a dense formula needs: the judged rows, and all keys.
struct FormulaInputs {
  const AttentionFunction& function;
  const std::vector<std::int64_t>& rows;  ///< positions of the query rows; empty: all
  at::Tensor query;                       ///< (batch, rows, heads, dim)
  at::Tensor key;                         ///< (batch, n, key heads, dim)
  at::Tensor value;
  at::Tensor mask;  ///< as OracleOptions::mask; undefined: none
};

/// One call of LibTorch's CPU flash kernel a head, with the definition and the mask as its additive mask; fp32, bf16
/// and fp16. Where LibTorch has no kernel for the function, which is with dropout and where join mean has several
/// pairs, the formula in fp32, rounded once at the end.
Partial library_attention(const FormulaInputs& in);

/// The formula as an engineer writes it: products, softmax, dropout and products again, each rounded to the inputs'
/// dtype.
Partial plain_attention(const FormulaInputs& in);

/// The gradients of library_attention, with grad_out (batch, rows, heads, dim) in the inputs' type: of LibTorch's CPU
/// flash backward, softmax by softmax, added in fp32 where a key head is shared or several softmaxes meet, and rounded
/// once. Where LibTorch has no kernel, those of the formula in fp32. query: the rows; key, value: all keys.
Gradients library_gradient(const FormulaInputs& in, const at::Tensor& grad_out);

/// The gradients of plain_attention, as LibTorch differentiates it in the inputs' dtype.
Gradients plain_gradient(const FormulaInputs& in, const at::Tensor& grad_out);

/// Rows that attend exactly one key and whose result is that key's value, but for the division by G: bool (batch or 1,
/// heads, rows). None with dropout, which divides by 1 - p.
at::Tensor single_key_rows(const FormulaInputs& in);

}  // namespace ringattn
