#include "ring/checkpoint.h"

#include "config/atomic_file.h"
#include "config/error.h"
#include "config/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace ringattn {
namespace {

constexpr int kVersion = 1;
constexpr std::size_t kBytesMax = std::size_t{256} << 20;
constexpr const char* kFormat = "ringattn checkpoint";

/// FNV-1a, 64 bits: for damage, not for malice.
std::string checksum(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return fmt::format("{:016x}", hash);
}

std::string hex(const std::vector<std::uint8_t>& bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) text.append({digits[byte >> 4U], digits[byte & 15U]});
  return text;
}

int digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

std::vector<std::uint8_t> bytes_of(const JsonValue& value) {
  const std::string text = value.string();
  std::vector<std::uint8_t> bytes;
  if (text.size() % 2 != 0) value.refuse("must be pairs of hexadecimal digits");
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0) value.refuse("must be pairs of hexadecimal digits");
    bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return bytes;
}

Json payload_of(const RingCheckpoint& checkpoint) {
  return {{"rank", checkpoint.rank},
          {"world_size", checkpoint.world_size},
          {"forwards", checkpoint.forwards},
          {"statistics", Json::parse(to_json_text(checkpoint.statistics))},
          {"config", Json::parse(to_json_text(checkpoint.config))},
          {"generator_state", hex(checkpoint.generator_state)}};
}

}  // namespace

std::filesystem::path checkpoint_path(const std::filesystem::path& folder, int rank) {
  return folder / fmt::format("rank{}.json", rank);
}

void save_checkpoint(const std::filesystem::path& folder, const RingCheckpoint& checkpoint) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    throw RuntimeFailure(fmt::format("rank {}: checkpoint folder {} cannot be made: {}", checkpoint.rank,
                                     folder.string(), error.message()));
  const Json payload = payload_of(checkpoint);
  const Json whole{
      {"format", kFormat}, {"version", kVersion}, {"checksum", checksum(payload.dump())}, {"payload", payload}};
  write_file_atomically(checkpoint_path(folder, checkpoint.rank), whole.dump() + "\n");
}

RingCheckpoint load_checkpoint(const std::filesystem::path& folder, int rank) {
  const std::string source = checkpoint_path(folder, rank).string();
  std::ifstream file(source, std::ios::binary);
  if (!file) throw UsageError(fmt::format("{}: there is no checkpoint that can be read", source));
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const Json json = parse_json_strict(text, source, kBytesMax);
  const JsonValue root(json, source);
  root.allow_only({"format", "version", "checksum", "payload"});
  if (root.require("format").string() != kFormat) root.require("format").refuse(fmt::format("must be \"{}\"", kFormat));
  if (root.require("version").integer(0) != kVersion)
    root.require("version").refuse(fmt::format("must be {}, which this version writes", kVersion));
  const JsonValue payload = root.require("payload");
  if (root.require("checksum").string() != checksum(payload.raw().dump()))
    throw UsageError(fmt::format("{}: damaged: its content is not what its checksum says", source));
  RingCheckpoint checkpoint;
  checkpoint.rank = static_cast<int>(payload.require("rank").integer(0, INT32_MAX));
  checkpoint.world_size = static_cast<int>(payload.require("world_size").integer(1, INT32_MAX));
  checkpoint.forwards = payload.require("forwards").integer(0);
  checkpoint.statistics = statistics_from_json_text(payload.require("statistics").raw().dump(), source);
  checkpoint.config = config_from_json_text(payload.require("config").raw().dump(), source);
  checkpoint.generator_state = bytes_of(payload.require("generator_state"));
  return checkpoint;
}

void check_fits(const RingCheckpoint& checkpoint, const RingAttentionConfig& config, int rank, int world_size) {
  if (checkpoint.rank != rank || checkpoint.world_size != world_size)
    throw UsageError(fmt::format("checkpoint: of rank {} of {}, but this is rank {} of {}", checkpoint.rank,
                                 checkpoint.world_size, rank, world_size));
  if (checkpoint.config == config) return;
  const Json then = Json::parse(to_json_text(checkpoint.config)), now = Json::parse(to_json_text(config));
  for (const auto& item : now.items()) {
    const Json before = then.contains(item.key()) ? then.at(item.key()) : Json(nullptr);
    if (before != item.value())
      throw UsageError(fmt::format("checkpoint: {} was {} when it was written and is {} now", item.key(), before.dump(),
                                   item.value().dump()));
  }
}

}  // namespace ringattn
