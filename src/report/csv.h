#pragma once

#include "report/collection.h"

#include <string>

namespace ringattn {

/// RFC 4180 with a header line: one row for each implementation in each case, every number in base units (bytes, ns),
/// "" where the report says nothing, "nan" and "inf" where it says that. Lines end in CR LF.
std::string csv_of(const Collection& collection);

}  // namespace ringattn
