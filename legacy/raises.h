#pragma once

#include "attention/interface.h"

#include <string>
#include <utility>

namespace ringattn::legacy {

/// What a released class did instead of returning: its Python exception, as data. Reported as the behaviour `raises:
/// TYPE: message`; it is no error of ours, so main never maps it to an exit code.
struct LegacyRaises : ReleasedCodeRaised {
  LegacyRaises(std::string error_type, std::string error_message)
      : ReleasedCodeRaised("raises: " + error_type + ": " + error_message),
        type(std::move(error_type)),
        message(std::move(error_message)) {}
  std::string type;     ///< "AttributeError"
  std::string message;  ///< as Python printed it
};

}  // namespace ringattn::legacy
