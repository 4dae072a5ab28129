#pragma once

#include "report/report.h"

#include <array>

namespace ringattn {

// The values of each enumeration that a report holds, so that a word can be read back into one.

template <typename Enum>
inline constexpr std::array<Enum, 0> all_values{};
template <>
inline constexpr std::array all_values<Outcome>{
    Outcome::match,         Outcome::different_function,   Outcome::new_wrong,
    Outcome::old_defective, Outcome::undefined_as_shipped, Outcome::unexplained,
    Outcome::raises};
template <>
inline constexpr std::array all_values<Tier>{Tier::logic, Tier::fp64, Tier::precision, Tier::tolerance};
template <>
inline constexpr std::array all_values<Mark>{Mark::measured, Mark::rehearsed, Mark::priced};
template <>
inline constexpr std::array all_values<CheckStatus>{CheckStatus::pass,   CheckStatus::fail,  CheckStatus::improved,
                                                    CheckStatus::unsure, CheckStatus::fresh, CheckStatus::stale};
template <>
inline constexpr std::array all_values<Source>{Source::preset, Source::old_config, Source::environment,
                                               Source::command_line};
template <>
inline constexpr std::array all_values<Dtype>{Dtype::fp32, Dtype::bf16, Dtype::fp16, Dtype::fp64};

}  // namespace ringattn
