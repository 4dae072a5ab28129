#include "cli/help_page.h"

#include "embedded_help.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <sstream>

namespace ringattn {
namespace {

constexpr std::size_t names_width = 28;
constexpr std::string_view options_mark = "<!-- options -->\n";

std::string_view page_text(std::string_view name) {
  for (const auto& [page, text] : embedded::help) {
    if (page == name) return text;
  }
  return options_mark;
}

std::string names_of(const CLI::Option& option) {
  std::string text;
  for (const std::string& name : option.get_snames()) text += (text.empty() ? "-" : ", -") + name;
  for (const std::string& name : option.get_lnames()) text += (text.empty() ? "--" : ", --") + name;
  const std::string type = option.get_items_expected_max() == 0 ? "" : option.get_type_name();
  if (option.get_positional()) return "[" + type + "]";
  return type.empty() ? text : text + " " + type;
}

/// `text` broken at spaces so that no line is wider than `width`; lines after the first begin with `indent` spaces.
std::string wrapped(const std::string& text, std::size_t width, std::size_t indent) {
  std::istringstream words(text);
  std::string result, word;
  std::size_t column = indent;
  while (words >> word) {
    const auto columns = static_cast<std::size_t>(display_width(word));
    if (column > indent && column + 1 + columns > width) {
      result += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      result += " ";
      ++column;
    }
    result += word;
    column += columns;
  }
  return result;
}

std::string option_line(const std::string& names, const std::string& description, const TextStyle& style) {
  const std::size_t indent = names_width + 2;
  const auto width = static_cast<std::size_t>(std::max(style.width, 60));
  const auto columns = static_cast<std::size_t>(display_width(names)) + 2;
  std::string line = "  " + names;
  line += columns + 2 > indent ? "\n" + std::string(indent, ' ') : std::string(indent - columns, ' ');
  return line + wrapped(description, std::min<std::size_t>(width, 120), indent) + "\n";
}

std::string verb_list(const CLI::App& app, const TextStyle& style) {
  std::string text;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    text += option_line(verb->get_name(), verb->get_description(), style);
  }
  return text;
}

}  // namespace

std::string option_list(const CLI::App& verb, const TextStyle& style) {
  std::string text;
  for (const CLI::Option* option : verb.get_options()) {
    if (option->get_group().empty()) continue;  // not for people
    const std::string required = option->get_required() && !option->get_positional() ? " (required)" : "";
    text += option_line(names_of(*option), option->get_description() + required, style);
  }
  return text;
}

std::string plain_markdown(std::string_view markdown, const TextStyle& style) {
  std::istringstream lines{std::string(markdown)};
  std::string text, line;
  while (std::getline(lines, line)) {
    if (line.starts_with("```")) continue;
    const std::size_t marks = line.find_first_not_of('#');
    const bool is_heading = marks != std::string::npos && marks > 0 && line[marks] == ' ';
    if (is_heading) line = line.substr(marks + 1);
    text += is_heading && style.color ? "\x1b[1m" + line + "\x1b[0m" : line;
    text += "\n";
  }
  return text;
}

std::string help_page(const CLI::App& app, const CLI::App* verb, const TextStyle& style) {
  const std::string_view page = page_text(verb == nullptr ? std::string_view("ringattn") : verb->get_name());
  const std::size_t mark = std::min(page.find(options_mark), page.size());
  const std::string_view after = page.substr(std::min(mark + options_mark.size(), page.size()));
  const std::string options =
      verb == nullptr ? verb_list(app, style) + option_list(app, style) : option_list(*verb, style);
  return plain_markdown(page.substr(0, mark), style) + options + plain_markdown(after, style);
}

}  // namespace ringattn
