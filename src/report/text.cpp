#include "report/text.h"

#include <algorithm>
#include <sstream>

namespace ringattn {
namespace {

std::string spaces(int count) { return std::string(static_cast<std::size_t>(std::max(count, 0)), ' '); }

std::vector<int> column_widths(const std::vector<Column>& columns, const std::vector<std::vector<Cell>>& rows) {
  std::vector<int> widths;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    int width = display_width(columns[i].title);
    for (const auto& row : rows) width = std::max(width, display_width(row[i].text));
    widths.push_back(width);
  }
  return widths;
}

std::string padded(const std::string& painted, int missing, bool right) {
  return right ? spaces(missing) + painted : painted + spaces(missing);
}

std::string rule(const std::vector<Column>& columns, const std::vector<int>& widths) {
  std::string line = "|";
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string dashes(static_cast<std::size_t>(widths[i] + 1), '-');
    line += columns[i].right ? dashes + ":|" : ":" + dashes + "|";
  }
  return line + "\n";
}

/// For a terminal that is too narrow for the table.
std::string paragraphs(const std::vector<Column>& columns, const std::vector<std::vector<Cell>>& rows,
                       const TextStyle& style) {
  int widest = 0;
  for (const Column& column : columns) widest = std::max(widest, display_width(column.title));
  std::string text;
  for (const auto& row : rows) {
    if (&row != &rows.front()) text += "\n";
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const std::string title = columns[i].title + spaces(widest - display_width(columns[i].title));
      text += paint(title, Tone::faint, style) + "  " + paint(row[i].text, row[i].tone, style) + "\n";
    }
  }
  return text;
}

}  // namespace

std::string paint(std::string_view text, Tone tone, const TextStyle& style) {
  if (!style.color || tone == Tone::plain || text.empty()) return std::string(text);
  const char* code = tone == Tone::good ? "32" : tone == Tone::bad ? "1;31" : tone == Tone::unsure ? "33" : "2";
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

int display_width(std::string_view utf8) {
  return static_cast<int>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string wrap(std::string_view line, int width, int indent) {
  if (display_width(line) <= width) return std::string(line);
  const std::size_t lead = std::min(line.find_first_not_of(' '), line.size());
  std::string text(line.substr(0, lead));
  int column = static_cast<int>(lead);
  bool line_is_empty = true;
  std::istringstream words{std::string(line.substr(lead))};
  for (std::string word; words >> word; line_is_empty = false) {
    const int needed = display_width(word);
    if (!line_is_empty && column + 1 + needed > width) {
      text += "\n" + spaces(indent);
      column = indent;
    } else if (!line_is_empty) {
      text += " ";
      ++column;
    }
    text += word;
    column += needed;
  }
  return text;
}

int table_width(const std::vector<Column>& columns, const std::vector<std::vector<Cell>>& rows) {
  int width = 1;
  for (const int column : column_widths(columns, rows)) width += column + 3;
  return width;
}

std::string render_table(const std::vector<Column>& columns, const std::vector<std::vector<Cell>>& rows,
                         const TextStyle& style) {
  if (rows.empty()) return "";
  if (table_width(columns, rows) > style.width) return paragraphs(columns, rows, style);
  const std::vector<int> widths = column_widths(columns, rows);
  const auto line_of = [&](const auto& cell_at) {
    std::string line = "|";
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const Cell cell = cell_at(i);
      line += " " + padded(paint(cell.text, cell.tone, style), widths[i] - display_width(cell.text), columns[i].right) +
              " |";
    }
    return line + "\n";
  };
  std::string text = line_of([&](std::size_t i) { return Cell{columns[i].title}; }) + rule(columns, widths);
  for (const auto& row : rows) text += line_of([&](std::size_t i) { return row[i]; });
  return text;
}

}  // namespace ringattn
