#include "report/store.h"

#include "config/error.h"
#include "report/json.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace ringattn {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const char* what, int error_number) {
  throw RuntimeFailure(fmt::format("{}: {}: {}", path.string(), what, std::strerror(error_number)));
}

/// A file descriptor that closes itself, and removes its file unless that was kept.
class OpenFile {
 public:
  OpenFile(int descriptor, fs::path reported) : descriptor_(descriptor), reported_(std::move(reported)) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }

  void remove_unless_kept(fs::path temporary) { temporary_ = std::move(temporary); }
  void keep() { temporary_.clear(); }
  int descriptor() const { return descriptor_; }

  void write_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail(reported_, "cannot be written", errno);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  /// Some file systems report a full disk only here.
  void close() {
    if (::close(std::exchange(descriptor_, -1)) != 0) fail(reported_, "cannot be written", errno);
  }

 private:
  int descriptor_;
  fs::path reported_;
  fs::path temporary_;
};

/// A device, a pipe or a socket cannot be replaced, and needs no care: it is written as it is.
bool must_be_written_in_place(const fs::path& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  return fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
}

void write_in_place(const fs::path& path, std::string_view bytes) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) fail(path, "cannot be opened for writing", errno);
  OpenFile file(descriptor, path);
  file.write_all(bytes);
  file.close();
}

/// Where a symbolic link leads to; the path itself where it is none.
fs::path behind_links(const fs::path& path) {
  std::error_code error;
  const fs::path target = fs::is_symlink(path, error) ? fs::weakly_canonical(path, error) : path;
  return error ? path : target;
}

fs::path folder_of(const fs::path& target) { return target.has_parent_path() ? target.parent_path() : fs::path("."); }

/// A new, empty file beside `target`, with the rights of the file that it is to replace, or those that the umask gives.
std::pair<int, fs::path> make_temporary(const fs::path& target) {
  fs::path temporary = folder_of(target) / fmt::format(".{}.{}.part", target.filename().string(), ::getpid());
  ::unlink(temporary.c_str());  // left behind by a killed process that had this one's id
  const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0) fail(target, "cannot create a file beside it", errno);
  struct stat info {};
  if (::stat(target.c_str(), &info) == 0) static_cast<void>(::fchmod(descriptor, info.st_mode & 07777));
  return {descriptor, temporary};
}

/// Makes the rename itself durable, where the file system can.
void sync_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

/// The first place where two values differ, the root itself included; nullopt where they are equal.
std::optional<Json::json_pointer> first_difference(const Json& a, const Json& b,
                                                   const Json::json_pointer& here = Json::json_pointer()) {
  if (a == b) return std::nullopt;
  if (!a.is_object() || !b.is_object()) return here;
  for (const auto& item : a.items()) {
    if (!b.contains(item.key())) return here / item.key();
    if (const auto deeper = first_difference(item.value(), b.at(item.key()), here / item.key())) return deeper;
  }
  for (const auto& item : b.items()) {
    if (!a.contains(item.key())) return here / item.key();
  }
  return std::nullopt;
}

std::string value_at(const Json& root, const Json::json_pointer& place) {
  return root.contains(place) ? root.at(place).dump() : "absent";
}

/// What two runs must share for one to go on with the other's cases.
Json comparable(const Report& report) {
  Json resolved = to_json(report.resolved);
  resolved.erase("provenance");
  return {{"verb", report.verb},
          {"resolved", resolved},
          {"environment",
           {{"ringattn_version", report.environment.ringattn_version}, {"git_commit", report.environment.git_commit}}}};
}

}  // namespace

void write_file_atomically(const fs::path& path, std::string_view bytes) {
  if (must_be_written_in_place(path)) return write_in_place(path, bytes);
  const fs::path target = behind_links(path);
  if (fs::is_directory(target)) fail(path, "cannot be written", EISDIR);
  const auto [descriptor, temporary] = make_temporary(target);
  OpenFile file(descriptor, path);
  file.remove_unless_kept(temporary);
  file.write_all(bytes);
  if (::fsync(descriptor) != 0) fail(path, "cannot be written", errno);
  file.close();
  if (::rename(temporary.c_str(), target.c_str()) != 0) fail(path, "cannot be replaced", errno);
  file.keep();
  sync_folder(folder_of(target));
}

void save_report(const Report& report, const fs::path& path) { write_file_atomically(path, to_json_text(report)); }

Report load_report(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || fs::is_directory(path)) throw UsageError(fmt::format("{}: cannot be read", path.string()));
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return report_from_json(text, path.string());
}

void check_writable(const fs::path& path) {
  if (must_be_written_in_place(path)) {
    if (::access(path.c_str(), W_OK) != 0) fail(path, "cannot be opened for writing", errno);
    return;
  }
  const fs::path target = behind_links(path);
  if (fs::is_directory(target)) fail(path, "cannot be written", EISDIR);
  const auto [descriptor, temporary] = make_temporary(target);
  OpenFile file(descriptor, path);
  file.remove_unless_kept(temporary);
}

Report resume(const Report& fresh, const Report& previous, const std::string& source) {
  const Json ours = comparable(fresh);
  const Json theirs = comparable(previous);
  if (const auto place = first_difference(theirs, ours)) {
    throw UsageError(
        fmt::format("--resume {}: {} is {} there and {} now: only a run with the same configuration can go on", source,
                    place->to_string(), value_at(theirs, *place), value_at(ours, *place)));
  }
  Report report = fresh;
  report.cases = previous.cases;
  report.checks = previous.checks;
  report.planned = previous.planned;
  report.summary = summarize(report);
  return report;
}

}  // namespace ringattn
