#include "gate/baseline.h"

#include "config/error.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

namespace ringattn {
namespace {

/// FNV-1a of 64 bits: enough to tell configurations apart, and the same everywhere.
std::uint64_t digest(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

void compare_ranks(const std::string& name, const CaseFacts& a, const CaseFacts& b, std::vector<std::string>& lines) {
  if (a.ranks.size() != b.ranks.size()) {
    lines.push_back(fmt::format("~ {}: {} ranks -> {}", name, a.ranks.size(), b.ranks.size()));
    return;
  }
  for (const RankQuantity& q : rank_quantities)
    for (std::size_t rank = 0; rank < a.ranks.size(); ++rank)
      if (a.ranks[rank].*q.field != b.ranks[rank].*q.field)
        lines.push_back(fmt::format("~ {}: rank {} {} {} -> {}", name, rank, q.key, a.ranks[rank].*q.field,
                                    b.ranks[rank].*q.field));
}

std::string name_of(const BaselineKey& key) { return key.first + " " + key.second; }

/// Entries that come, go or change; `changed` says how.
template <typename Map, typename Changed>
void compare_maps(const Map& before, const Map& after, std::vector<std::string>& lines, const Changed& changed) {
  for (const auto& [key, entry] : after) {
    const auto old = before.find(key);
    if (old == before.end())
      lines.push_back("+ " + name_of(key));
    else if (!(old->second == entry))
      changed(name_of(key), old->second, entry);
  }
  for (const auto& [key, entry] : before)
    if (!after.contains(key)) lines.push_back("- " + name_of(key));
}

std::string read_all(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) throw UsageError(path.string() + ": cannot be read");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

std::string setting_key(const std::string& preset, const std::string& implementation, const Json& config,
                        const Json& default_config) {
  std::string text;
  for (const auto& item : config.items())
    if (!default_config.contains(item.key()) || default_config.at(item.key()) != item.value())
      text += item.key() + "=" + item.value().dump() + ";";
  return fmt::format("{}/{}/{:016x}", preset, implementation, digest(text));
}

std::vector<std::string> difference(const DeterministicBaseline& before, const DeterministicBaseline& after) {
  std::vector<std::string> lines;
  compare_maps(before.cases, after.cases, lines, [&](const std::string& name, const CaseFacts& a, const CaseFacts& b) {
    compare_ranks(name, a, b, lines);
  });
  compare_maps(
      before.exponents, after.exponents, lines,
      [&](const std::string& name, const ExponentFact& a, const ExponentFact& b) {
        lines.push_back(fmt::format("~ {}: exponent over {} {:.6f} -> {:.6f}", name, a.axis, a.exponent, b.exponent));
      });
  return lines;
}

std::vector<std::string> difference(const HostBaseline& before, const HostBaseline& after) {
  std::vector<std::string> lines;
  compare_maps(before, after, lines, [&](const std::string& name, const HostEntry& a, const HostEntry& b) {
    if (a.peak_bytes != b.peak_bytes) lines.push_back(fmt::format("~ {}: peak bytes with library workspace", name));
    if (b.pairs > 0 && !(a.ratio == b.ratio))
      lines.push_back(
          fmt::format("~ {}: time over the reference {:.3f} -> {:.3f}", name, a.ratio.median, b.ratio.median));
  });
  return lines;
}

BaselineFiles baseline_files(const std::filesystem::path& where, const std::string& host_class) {
  const bool is_file = where.extension() == ".jsonl";
  const std::filesystem::path folder = is_file ? where.parent_path() : where;
  return {is_file ? where : folder / "deterministic.jsonl", folder / "time" / (host_class + ".jsonl")};
}

std::optional<DeterministicBaseline> load_deterministic(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  return deterministic_from_text(read_all(path), path.string());
}

std::optional<HostBaseline> load_host(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  return host_from_text(read_all(path), path.string());
}

}  // namespace ringattn
