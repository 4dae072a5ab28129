#pragma once

#include "cli/options.h"

namespace ringattn {

/// `ringattn doctor`: what this machine and build can run, and why not the rest.
struct DoctorOptions {
  SharedOptions shared{};
  std::string json{};  ///< file for the JSON form, "-" for stdout instead of text, "" for none
};

void add_doctor(CLI::App& app, const SharedOptions& shared, Invocation& invocation);

}  // namespace ringattn
