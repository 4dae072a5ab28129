#pragma once

#include "legacy/catalogue.h"

#include <iosfwd>
#include <mutex>
#include <set>
#include <string>

namespace ringattn::legacy {

/// "RingDilatedAttentionV2 (v2): deprecated since 0.3.0, in legacy/ since 0.4.0, removed in 0.5.0; use
/// StandardRingAttention with …"
std::string deprecation_text(const CatalogueEntry& entry);

/// Writes the deprecation of each class once to the stream it was made with (the CLI's stderr). Safe to share between
/// threads.
class DeprecationNotices {
 public:
  explicit DeprecationNotices(std::ostream& out) : out_(out) {}
  void announce(const CatalogueEntry& entry);

 private:
  std::ostream& out_;
  std::mutex mutex_;
  std::set<std::string> announced_;
};

}  // namespace ringattn::legacy
