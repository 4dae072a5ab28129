#include "config/documents.h"

#include "config/error.h"

#include <algorithm>
#include <charconv>

namespace ringattn {
namespace {

constexpr std::int64_t documents_max = 1 << 20;  // m(m+1)·n stays far below 2^127

[[noreturn]] void refuse(std::string_view text, const std::string& field, const std::string& why) {
  throw UsageError(field + ": \"" + std::string(text) + "\" " + why +
                   "; write none, a number of documents such as 3, or cumulative lengths such as 0:100:4096");
}

std::int64_t number(std::string_view part, std::string_view text, const std::string& field) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
  if (error != std::errc{} || end != part.data() + part.size() || value < 0) refuse(text, field, "is no documents");
  return value;
}

std::vector<std::int64_t> numbers(std::string_view text, const std::string& field) {
  std::vector<std::int64_t> list;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] != ':') continue;
    list.push_back(number(text.substr(begin, i - begin), text, field));
    begin = i + 1;
  }
  return list;
}

/// ⌊n·i(i+1) / (m(m+1))⌋ without overflow.
std::int64_t end_by_rule(std::int64_t n, std::int64_t i, std::int64_t m) {
  __extension__ using Wide = __int128;
  return static_cast<std::int64_t>(Wide{n} * i * (i + 1) / (Wide{m} * (m + 1)));
}

}  // namespace

DocumentSpec parse_documents(std::string_view text, const std::string& field) {
  if (text == "none") return {};
  const std::vector<std::int64_t> list = numbers(text, field);
  if (list.size() == 1) {
    if (list[0] < 1) refuse(text, field, "is no number of documents");
    if (list[0] > documents_max) refuse(text, field, "is too many, at most " + std::to_string(documents_max));
    return {.count = list[0]};
  }
  if (list[0] != 0) refuse(text, field, "does not begin at 0");
  for (std::size_t i = 1; i < list.size(); ++i) {
    if (list[i] <= list[i - 1]) refuse(text, field, "does not ascend");
  }
  return {.count = static_cast<std::int64_t>(list.size()) - 1, .cumulative = list};
}

std::string to_string(const DocumentSpec& documents) {
  if (documents.cumulative.empty()) return documents.is_one() ? "none" : std::to_string(documents.count);
  std::string text;
  for (const std::int64_t length : documents.cumulative) text += (text.empty() ? "" : ":") + std::to_string(length);
  return text;
}

std::vector<std::int64_t> cumulative_lengths(const DocumentSpec& documents, std::int64_t seq_len) {
  const std::string field = "documents: " + to_string(documents);
  if (!documents.cumulative.empty()) {
    if (documents.cumulative.back() == seq_len) return documents.cumulative;
    throw UsageError(field + " ends at " + std::to_string(documents.cumulative.back()) + ", must end at seq_len " +
                     std::to_string(seq_len));
  }
  if (documents.is_one()) return {};
  const std::int64_t m = documents.count;
  if (seq_len < m) throw UsageError(field + " documents cannot be packed into seq_len " + std::to_string(seq_len));
  std::vector<std::int64_t> ends{0};
  for (std::int64_t i = 1; i <= m; ++i)
    ends.push_back(std::min(std::max(end_by_rule(seq_len, i, m), ends.back() + 1), seq_len - (m - i)));
  return ends;
}

}  // namespace ringattn
