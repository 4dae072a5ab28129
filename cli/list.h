#pragma once

#include "cli/options.h"

namespace ringattn {

/// `ringattn list`: the names that other verbs understand.
struct ListOptions {
  SharedOptions shared{};
  std::string topic{};      ///< implementations, presets, axes, fields or patterns; "" is all of them
  bool deprecated = false;  ///< the old implementations and what becomes of them in 0.3, 0.4 and 0.5
  std::string json{};       ///< file for the JSON form, "-" for stdout instead of tables, "" for none
};

void add_list(CLI::App& app, const SharedOptions& shared, Invocation& invocation);

}  // namespace ringattn
