#pragma once

#include <cstddef>

namespace ringattn::kernels {

/// Element types of tensors that kernels read and write. States are f32, or f64 where the inputs are.
enum class Element { f32, f64, bf16, f16 };

constexpr std::size_t element_size(Element element) {
  return element == Element::f64 ? 8 : element == Element::f32 ? 4 : 2;
}

}  // namespace ringattn::kernels
