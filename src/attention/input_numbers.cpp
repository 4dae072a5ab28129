#include "attention/input_numbers.h"

#include <algorithm>

namespace ringattn {
namespace {

void scale(std::span<float> numbers, float factor) {
  for (float& number : numbers) number *= factor;
}

}  // namespace

void shape_numbers(std::span<float> numbers, const NumbersPlace& place) {
  switch (place.distribution) {
    case InputDistribution::normal:
      return;
    case InputDistribution::large_logits:
      if (place.tensor != InputTensor::value) scale(numbers, 4.0F);
      return;
    case InputDistribution::constant_rows:
      std::fill(numbers.begin(), numbers.end(), numbers.front());
      return;
    case InputDistribution::near_ties:
      if (place.tensor != InputTensor::key) return;
      for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = place.first_row[i] + 0x1p-10F * numbers[i];
      return;
    case InputDistribution::denormals:
      scale(numbers, 1e-39F);
      return;
    case InputDistribution::one_huge_key:
      if (place.tensor == InputTensor::key && place.is_middle_row) scale(numbers, 1e4F);
      return;
  }
}

}  // namespace ringattn
