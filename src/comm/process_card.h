#pragma once

#include <string>

namespace ringattn {

/// What a process leaves in the store for the others, before they meet.
struct ProcessCard {
  std::string url{};
  std::string token{};
  std::string host{};
  std::string memory{};  ///< whose memory it can read; "": nobody's

  std::string to_text() const;
  static ProcessCard from_text(const std::string& text);
};

}  // namespace ringattn
