#include "kernels/accumulate.h"
#include "kernels/convert.h"
#include "kernels/vector_clones.h"

#include <stdexcept>

namespace ringattn::kernels {
namespace {

#define RINGATTN_DEFINE_INNER(Acc, In, suffix)                                                                    \
  RINGATTN_VECTOR_CLONES void add_##suffix(Acc* __restrict sum, const In* __restrict part, Acc scale,             \
                                           std::int64_t dim) {                                                    \
    for (std::int64_t d = 0; d < dim; ++d) sum[d] += scale * to_float(part[d]);                                   \
  }                                                                                                               \
  RINGATTN_VECTOR_CLONES void multiply_##suffix(In* __restrict to, const In* __restrict from, Acc factor,         \
                                                std::int64_t dim) {                                               \
    for (std::int64_t d = 0; d < dim; ++d) to[d] = FromFloat<In>::convert(factor * to_float(from[d]));            \
  }                                                                                                               \
  inline void add(Acc* sum, const In* part, Acc scale, std::int64_t dim) { add_##suffix(sum, part, scale, dim); } \
  inline void multiply(In* to, const In* from, Acc factor, std::int64_t dim) {                                    \
    multiply_##suffix(to, from, factor, dim);                                                                     \
  }

RINGATTN_DEFINE_INNER(float, float, f32)
RINGATTN_DEFINE_INNER(double, double, f64)
RINGATTN_DEFINE_INNER(float, BFloat16Bits, bf16)
RINGATTN_DEFINE_INNER(float, Float16, f16)
#undef RINGATTN_DEFINE_INNER

std::int64_t offset_of(const AccumulateView& view, std::int64_t batch, std::int64_t row) {
  const std::int64_t at = view.row_index != nullptr ? view.row_index[row] : row;
  return batch * view.batch_stride + at * view.row_stride;
}

/// Runs `kernel(to, from)` on each row of each head.
template <typename To, typename From, typename Kernel>
void over_rows(const MergeShape& shape, const AccumulateView& to, const AccumulateView& from, Kernel kernel) {
  for (std::int64_t b = 0; b < shape.batches; ++b) {
    for (std::int64_t row = 0; row < shape.rows; ++row) {
      To* to_row = static_cast<To*>(to.data) + offset_of(to, b, row);
      const From* from_row = static_cast<const From*>(from.data) + offset_of(from, b, row);
      for (std::int64_t h = 0; h < shape.heads; ++h)
        kernel(to_row + h * to.head_stride, from_row + h * from.head_stride);
    }
  }
}

template <typename Acc, typename In>
void add_all(const MergeShape& shape, const AccumulateView& sum, const AccumulateView& part, Acc scale) {
  over_rows<Acc, In>(shape, sum, part, [&](Acc* to, const In* from) { add(to, from, scale, shape.dim); });
}

template <typename Acc, typename In>
void multiply_all(const MergeShape& shape, const AccumulateView& to, const AccumulateView& from, double factor) {
  over_rows<In, In>(shape, to, from, [&](In* t, const In* f) { multiply(t, f, static_cast<Acc>(factor), shape.dim); });
}

[[noreturn]] void unsupported() {
  throw std::invalid_argument("accumulate: the sum must be f32, or f64 for f64 parts");
}

}  // namespace

void accumulate_rows_cpu(const MergeShape& shape, const AccumulateView& sum, const AccumulateView& part, double scale) {
  if (sum.element == Element::f64 && part.element == Element::f64)
    return add_all<double, double>(shape, sum, part, scale);
  if (sum.element != Element::f32) unsupported();
  const auto scale_f32 = static_cast<float>(scale);
  switch (part.element) {
    case Element::f32:
      return add_all<float, float>(shape, sum, part, scale_f32);
    case Element::bf16:
      return add_all<float, BFloat16Bits>(shape, sum, part, scale_f32);
    case Element::f16:
      return add_all<float, Float16>(shape, sum, part, scale_f32);
    case Element::f64:
      unsupported();
  }
}

void multiply_rows_cpu(const MergeShape& shape, const AccumulateView& to, const AccumulateView& from, double factor) {
  if (to.element != from.element) throw std::invalid_argument("multiply: both must be of one type");
  switch (from.element) {
    case Element::f64:
      return multiply_all<double, double>(shape, to, from, factor);
    case Element::f32:
      return multiply_all<float, float>(shape, to, from, factor);
    case Element::bf16:
      return multiply_all<float, BFloat16Bits>(shape, to, from, factor);
    case Element::f16:
      return multiply_all<float, Float16>(shape, to, from, factor);
  }
}

}  // namespace ringattn::kernels
