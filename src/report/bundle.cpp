#include "report/bundle.h"

#include "config/error.h"
#include "report/json.h"
#include "report/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <set>

namespace ringattn {
namespace {

// POSIX.1-1988 ustar: per file one header block and its bytes, padded to blocks; two zero blocks at the end.
constexpr std::size_t block_bytes = 512;
constexpr std::size_t name_bytes_max = 100;
constexpr std::uint64_t file_bytes_max = 077777777777;  // eleven octal digits
constexpr const char* folder = "ringattn-bundle/";

void put(std::string& header, std::size_t offset, std::string_view text) {
  std::copy(text.begin(), text.end(), header.begin() + static_cast<std::ptrdiff_t>(offset));
}

/// The sum of all bytes of the header, its checksum field read as spaces.
std::string checksum(const std::string& header) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < header.size(); ++i)
    sum += i >= 148 && i < 156 ? unsigned{' '} : static_cast<unsigned char>(header[i]);
  return fmt::format("{:06o}", sum) + std::string("\0 ", 2);
}

std::string header_of(const BundleEntry& entry, std::int64_t modified_at) {
  std::string header(block_bytes, '\0');
  put(header, 0, entry.name);
  put(header, 100, "0000644");
  put(header, 108, "0000000");
  put(header, 116, "0000000");
  put(header, 124, fmt::format("{:011o}", entry.bytes.size()));
  put(header, 136, fmt::format("{:011o}", modified_at));
  put(header, 156, "0");  // a regular file
  put(header, 257,
      std::string_view("ustar\0"
                       "00",
                       8));
  put(header, 148, checksum(header));
  return header;
}

void check_entry(const BundleEntry& entry) {
  const bool outside = entry.name.starts_with("/") || ("/" + entry.name + "/").find("/../") != std::string::npos;
  if (entry.name.empty() || entry.name.size() > name_bytes_max || outside || entry.name.find('\0') != std::string::npos)
    throw UsageError(fmt::format("bundle: \"{}\" cannot be a name in it: 1 to {} bytes, inside its folder", entry.name,
                                 name_bytes_max));
  if (entry.bytes.size() > file_bytes_max) throw UsageError(fmt::format("bundle: {} is larger than 8 GiB", entry.name));
}

std::string readme_of(const Report& report, const std::vector<BundleEntry>& tensors) {
  std::string text = fmt::format("ringattn {} {}: what is needed to look into this run.\n\n",
                                 report.environment.ringattn_version, report.verb);
  text += "configuration.json  what was run, after command line, environment, preset and defaults\n";
  text += "environment.json    the machine and the build, by an allow-list\n";
  text += "report.json         every case, with its verdicts and measurements\n";
  if (tensors.empty()) text += "(no tensors: no case failed on numbers)\n";
  for (const BundleEntry& tensor : tensors) text += tensor.name + "\n";
  return text;
}

}  // namespace

std::string ustar_bytes(const std::vector<BundleEntry>& entries, std::int64_t modified_at) {
  std::string archive;
  std::set<std::string> names;
  for (const BundleEntry& entry : entries) {
    check_entry(entry);
    if (!names.insert(entry.name).second) throw UsageError(fmt::format("bundle: {} is in it twice", entry.name));
    archive += header_of(entry, modified_at) + entry.bytes;
    archive.resize((archive.size() + block_bytes - 1) / block_bytes * block_bytes, '\0');
  }
  archive.append(2 * block_bytes, '\0');
  return archive;
}

void save_bundle(const Report& report, const std::vector<BundleEntry>& tensors, const std::filesystem::path& path) {
  std::vector<BundleEntry> entries{{"README.txt", readme_of(report, tensors)},
                                   {"configuration.json", json_text(to_json(report.resolved)) + "\n"},
                                   {"environment.json", json_text(to_json(report.environment)) + "\n"},
                                   {"report.json", to_json_text(report)}};
  entries.insert(entries.end(), tensors.begin(), tensors.end());
  for (BundleEntry& entry : entries) entry.name = folder + entry.name;
  write_file_atomically(path, ustar_bytes(entries, static_cast<std::int64_t>(std::time(nullptr))));
}

}  // namespace ringattn
