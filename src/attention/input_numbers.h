#pragma once

#include "attention/inputs.h"

#include <span>

namespace ringattn {

/// Which numbers shape_numbers() works on: one head of one row.
struct NumbersPlace {
  InputDistribution distribution = InputDistribution::normal;
  InputTensor tensor = InputTensor::query;
  bool is_middle_row = false;          ///< position ⌊n/2⌋
  std::span<const float> first_row{};  ///< near_ties: the same head's normal values at position 0
};

/// Makes independent standard normal values into values of the distribution.
void shape_numbers(std::span<float> numbers, const NumbersPlace& place);

}  // namespace ringattn
