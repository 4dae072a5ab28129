#pragma once

#include "config/env.h"
#include "config/ring_attention_config.h"
#include "config/workload.h"

#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// What to run (implementation), how (config) and on what (workload): one JSON file in presets/.
struct Preset {
  std::string name;
  std::string description;
  std::string implementation = "standard";
  RingAttentionConfig config{};
  Workload workload{};
  bool operator==(const Preset&) const = default;
};

/// The variants that create_ring_attention accepts: auto, standard, hilbert, distributed, block_sparse. Known does not
/// mean built yet.
const std::vector<std::string>& implementation_names();

/// The folders in which a preset's name is looked up, first hit wins: $RINGATTN_PRESETS, the installed share folder,
/// presets/ of the source tree (for a binary in its build tree). A name in none of them may still be built into the
/// binary.
std::vector<std::string> preset_folders(const Env& env);

/// Loads by name ("quick"), by path (anything with a slash or ending in .json), or from standard input ("-").
/// Throws UsageError: an unknown name lists the known ones and the nearest; a bad file names the JSON pointer.
Preset load_preset(const std::string& name_or_path, const std::vector<std::string>& folders);
Preset load_preset(const std::string& name_or_path, const Env& env);

Preset preset_from_json_text(std::string_view text, const std::string& source);
std::string to_json_text(const Preset& preset);

struct PresetEntry {
  std::string name;
  std::string path;  ///< empty: built into the binary
};
/// A file that stands beside the presets without being one, such as links.json: of the first folder that has it, else
/// the one built into the binary. UsageError where there is none.
struct PresetText {
  std::string text;
  std::string source;  ///< for messages
};
PresetText load_preset_file(const std::string& file_name, const Env& env);

/// Every preset that can be named, sorted by name.
std::vector<PresetEntry> list_presets(const std::vector<std::string>& folders);

}  // namespace ringattn
