#include "config/error.h"
#include "gate/baseline.h"

#include <fmt/format.h>

#include <functional>
#include <limits>

namespace ringattn {
namespace {

constexpr const char* kSchema = "ringattn.baseline";
constexpr const char* kVersion = "1.0";

Json head(const std::string& holds) { return {{"schema", kSchema}, {"schema_version", kVersion}, {"holds", holds}}; }

void check_head(const JsonValue& line, const std::string& holds) {
  line.allow_only({"schema", "schema_version", "holds"});
  const JsonValue schema = line.require("schema");
  if (schema.string() != kSchema) schema.refuse(fmt::format("is no baseline: must be \"{}\"", kSchema));
  const JsonValue version = line.require("schema_version");
  if (version.string() != kVersion) version.refuse(fmt::format("this program reads version {} of baselines", kVersion));
  const JsonValue what = line.require("holds");
  if (!what.string().starts_with(holds)) what.refuse(fmt::format("must be \"{}\"", holds));
}

/// Calls `read` for each line after the head. An empty line, or a last one without its end (a file cut off), is
/// refused.
void read_lines(std::string_view text, const std::string& source, const std::string& holds,
                const std::function<void(const JsonValue&)>& read) {
  if (text.empty()) throw UsageError(source + ": is empty, and so no baseline");
  if (text.back() != '\n') throw UsageError(source + ": its last line has no end: the file is cut off");
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string where = fmt::format("{}:{}", source, ++number);
    const Json json = parse_json_strict(text.substr(0, end), where);
    const JsonValue line(json, where);
    if (!line.is_object()) line.refuse("must be an object");
    if (number == 1)
      check_head(line, holds);
    else
      read(line);
    text.remove_prefix(end + 1);
  }
}

std::vector<std::int64_t> integers(const JsonValue& array, std::int64_t low) {
  std::vector<std::int64_t> values;
  if (!array.is_array()) array.refuse("must be an array of integers, one a rank");
  for (const JsonValue& element : array.elements()) values.push_back(element.integer(low));
  return values;
}

CaseFacts case_facts(const JsonValue& line) {
  std::vector<std::string> known{"setting", "case"};
  for (const RankQuantity& q : rank_quantities) known.emplace_back(q.key);
  line.allow_only(known);
  CaseFacts facts{.id = line.require("case").string(), .ranks = {}};
  for (const RankQuantity& q : rank_quantities) {
    const JsonValue array = line.require(q.key);
    const std::vector<std::int64_t> values = integers(array, std::numeric_limits<std::int64_t>::min());
    if (facts.ranks.empty()) facts.ranks.resize(values.size());
    if (values.size() != facts.ranks.size()) array.refuse("must have as many numbers as the first list has");
    for (std::size_t rank = 0; rank < values.size(); ++rank) facts.ranks[rank].*q.field = values[rank];
  }
  return facts;
}

ExponentFact exponent_fact(const JsonValue& line) {
  line.allow_only({"setting", "among", "axis", "own_bytes_exponent"});
  return {.axis = line.require("axis").word({"seq_len", "ranks"}),
          .among = line.require("among").string(),
          .exponent = line.require("own_bytes_exponent").number(-100, 100)};
}

HostEntry host_entry(const JsonValue& line) {
  line.allow_only({"setting", "case", "peak_bytes", "time_over_reference", "pairs"});
  HostEntry entry{.id = line.require("case").string(),
                  .peak_bytes = integers(line.require("peak_bytes"), 0),
                  .ratio = {},
                  .pairs = line.require("pairs").integer(0)};
  const JsonValue ratio = line.require("time_over_reference");
  ratio.allow_only({"median", "low", "high"});
  entry.ratio = {ratio.require("median").number(0), ratio.require("low").number(0), ratio.require("high").number(0)};
  if (entry.ratio.low > entry.ratio.median || entry.ratio.median > entry.ratio.high)
    ratio.refuse("must have low <= median <= high");
  return entry;
}

template <typename Map, typename Entry>
void insert(Map& map, const JsonValue& line, const std::string& id, Entry entry) {
  const std::string setting = line.require("setting").string();
  if (!map.emplace(BaselineKey{setting, id}, std::move(entry)).second)
    line.refuse(fmt::format("{} {} stands twice", setting, id));
}

}  // namespace

DeterministicBaseline deterministic_from_text(std::string_view text, const std::string& source) {
  DeterministicBaseline baseline;
  read_lines(text, source, "deterministic", [&](const JsonValue& line) {
    if (line.find("among")) {
      ExponentFact fact = exponent_fact(line);
      const std::string id = fact.among;
      return insert(baseline.exponents, line, id, std::move(fact));
    }
    CaseFacts facts = case_facts(line);
    const std::string id = facts.id;
    insert(baseline.cases, line, id, std::move(facts));
  });
  return baseline;
}

HostBaseline host_from_text(std::string_view text, const std::string& source) {
  HostBaseline baseline;
  read_lines(text, source, "host class", [&](const JsonValue& line) {
    HostEntry entry = host_entry(line);
    const std::string id = entry.id;
    insert(baseline, line, id, std::move(entry));
  });
  return baseline;
}

std::string to_text(const DeterministicBaseline& baseline) {
  std::string text = head("deterministic").dump() + "\n";
  for (const auto& [key, facts] : baseline.cases) {
    Json line{{"setting", key.first}, {"case", key.second}};
    for (const RankQuantity& q : rank_quantities) {
      line[q.key] = Json::array();
      for (const RankFacts& rank : facts.ranks) line[q.key].push_back(rank.*q.field);
    }
    text += line.dump() + "\n";
  }
  for (const auto& [key, fact] : baseline.exponents)
    text +=
        Json{{"setting", key.first}, {"among", fact.among}, {"axis", fact.axis}, {"own_bytes_exponent", fact.exponent}}
            .dump() +
        "\n";
  return text;
}

std::string to_text(const HostBaseline& baseline, const std::string& host_class) {
  std::string text = head("host class " + host_class).dump() + "\n";
  for (const auto& [key, entry] : baseline)
    text += Json{{"setting", key.first},
                 {"case", key.second},
                 {"peak_bytes", entry.peak_bytes},
                 {"time_over_reference",
                  {{"median", entry.ratio.median}, {"low", entry.ratio.low}, {"high", entry.ratio.high}}},
                 {"pairs", entry.pairs}}
                .dump() +
            "\n";
  return text;
}

}  // namespace ringattn
