#pragma once

#include <string>
#include <string_view>

// Markup has escape_xml (junit.h).

namespace ringattn {

/// One cell of a Markdown table: | < > and backticks lose their meaning, newlines become spaces.
std::string escape_markdown(std::string_view text);

/// One field of RFC 4180: quoted where it holds a comma, a quote or a line break; quotes are doubled.
std::string escape_csv(std::string_view text);

}  // namespace ringattn
