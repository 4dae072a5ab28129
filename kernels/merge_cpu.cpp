#include "kernels/convert.h"
#include "kernels/merge.h"
#include "kernels/vector_clones.h"

#include <cmath>
#include <limits>
#include <stdexcept>

// CPU twin of merge.cu.

namespace ringattn::kernels {
namespace {

#define RINGATTN_DEFINE_INNER(Acc, In, suffix)                                                                         \
  RINGATTN_VECTOR_CLONES void weighted_sum_##suffix(Acc* __restrict state, const In* __restrict part,                  \
                                                    Acc state_weight, Acc part_weight, std::int64_t dim) {             \
    for (std::int64_t d = 0; d < dim; ++d) state[d] = state[d] * state_weight + to_float(part[d]) * part_weight;       \
  }                                                                                                                    \
  RINGATTN_VECTOR_CLONES void take_over_##suffix(Acc* __restrict state, const In* __restrict part, std::int64_t dim) { \
    for (std::int64_t d = 0; d < dim; ++d) state[d] = to_float(part[d]);                                               \
  }                                                                                                                    \
  RINGATTN_VECTOR_CLONES void scaled_##suffix(const Acc* state, In* result, Acc scale, std::int64_t dim) {             \
    for (std::int64_t d = 0; d < dim; ++d) result[d] = FromFloat<In>::convert(state[d] * scale);                       \
  }                                                                                                                    \
  inline void weighted_sum(Acc* s, const In* p, Acc a, Acc b, std::int64_t dim) {                                      \
    weighted_sum_##suffix(s, p, a, b, dim);                                                                            \
  }                                                                                                                    \
  inline void take_over(Acc* s, const In* p, std::int64_t dim) { take_over_##suffix(s, p, dim); }                      \
  inline void scaled(const Acc* s, In* r, Acc scale, std::int64_t dim) { scaled_##suffix(s, r, scale, dim); }

RINGATTN_DEFINE_INNER(float, float, f32)
RINGATTN_DEFINE_INNER(double, double, f64)
RINGATTN_DEFINE_INNER(float, BFloat16Bits, bf16)
RINGATTN_DEFINE_INNER(float, Float16, f16)
#undef RINGATTN_DEFINE_INNER

template <typename Acc, typename In>
void merge_row(Acc* state, Acc& state_lse, const In* part, Acc part_lse, std::int64_t dim) {
  constexpr Acc kEmpty = -std::numeric_limits<Acc>::infinity();
  if (part_lse == kEmpty) return;
  if (state_lse == kEmpty) {
    take_over(state, part, dim);
    state_lse = part_lse;
    return;
  }
  const Acc top = state_lse > part_lse ? state_lse : part_lse;
  const Acc state_mass = std::exp(state_lse - top);
  const Acc part_mass = std::exp(part_lse - top);
  const Acc mass = state_mass + part_mass;
  weighted_sum(state, part, state_mass / mass, part_mass / mass, dim);
  state_lse = top + std::log(mass);
}

std::int64_t row_of(const MergeView& view, std::int64_t row) {
  return view.row_index != nullptr ? view.row_index[row] : row;
}

template <typename Acc, typename In>
void merge_all(const MergeShape& shape, const MergeView& state, const MergeView& partial) {
  for (std::int64_t b = 0; b < shape.batches; ++b) {
    for (std::int64_t row = 0; row < shape.rows; ++row) {
      const std::int64_t to = row_of(state, row);
      const std::int64_t from = row_of(partial, row);
      Acc* state_out = static_cast<Acc*>(state.out) + b * state.out_batch_stride + to * state.out_row_stride;
      Acc* state_lse = static_cast<Acc*>(state.lse) + b * state.lse_batch_stride + to * state.lse_row_stride;
      const In* part_out =
          static_cast<const In*>(partial.out) + b * partial.out_batch_stride + from * partial.out_row_stride;
      const Acc* part_lse =
          static_cast<const Acc*>(partial.lse) + b * partial.lse_batch_stride + from * partial.lse_row_stride;
      for (std::int64_t h = 0; h < shape.heads; ++h)
        merge_row(state_out + h * state.out_head_stride, state_lse[h * state.lse_head_stride],
                  part_out + h * partial.out_head_stride, part_lse[h * partial.lse_head_stride], shape.dim);
    }
  }
}

template <typename Acc, typename Out>
void finish_all(const MergeShape& shape, const MergeView& state, const MergeView& result, Acc scale) {
  constexpr Acc kEmpty = -std::numeric_limits<Acc>::infinity();
  const bool in_place = state.out == result.out && scale == Acc(1);
  for (std::int64_t b = 0; b < shape.batches; ++b) {
    for (std::int64_t row = 0; row < shape.rows; ++row) {
      for (std::int64_t h = 0; h < shape.heads; ++h) {
        const Acc* from = static_cast<const Acc*>(state.out) + b * state.out_batch_stride +
                          row_of(state, row) * state.out_row_stride + h * state.out_head_stride;
        Out* to = static_cast<Out*>(result.out) + b * result.out_batch_stride +
                  row_of(result, row) * result.out_row_stride + h * result.out_head_stride;
        const Acc lse =
            static_cast<const Acc*>(state.lse)[b * state.lse_batch_stride + row_of(state, row) * state.lse_row_stride +
                                               h * state.lse_head_stride];
        if (lse == kEmpty) {
          for (std::int64_t d = 0; d < shape.dim; ++d) to[d] = Out{};
        } else if (!in_place) {
          scaled(from, to, scale, shape.dim);
        }
      }
    }
  }
}

[[noreturn]] void unsupported() {
  throw std::invalid_argument("merge: the state must be f32, or f64 for f64 partials");
}

}  // namespace

void merge_partial_cpu(const MergeShape& shape, const MergeView& state, const MergeView& partial) {
  if (state.element == Element::f64 && partial.element == Element::f64)
    return merge_all<double, double>(shape, state, partial);
  if (state.element != Element::f32) unsupported();
  switch (partial.element) {
    case Element::f32:
      return merge_all<float, float>(shape, state, partial);
    case Element::bf16:
      return merge_all<float, BFloat16Bits>(shape, state, partial);
    case Element::f16:
      return merge_all<float, Float16>(shape, state, partial);
    case Element::f64:
      unsupported();
  }
}

void finish_rows_cpu(const MergeShape& shape, const MergeView& state, const MergeView& result, double scale) {
  if (state.element == Element::f64 && result.element == Element::f64)
    return finish_all<double, double>(shape, state, result, scale);
  if (state.element != Element::f32) unsupported();
  const auto scale_f32 = static_cast<float>(scale);
  switch (result.element) {
    case Element::f32:
      return finish_all<float, float>(shape, state, result, scale_f32);
    case Element::bf16:
      return finish_all<float, BFloat16Bits>(shape, state, result, scale_f32);
    case Element::f16:
      return finish_all<float, Float16>(shape, state, result, scale_f32);
    case Element::f64:
      unsupported();
  }
}

}  // namespace ringattn::kernels
