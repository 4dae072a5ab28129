#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// How text is laid out: the terminal's width in columns, and whether it may be coloured.
struct TextStyle {
  int width = 120;
  bool color = false;
};

/// What a colour says. Never said by colour alone: a word stands beside it.
enum class Tone { plain, good, bad, unsure, faint };
std::string paint(std::string_view text, Tone tone, const TextStyle& style);

/// Columns that a terminal needs for UTF-8 text without escape sequences, one for each code point.
int display_width(std::string_view utf8);

/// The line as it is where it fits `width`; otherwise broken at spaces, runs of them becoming one. Further lines begin
/// with `indent` spaces. A word that is longer stays whole. The result has no newline at its end.
std::string wrap(std::string_view line, int width, int indent);

struct Cell {
  std::string text;
  Tone tone = Tone::plain;
};
struct Column {
  std::string title;
  bool right = true;  ///< aligned to the right (numbers)
};

/// A Markdown table: header, rule, rows; each line ends with a newline. Where it is wider than `style.width`, each row
/// becomes a paragraph of "title  cell" lines instead.
std::string render_table(const std::vector<Column>& columns, const std::vector<std::vector<Cell>>& rows,
                         const TextStyle& style);
/// The width that the table needs.
int table_width(const std::vector<Column>& columns, const std::vector<std::vector<Cell>>& rows);

}  // namespace ringattn
