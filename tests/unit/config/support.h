#pragma once

#include "config/error.h"
#include "config/ring_attention_config.h"

#include <string>

namespace ringattn::test {

/// The message of the `Error` that `body` throws; "no error" where it throws none. Any other exception escapes and
/// fails the test.
template <typename Error = UsageError, typename Body>
std::string message_of(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// The guide's example: segments 2048 and 4096, dilation 1 and 2.
inline RingAttentionConfig guide_config() {
  RingAttentionConfig config;
  config.segment_lengths = {2048, 4096};
  config.dilation_rates = {1, 2};
  return config;
}

}  // namespace ringattn::test
