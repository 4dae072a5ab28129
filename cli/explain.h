#pragma once

#include "cli/options.h"
#include "config/json.h"

#include <string>
#include <vector>

namespace ringattn {

/// `ringattn explain NAME`: what an old implementation computed, what it was meant to, and what preserves that.
struct ExplainOptions {
  SharedOptions shared{};
  std::string name{};  ///< name, alias or class name, or a glob over them
  std::string json{};  ///< file for the JSON form, "-" for stdout instead of text, "" for none
};

void add_explain(CLI::App& app, const SharedOptions& shared, Invocation& invocation);

/// The catalogue's entries that a name or glob means, one object each (old_implementations.cpp). Throws UsageError with
/// the nearest names; Unavailable in a build without legacy/ (without_legacy.cpp).
std::vector<Json> explain_old(const std::string& name);

}  // namespace ringattn
