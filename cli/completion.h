#pragma once

#include "cli/options.h"

#include <memory>

namespace ringattn {

/// `ringattn completion SHELL`: a completion script on stdout, made from the parser itself.
struct CompletionOptions {
  SharedOptions shared{};
  std::string shell{};            ///< bash, zsh or fish
  const CLI::App* app = nullptr;  ///< the whole command line
};

void add_completion(CLI::App& app, const SharedOptions& shared, Invocation& invocation);

}  // namespace ringattn
