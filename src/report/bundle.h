#pragma once

#include "report/report.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// One file of a bundle.
struct BundleEntry {
  std::string name;  ///< relative, with forward slashes, at most 100 bytes
  std::string bytes;
};

/// The bytes of a POSIX ustar archive: entries in order, mode 0644, owner 0, `modified_at` in seconds since the epoch.
/// UsageError on a name that ustar cannot hold or that would leave the folder it is unpacked in.
std::string ustar_bytes(const std::vector<BundleEntry>& entries, std::int64_t modified_at);

/// --bundle FILE: ringattn-bundle/{configuration.json, environment.json, report.json, README.txt} and `tensors` (names
/// such as "tensors/<case>.safetensors", see compare/tensor_file.h) in one uncompressed tar. Written atomically;
/// RuntimeFailure as save_report.
void save_bundle(const Report& report, const std::vector<BundleEntry>& tensors, const std::filesystem::path& path);

}  // namespace ringattn
