#pragma once

#include "config/atomic_file.h"
#include "report/report.h"

#include <filesystem>

namespace ringattn {

/// write_file_atomically of the report's JSON. Called after every case, so an interrupted run leaves a valid report.
void save_report(const Report& report, const std::filesystem::path& path);

/// Reads a report file. UsageError when it cannot be read or is none.
Report load_report(const std::filesystem::path& path);

/// What --resume starts from: `fresh` (this run's report, still without cases) with the finished cases of `previous`. A
/// skipped case is not kept, it is tried again. UsageError when the two were not configured alike, naming the first
/// field that differs and both values.
Report resume(const Report& fresh, const Report& previous, const std::string& source);

}  // namespace ringattn
