#include "cli/gate_baseline.h"

#include "config/error.h"
#include "gate/rules.h"
#include "report/store.h"

#include <fmt/format.h>

#include <utility>

namespace ringattn {
namespace {

template <typename Map>
const typename Map::mapped_type* lookup(const Map& map, const BaselineKey& key) {
  const auto entry = map.find(key);
  return entry == map.end() ? nullptr : &entry->second;
}

template <typename Map>
void replace(Map& into, const Map& from, const std::string& setting, bool drop_stale) {
  if (drop_stale) std::erase_if(into, [&](const auto& entry) { return entry.first.first == setting; });
  for (const auto& [key, value] : from) into.insert_or_assign(key, value);
}

/// Writes a baseline that changed; the file's name goes before the lines of the change.
void write(const std::filesystem::path& path, const std::string& text, std::vector<std::string>& lines) {
  if (lines.empty()) return;
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  write_file_atomically(path, text);
  lines.insert(lines.begin(), path.string() + ":");
}

}  // namespace

GateBaseline::GateBaseline(const std::filesystem::path& where, std::string host_class, std::string setting,
                           bool is_needed)
    : files_(baseline_files(where, host_class)), host_class_(std::move(host_class)), setting_(std::move(setting)) {
  auto deterministic = load_deterministic(files_.deterministic);
  if (!deterministic && is_needed)
    throw UsageError(fmt::format("--baseline: {} does not exist; write it with --update-baseline, or give --allow-new",
                                 files_.deterministic.string()));
  if (deterministic) known_ = std::move(*deterministic);
  auto host = load_host(files_.host);
  has_host_ = host.has_value();
  if (host) host_known_ = std::move(*host);
}

const CaseFacts* GateBaseline::facts(const std::string& id) const { return lookup(known_.cases, {setting_, id}); }
const ExponentFact* GateBaseline::exponent(const std::string& among) const {
  return lookup(known_.exponents, {setting_, among});
}
const HostEntry* GateBaseline::host(const std::string& id) const { return lookup(host_known_, {setting_, id}); }

void GateBaseline::found(const CaseFacts& facts) { found_.cases.insert_or_assign({setting_, facts.id}, facts); }
void GateBaseline::found(const ExponentFact& fact) { found_.exponents.insert_or_assign({setting_, fact.among}, fact); }
void GateBaseline::found(HostEntry entry) {
  const HostEntry* known = host(entry.id);
  if (entry.pairs == 0 && known != nullptr) {
    entry.ratio = known->ratio;
    entry.pairs = known->pairs;
  }
  const BaselineKey key{setting_, entry.id};
  host_found_.insert_or_assign(key, std::move(entry));
}

std::vector<CheckRecord> GateBaseline::stale() const { return stale_entries(known_, found_, setting_); }

std::vector<std::string> GateBaseline::update(bool drop_stale) {
  DeterministicBaseline after = known_;
  replace(after.cases, found_.cases, setting_, drop_stale);
  replace(after.exponents, found_.exponents, setting_, drop_stale);
  HostBaseline host_after = host_known_;
  replace(host_after, host_found_, setting_, drop_stale);

  std::vector<std::string> lines = difference(known_, after);
  write(files_.deterministic, to_text(after), lines);
  std::vector<std::string> host_lines = difference(host_known_, host_after);
  write(files_.host, to_text(host_after, host_class_), host_lines);
  lines.insert(lines.end(), host_lines.begin(), host_lines.end());
  return lines;
}

}  // namespace ringattn
