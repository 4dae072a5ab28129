#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Packed documents as they are written:
//
//   none, 1       one document
//   3             three documents of growing length: document i of m ends at d_i = ⌊n·i(i+1) / (m(m+1))⌋
//   0:100:4096    cumulative lengths, from 0 to the sequence length

namespace ringattn {

/// What a workload says about documents, for any sequence length.
struct DocumentSpec {
  std::int64_t count = 1;                                           ///< documents; 1: the sequence is one
  std::vector<std::int64_t> cumulative{};                           ///< given lengths; empty: by the rule
  bool is_one() const { return count == 1 && cumulative.empty(); }  ///< 0:n is too, of one length alone
  bool operator==(const DocumentSpec&) const = default;
};

/// Throws UsageError "<field>: …" that quotes the text and says what would be right.
DocumentSpec parse_documents(std::string_view text, const std::string& field);
std::string to_string(const DocumentSpec& documents);

/// 0 = d_0 < d_1 < … < d_m = n; empty for one document. Where the rule would leave a document without rows, the next
/// positions follow each other: d_i = max(rule, d_{i-1} + 1), and at most n - (m - i). Throws UsageError for fewer
/// rows than documents, or given lengths that do not end at n.
std::vector<std::int64_t> cumulative_lengths(const DocumentSpec& documents, std::int64_t seq_len);

}  // namespace ringattn
