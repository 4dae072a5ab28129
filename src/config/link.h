#pragma once

#include "config/env.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// A model of the wire between two ranks: messages of one direction follow one another, and one of b bytes takes
///   us + b / (1000 · gb_s)   microseconds.
struct Link {
  std::string name;    ///< "given" where the command line spelled it out
  double gb_s = 0.0;   ///< 1e9 bytes a second, each direction; 0: no limit
  double us = 0.0;     ///< latency of a message
  std::string source;  ///< where the numbers come from
  bool is_limited() const { return gb_s > 0.0 || us > 0.0; }
  bool operator==(const Link&) const = default;
};

/// What a message takes on the link, in nanoseconds, rounded up.
std::int64_t transfer_ns(const Link& link, std::int64_t bytes);

/// Strict: unknown keys, missing ones and values out of range are UsageErrors that name the JSON pointer.
std::vector<Link> links_from_json_text(std::string_view text, const std::string& source);

/// The links of presets/links.json, looked up as presets are. UsageError for a file against its schema.
std::vector<Link> named_links(const Env& env);

/// "ib_ndr400", or "25,5" for 25 GB/s and 5 us; "none" is no limit. UsageError that begins with `where`.
Link parse_link(const std::string& text, const Env& env, const std::string& where = "--link");

}  // namespace ringattn
