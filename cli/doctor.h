#pragma once

#include "cli/options.h"

namespace ringattn {

/// `ringattn doctor`: what this machine and build can run, why not the rest, and how fast the machine is.
struct DoctorOptions {
  SharedOptions shared{};
  std::string json{};  ///< file for the JSON form, "-" for stdout instead of text, "" for none
  bool quick = false;  ///< measure nothing
};

void add_doctor(CLI::App& app, const SharedOptions& shared, Invocation& invocation);

}  // namespace ringattn
