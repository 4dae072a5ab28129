#include "config/problem.h"

#include "config/error.h"

#include <fmt/format.h>

namespace ringattn {
namespace {

void check_positive(const char* name, std::int64_t value) {
  if (value < 1) throw UsageError(fmt::format("{}: must be a positive integer (got {})", name, value));
}

void check_documents(const Problem& problem) {
  const std::vector<std::int64_t>& documents = problem.documents;
  if (documents.empty()) return;
  if (documents.front() != 0 || documents.back() != problem.seq_len)
    throw UsageError(
        fmt::format("documents: the cumulative lengths go from {} to {}; they must go from 0 to seq_len {}",
                    documents.front(), documents.back(), problem.seq_len));
  for (std::size_t i = 1; i < documents.size(); ++i) {
    if (documents[i] <= documents[i - 1])
      throw UsageError(
          fmt::format("documents: {} follows {}; cumulative lengths must ascend", documents[i], documents[i - 1]));
  }
}

}  // namespace

void validate(const Problem& problem) {
  check_positive("seq_len", problem.seq_len);
  check_positive("heads", problem.heads);
  if (problem.kv_heads != 0) {
    check_positive("kv_heads", problem.kv_heads);
    if (problem.heads % problem.kv_heads != 0)
      throw UsageError(fmt::format("kv_heads: {} does not divide heads {}", problem.kv_heads, problem.heads));
  }
  if (problem.window.left < -1 || problem.window.right < -1)
    throw UsageError(fmt::format("window: {}:{} is out of range; each side is at least 0, or -1 for no limit",
                                 problem.window.left, problem.window.right));
  check_documents(problem);
}

Problem problem_of(const Case& axes, const MaskShape& mask, bool is_training, std::uint64_t dropout_seed) {
  return {.seq_len = axes.seq_len,
          .heads = axes.heads,
          .is_causal = axes.is_causal,
          .kv_heads = axes.kv_heads,
          .window = axes.window,
          .documents = cumulative_lengths(axes.documents, axes.seq_len),
          .mask = mask,
          .is_training = is_training,
          .dropout_seed = dropout_seed};
}

}  // namespace ringattn
