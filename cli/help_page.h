#pragma once

#include "report/table.h"

#include <string>
#include <string_view>

namespace CLI {
class App;
}  // namespace CLI

namespace ringattn {

/// The help of the program (`verb` null) or of one verb: cli/help/<name>.md for a terminal, with the list of options,
/// which comes from the parser itself, in the place of the line `<!-- options -->`.
std::string help_page(const CLI::App& app, const CLI::App* verb, const TextStyle& style);

/// Markdown for a terminal: headings without their marks, in bold where there is colour; fences of code blocks dropped.
std::string plain_markdown(std::string_view markdown, const TextStyle& style);

/// One line an option, wrapped to the style's width.
std::string option_list(const CLI::App& verb, const TextStyle& style);

}  // namespace ringattn
