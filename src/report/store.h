#pragma once

#include "report/report.h"

#include <filesystem>
#include <string_view>

namespace ringattn {

/// Replaces `path` with `bytes`: temporary file in the same folder, fsync, rename. Afterwards the file is the whole old
/// or the whole new one, whatever fails. Through a symbolic link, the linked file is replaced. RuntimeFailure with the
/// path and the system's reason. A path that is no regular file (a pipe, /dev/stdout) is written in place.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// write_file_atomically of the report's JSON. Called after every case, so an interrupted run leaves a valid report.
void save_report(const Report& report, const std::filesystem::path& path);

/// Reads a report file. UsageError when it cannot be read or is none.
Report load_report(const std::filesystem::path& path);

/// Fails before anything is run when `path` could not be saved to later: RuntimeFailure. Leaves an existing file as it
/// is.
void check_writable(const std::filesystem::path& path);

/// What --resume starts from: `fresh` (this run's report, still without cases) with the finished cases of `previous`. A
/// skipped case is not kept, it is tried again. UsageError when the two were not configured alike, naming the first
/// field that differs and both values.
Report resume(const Report& fresh, const Report& previous, const std::string& source);

}  // namespace ringattn
