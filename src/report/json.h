#pragma once

#include "report/report.h"

#include <string>
#include <string_view>

namespace ringattn {

/// The report as JSON, keys in the order of the structs. Integers are JSON integers; an absent optional is null; a
/// number that is not finite is one of the strings "nan", "inf", "-inf", as JSON has no such literals.
Json to_json(const Report& report);
/// The same with two spaces of indentation and a newline at the end: the bytes of a report file.
std::string to_json_text(const Report& report);
/// The parts that a bundle holds as files of their own.
Json to_json(const ResolvedRecord& record);
Json to_json(const Environment& environment);

/// Reads strictly: every key required (but those of fields.h that may be absent), no other allowed, types checked,
/// another schema or major version refused. UsageError names `source`, the JSON pointer and the value.
Report report_from_json(std::string_view text, const std::string& source);

}  // namespace ringattn
