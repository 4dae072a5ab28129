#include "cli/doctor_measure.h"

#include "cli/interrupt.h"
#include "config/network.h"
#include "measure/hiding.h"
#include "report/units.h"

#include <fmt/format.h>

#include <cmath>

namespace ringattn {
namespace {

constexpr double kSharedHeads = 4.0;

HidingRow hiding_row(std::string rank, std::string link, Dtype dtype, double flops_per_s, double bytes_per_s,
                     double latency_s) {
  HidingProblem problem{.flops_per_s = flops_per_s,
                        .bytes_per_s = bytes_per_s,
                        .element_bytes = static_cast<double>(element_bytes(dtype))};
  HidingRow row{std::move(rank), std::move(link), dtype, flops_per_s, bytes_per_s, latency_s};
  row.full_rows = hiding_length(problem);
  problem.heads_per_key = kSharedHeads;
  row.shared_rows = hiding_length(problem);
  problem.heads_per_key = 1.0;
  problem.is_balanced_causal = true;
  row.causal_rows = hiding_length(problem);
  return row;
}

/// The rate of the largest unmasked tile.
std::optional<double> attention_rate(const std::vector<Ceiling>& ceilings, Dtype dtype) {
  std::optional<double> rate;
  for (const Ceiling& ceiling : ceilings) {
    if (ceiling.quantity == "attention_rate" && ceiling.of.starts_with(std::string(to_string(dtype)) + " full"))
      rate = ceiling.value.median;
  }
  return rate;
}

void add_this_machine(std::vector<HidingRow>& rows, const std::vector<Ceiling>& ceilings,
                      const std::vector<Network>& networks) {
  const Ceiling* copy = find_ceiling(ceilings, "copy_bandwidth", "8 MiB");
  const Ceiling* latency = find_ceiling(ceilings, "latency");
  for (const Dtype dtype : {Dtype::fp32, Dtype::bf16}) {
    const std::optional<double> rate = attention_rate(ceilings, dtype);
    if (!rate) continue;
    if (copy != nullptr && latency != nullptr)
      rows.push_back(
          hiding_row("this machine", "between its ranks", dtype, *rate, copy->value.median, latency->value.median));
    for (const Network& network : networks) {
      const NetworkLink& link = network.ranks_per_node > 0 ? network.outer_link : network.inner_link;
      rows.push_back(hiding_row("this machine", network.name, dtype, *rate, 1e9 * link.gb_s, 1e-6 * link.us));
    }
  }
}

void add_network(std::vector<HidingRow>& rows, const Network& network) {
  for (const auto& [dtype, rate] : network.flops_per_s) {
    const auto add = [&, type = dtype, flops = rate](const char* name, const NetworkLink& link) {
      rows.push_back(hiding_row(network.name, name, type, flops, 1e9 * link.gb_s, 1e-6 * link.us));
    };
    add("inner_link", network.inner_link);
    if (network.ranks_per_node > 0) add("outer_link", network.outer_link);
  }
}

std::string scaled(double value, const std::string& unit) {
  if (unit == "s") return human_time(1e9 * value);
  if (unit == "FLOP/s") return human_flop_rate(value, 1e9);
  return fmt::format("{:.3g} GB/s", 1e-9 * value);
}

std::string interval(const MedianEstimate& value, const std::string& unit) {
  if (!value.low || !value.high) return "–";
  return scaled(*value.low, unit) + " … " + scaled(*value.high, unit);
}

std::string in_words(const std::string& quantity) {
  std::string words = quantity;
  for (char& c : words) {
    if (c == '_') c = ' ';
  }
  return words;
}

std::string rows_text(double rows) { return human_count(static_cast<std::int64_t>(std::ceil(rows))); }

std::string ceilings_text(const std::vector<Ceiling>& ceilings, const TextStyle& style) {
  std::vector<std::vector<Cell>> rows;
  for (const Ceiling& c : ceilings)
    rows.push_back({{in_words(c.quantity)}, {c.of}, {scaled(c.value.median, c.unit)}, {interval(c.value, c.unit)}});
  std::string text =
      render_table({{"measured here", false}, {"of", false}, {"median"}, {"95 % of the median"}}, rows, style);
  std::string last;
  for (const Ceiling& c : ceilings) {
    const std::string line = in_words(c.quantity) + ": " + c.how;
    if (c.quantity == last) continue;
    last = c.quantity;
    text += wrap("  " + line, style.width, 4) + "\n";
  }
  return text;
}

std::string hiding_text(const std::vector<HidingRow>& hiding, const TextStyle& style) {
  std::vector<std::vector<Cell>> rows;
  for (const HidingRow& h : hiding)
    rows.push_back({{h.rank},
                    {h.link},
                    {std::string(to_string(h.dtype))},
                    {scaled(h.bytes_per_s, "B/s")},
                    {rows_text(h.full_rows)},
                    {rows_text(h.causal_rows)},
                    {rows_text(h.shared_rows)}});
  return render_table({{"hop hidden from rows a rank", false},
                       {"link", false},
                       {"dtype", false},
                       {"bandwidth"},
                       {"full"},
                       {"causal"},
                       {"4 heads a K/V head"}},
                      rows, style) +
         wrap(
             "  L* = K/V heads / heads · bytes · F / (2 · W), twice that causal; F: attention rate, W: bandwidth. "
             "Ranks of this machine are threads that copy for themselves: there nothing hides.",
             style.width, 4) +
         "\n";
}

std::string noise_text(const Noise& noise, const TextStyle& style) {
  return wrap(fmt::format("noise: the same call twice in {} interleaved pairs differs by {:.1f} % at most in the "
                          "median (ratio {:.3f}, {:.3f} … {:.3f}; {} a call)",
                          noise.first_ns.size(), 100.0 * noise.half_width(), noise.ratio.median,
                          noise.ratio.low.value_or(noise.ratio.median), noise.ratio.high.value_or(noise.ratio.median),
                          human_time(noise.call_ns)),
              style.width, 2) +
         "\n";
}

Json bound(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

}  // namespace

MachineMeasurements measure_machine(const Env& env) {
  MachineMeasurements measured;
  measured.ceilings = measure_ceilings({.stop = interrupted});
  if (!interrupted()) measured.noise = measure_noise({.stop = interrupted});
  std::vector<Network> networks;
  for (const std::string& name : network_names(env)) networks.push_back(load_network(name, env));
  add_this_machine(measured.hiding, measured.ceilings, networks);
  for (const Network& network : networks) add_network(measured.hiding, network);
  return measured;
}

std::string to_text(const MachineMeasurements& measured, const TextStyle& style) {
  std::string text = ceilings_text(measured.ceilings, style) + "\n" + hiding_text(measured.hiding, style);
  if (measured.noise) text += "\n" + noise_text(*measured.noise, style);
  return text;
}

Json to_json(const MachineMeasurements& measured) {
  Json document{{"ceilings", Json::array()}, {"hiding", Json::array()}, {"noise", nullptr}};
  for (const Ceiling& c : measured.ceilings)
    document["ceilings"].push_back({{"quantity", c.quantity},
                                    {"of", c.of},
                                    {"unit", c.unit},
                                    {"median", c.value.median},
                                    {"low", bound(c.value.low)},
                                    {"high", bound(c.value.high)},
                                    {"samples", c.samples},
                                    {"how", c.how}});
  for (const HidingRow& h : measured.hiding)
    document["hiding"].push_back({{"rank", h.rank},
                                  {"link", h.link},
                                  {"dtype", to_string(h.dtype)},
                                  {"flops_per_s", h.flops_per_s},
                                  {"bytes_per_s", h.bytes_per_s},
                                  {"latency_s", h.latency_s},
                                  {"full_rows", h.full_rows},
                                  {"causal_rows", h.causal_rows},
                                  {"shared_by_4_rows", h.shared_rows}});
  if (measured.noise) {
    const Noise& n = *measured.noise;
    document["noise"] = {{"pairs", n.first_ns.size()},  {"ratio", n.ratio.median},      {"low", bound(n.ratio.low)},
                         {"high", bound(n.ratio.high)}, {"half_width", n.half_width()}, {"spread", n.spread},
                         {"call_ns", n.call_ns}};
  }
  return document;
}

}  // namespace ringattn
