#pragma once

#include "config/axes.h"

#include <cstdint>

namespace ringattn {

/// Positions [begin, end).
struct PositionRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t size() const { return end > begin ? end - begin : 0; }
  bool operator==(const PositionRange&) const = default;
};

/// What causality, window and documents leave to a query, whatever its pattern: one interval of key positions, both
/// ends of which never decrease from one query to the next. Reads the function that it was made of, which must outlive
/// it.
///   begin = max(document begin, q - left),   end = min(document end, q + right + 1, causal: q + 1).
class Visibility {
 public:
  explicit Visibility(const AttentionFunction& function) : function_(function) {}

  PositionRange keys_of(std::int64_t query) const;
  /// The document that holds the position; the whole sequence where there are no documents. O(log documents).
  PositionRange document_of(std::int64_t position) const;
  /// Whether every query sees every position.
  bool is_unrestricted() const {
    return !function_.is_causal && function_.window.is_open() && function_.documents.empty();
  }

 private:
  const AttentionFunction& function_;
};

}  // namespace ringattn
