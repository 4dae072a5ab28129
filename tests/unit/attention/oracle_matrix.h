#pragma once

#include "attention/attends.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn::test {

using Matrix = std::vector<std::string_view>;

/// Row q, column k of one head: '1' where any pair lets q attend k, '.' elsewhere.
inline std::vector<std::string> matrix_of(const AttentionFunction& f, std::int64_t head) {
  std::vector<std::string> rows;
  for (std::int64_t query = 0; query < f.seq_len; ++query) {
    std::string row;
    for (std::int64_t key = 0; key < f.seq_len; ++key) {
      bool any = false;
      for (std::size_t i = 0; i < f.pairs.size(); ++i)
        any = any || attends(f, static_cast<std::int64_t>(i), head, query, key);
      row += any ? '1' : '.';
    }
    rows.push_back(row);
  }
  return rows;
}

inline void check_matrix(const AttentionFunction& f, std::int64_t head, const Matrix& wanted) {
  const std::vector<std::string> seen = matrix_of(f, head);
  REQUIRE(seen.size() == wanted.size());
  for (std::size_t row = 0; row < seen.size(); ++row) {
    CAPTURE(head);
    CAPTURE(row);
    CHECK(seen[row] == wanted[row]);
  }
}

/// The keys of one row through one pair, ascending.
inline std::vector<std::int64_t> keys_of(const AttentionFunction& f, std::int64_t pair, std::int64_t head,
                                         std::int64_t query) {
  std::vector<std::int64_t> keys;
  for (std::int64_t key = 0; key < f.seq_len; ++key) {
    if (attends(f, pair, head, query, key)) keys.push_back(key);
  }
  return keys;
}

}  // namespace ringattn::test
