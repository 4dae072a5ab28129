#include "config/link.h"

#include "config/did_you_mean.h"
#include "config/error.h"
#include "config/json.h"
#include "config/preset.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <optional>

namespace ringattn {
namespace {

constexpr const char* kFile = "links.json";
constexpr double kGbSMax = 1e6;
constexpr double kUsMax = 1e7;

Link link_of(const JsonValue& json) {
  json.allow_only({"name", "gb_s", "us", "source"});
  const JsonValue rate = json.require("gb_s");
  Link link{.name = json.require("name").string(),
            .gb_s = rate.is_null() ? 0.0 : rate.number(1e-6, kGbSMax),
            .us = json.require("us").number(0.0, kUsMax),
            .source = json.require("source").string()};
  if (link.source.empty()) json.require("source").refuse("must say where the numbers come from");
  return link;
}

/// A finite number within bounds that is the whole text.
std::optional<double> number(const std::string& text, double low, double high) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_whole = error == std::errc{} && end == text.data() + text.size();
  return is_whole && value >= low && value <= high ? std::optional<double>(value) : std::nullopt;
}

}  // namespace

std::int64_t transfer_ns(const Link& link, std::int64_t bytes) {
  const double wire = link.gb_s > 0.0 ? static_cast<double>(bytes) / link.gb_s : 0.0;
  return static_cast<std::int64_t>(std::ceil(1e3 * link.us + wire));
}

std::vector<Link> links_from_json_text(std::string_view text, const std::string& source) {
  const Json document = parse_json_strict(text, source);
  const JsonValue root(document, source);
  root.allow_only({"$schema", "links"});
  std::vector<Link> links;
  for (const JsonValue& json : root.require("links").elements()) links.push_back(link_of(json));
  return links;
}

std::vector<Link> named_links(const Env& env) {
  const PresetText file = load_preset_file(kFile, env);
  return links_from_json_text(file.text, file.source);
}

Link parse_link(const std::string& text, const Env& env, const std::string& where) {
  const std::size_t comma = text.find(',');
  if (comma != std::string::npos) {
    const auto gb_s = number(text.substr(0, comma), 1e-6, kGbSMax);
    const auto us = number(text.substr(comma + 1), 0.0, kUsMax);
    if (gb_s && us) return {.name = "given", .gb_s = *gb_s, .us = *us, .source = where + " " + text};
    throw UsageError(where + ": must be GBps,us: gigabytes a second above 0 and microseconds, such as 25,5 (got \"" +
                     text + "\")");
  }
  std::vector<std::string> known;
  for (Link& link : named_links(env)) {
    if (link.name == text) return link;
    known.push_back(link.name);
  }
  throw UsageError(where + ": unknown link \"" + text + "\"; a name, or GBps,us such as 25,5" +
                   did_you_mean(text, known));
}

}  // namespace ringattn
