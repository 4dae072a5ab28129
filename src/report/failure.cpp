#include "report/failure.h"

#include "report/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace ringattn {
namespace {

constexpr int bar_columns = 40;

std::string place(const ElementIndex& index) {
  const std::string dim = index.dim < 0 ? "" : fmt::format(", dim {}", index.dim);
  return fmt::format("batch {}, row {}, head {}{}", index.batch, index.row, index.head, dim);
}

std::string stats_line(const char* side, const TensorStats& s) {
  std::string line =
      fmt::format("    {:<4} mean {:.4g}, std {:.4g}, min {:.4g} at [{}, {}, {}, {}], max {:.4g} at [{}, {}, {}, {}]",
                  side, s.mean, s.stddev, s.min, s.min_index.batch, s.min_index.row, s.min_index.head, s.min_index.dim,
                  s.max, s.max_index.batch, s.max_index.row, s.max_index.head, s.max_index.dim);
  line += fmt::format("; |x| p50 {:.3g}, p90 {:.3g}, p99 {:.3g}", s.abs_p50, s.abs_p90, s.abs_p99);
  if (s.nan_count > 0 || s.inf_count > 0)
    line += fmt::format("; {} NaN, {} inf", human_count(s.nan_count), human_count(s.inf_count));
  return line;
}

std::vector<std::string> histogram_lines(const ErrorHistogram& histogram) {
  std::vector<std::string> lines{"    |error|      elements"};
  const auto is_used = [](std::int64_t count) { return count > 0; };
  const auto first = std::find_if(histogram.counts.begin(), histogram.counts.end(), is_used);
  const auto last = std::find_if(histogram.counts.rbegin(), histogram.counts.rend(), is_used).base();
  const std::int64_t most =
      histogram.counts.empty() ? 0 : *std::max_element(histogram.counts.begin(), histogram.counts.end());
  for (auto bin = first; bin < last; ++bin) {
    const std::int64_t exponent = std::int64_t{histogram.first_exponent} + (bin - histogram.counts.begin());
    const double share = static_cast<double>(*bin) / static_cast<double>(most);
    const auto bar = static_cast<std::size_t>(std::max(0.0, std::ceil(share * bar_columns)));
    const bool lowest = bin == histogram.counts.begin();
    const std::string range =
        lowest ? fmt::format("below 1e{:+03}", exponent + 1) : fmt::format("from  1e{:+03}", exponent);
    lines.push_back(fmt::format("    {} {:>10} {}", range, human_count(*bin), std::string(bar, '#')));
  }
  return lines;
}

std::vector<std::string> tensor_lines(const TensorVerdict& t) {
  std::vector<std::string> lines{"  " + t.reason};
  const BlockError& block = t.worst_block;
  lines.push_back(fmt::format(
      "    worst block: rows {}..{} of batch {}, head {}: {:.3g} where {:.3g} is allowed; first bad row {}",
      block.first_row, block.last_row, block.batch, block.head, block.ratio, block.allowed, t.first_bad_row));
  lines.push_back(fmt::format("    worst element: {}: got {:.9g}, want {:.9g}, off by {} ({} of it)",
                              place(t.worst_abs.index), t.worst_abs.got, t.worst_abs.want,
                              human_error(t.worst_abs.abs_error), human_error(t.worst_abs.rel_error)));
  lines.push_back(fmt::format("    required tolerance: atol {} or rtol {}", human_error(t.required_atol),
                              human_error(t.required_rtol)));
  lines.push_back(fmt::format("    mismatched {} of {} elements; SQNR {:.1f} dB, 1 - cos {}", human_count(t.mismatched),
                              human_count(t.elements), t.sqnr_db, human_error(t.one_minus_cosine)));
  if (!t.details) return lines;
  lines.push_back(stats_line("got", t.details->got));
  lines.push_back(stats_line("want", t.details->want));
  for (std::string& line : histogram_lines(t.details->histogram)) lines.push_back(std::move(line));
  return lines;
}

/// Nothing for a verdict that passed.
std::vector<std::string> verdict_lines(const std::string& judged, const std::optional<NumericVerdict>& verdict) {
  if (!verdict || verdict->passed) return {};
  std::vector<std::string> lines{
      fmt::format("{} against {} ({} tier)", judged, verdict->against, to_string(verdict->tier))};
  if (verdict->tensors.empty()) lines.push_back("  " + verdict->reason);
  for (const TensorVerdict& tensor : verdict->tensors) {
    if (tensor.passed) continue;
    for (std::string& line : tensor_lines(tensor)) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace

std::string failure_block(const CaseRecord& record, const TextStyle& style) {
  const std::string outcome = record.outcome ? std::string(to_string(*record.outcome)) : "failed";
  std::string text =
      paint("FAIL", Tone::bad, style) + "  " + record.id + "  " + paint(outcome, Tone::bad, style) + "\n";
  std::vector<std::string> lines;
  const auto take = [&](const std::vector<std::string>& more) { lines.insert(lines.end(), more.begin(), more.end()); };
  if (!record.words.empty()) lines.push_back(record.words);
  take(verdict_lines(record.candidate.id, record.candidate_against_oracle));
  if (record.legacy) {
    take(verdict_lines(record.legacy->id, record.legacy_against_oracle));
    take(verdict_lines(record.legacy->id, record.legacy_against_candidate));
  }
  take(record.explanation);
  // A bar that is broken is none.
  for (const std::string& line : lines)
    text += "  " + (line.ends_with("#") ? line : wrap(line, style.width - 2, 8)) + "\n";
  return text + "repro: " + record.repro + "\n";
}

std::string shell_quote(const std::string& argument) {
  constexpr const char* plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%";
  if (!argument.empty() && argument.find_first_not_of(plain) == std::string::npos) return argument;
  std::string quoted = "'";
  for (const char c : argument) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string repro_command(const std::string& legacy, const std::string& candidate, const std::vector<std::string>& axes,
                          const std::vector<std::string>& further) {
  std::string command = legacy.empty() ? "ringattn bench" : "ringattn compare --old " + shell_quote(legacy);
  command += " --new " + shell_quote(candidate);
  for (const std::string& word : axes) command += " -a " + shell_quote(word);
  for (const std::string& argument : further) command += " " + shell_quote(argument);
  return command;
}

}  // namespace ringattn
