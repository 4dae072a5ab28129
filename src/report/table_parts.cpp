#include "report/table_parts.h"

#include "report/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace ringattn {
namespace {

template <typename Get>
bool varies(const Report& report, Get get) {
  std::set<std::int64_t> values;
  for (const CaseRecord& record : report.cases) values.insert(get(record.axes));
  return values.size() > 1;
}

std::string costs_line(const Report& report) {
  std::int64_t metering = 0;
  std::int64_t oracle = 0;
  for (const CaseRecord& record : report.cases) {
    metering += record.metering_ns;
    oracle += record.oracle_ns;
  }
  return fmt::format("apart from the timed runs: metering {}, oracle {}; all in all {}",
                     human_time(static_cast<double>(metering)), human_time(static_cast<double>(oracle)),
                     human_time(static_cast<double>(report.duration_ns)));
}

/// Whether bytes and times are of backward too.
bool is_of_both_passes(const Report& report) {
  return std::any_of(report.cases.begin(), report.cases.end(),
                     [](const CaseRecord& record) { return record.candidate.metered == "forward_backward"; });
}

}  // namespace

Varying varying_axes(const Report& report) {
  return {varies(report, [](const Case& c) { return c.batch; }), varies(report, [](const Case& c) { return c.heads; }),
          varies(report, [](const Case& c) { return c.head_dim; }),
          varies(report, [](const Case& c) { return static_cast<std::int64_t>(c.dtype); }),
          varies(report, [](const Case& c) { return static_cast<std::int64_t>(c.is_causal); })};
}

std::string short_case(const Case& axes, const Varying& varying) {
  std::string name;
  if (varying.batch) name += fmt::format("b{} ", axes.batch);
  name += fmt::format("n{}", axes.seq_len);
  if (varying.heads) name += fmt::format(" h{}", axes.heads);
  if (varying.head_dim) name += fmt::format(" d{}", axes.head_dim);
  for (const std::string& word : case_extras(axes)) name += " " + word;
  return name;
}

std::string header_line(const Report& report, const TextStyle& style, const std::string& further) {
  const ResolvedRecord& resolved = report.resolved;
  std::string line = report.verb;
  if (!resolved.legacy.empty())
    line += fmt::format(" {}{} with {}", resolved.legacy, resolved.as_shipped ? " as shipped" : "", resolved.candidate);
  else
    line += " " + resolved.candidate;
  line += fmt::format(" · preset {} · {} configuration · inputs {} seed {}", resolved.preset, resolved.new_config,
                      resolved.inputs, resolved.seed);
  if (resolved.distribution != "normal") line += fmt::format(" ({})", resolved.distribution);
  if (resolved.is_training) line += " · training";
  if (is_of_both_passes(report)) line += " · forward and backward";
  if (resolved.projection != "none") line += fmt::format(" · projection {}", resolved.projection);
  if (!report.cases.empty()) {
    const Varying varying = varying_axes(report);
    const Case& axes = report.cases.front().axes;
    if (!varying.batch) line += fmt::format(" · batch {}", axes.batch);
    if (!varying.heads) line += fmt::format(" · heads {}", axes.heads);
    if (!varying.head_dim) line += fmt::format(" · head_dim {}", axes.head_dim);
  }
  return wrap(line + further, style.width, 2) + "\n\n";
}

std::string below_table(const Report& report, const TextStyle& style) {
  std::string text;
  for (const std::string& note : report_notes(report)) text += wrap(note, style.width, 2) + "\n";
  if (!text.empty()) text = "\n" + text;
  const bool good = report.complete && report.exit_code == 0;
  return text + "\n" + wrap(costs_line(report), style.width, 2) + "\n" +
         paint(summary_line(report), good ? Tone::good : Tone::bad, style) + "\n";
}

Unit shared_unit(const Report& report, std::int64_t (*amount)(const ImplementationRecord&)) {
  std::vector<double> bytes;
  for (const CaseRecord& record : report.cases) {
    bytes.push_back(static_cast<double>(amount(record.candidate)));
    if (record.legacy) bytes.push_back(static_cast<double>(amount(*record.legacy)));
  }
  return byte_unit(bytes);
}

}  // namespace ringattn
