#include "report/escape.h"
#include "report/page.h"

#include <fmt/format.h>

#include <limits>

namespace ringattn {
namespace {

std::string table_text(const DataTable& table) {
  std::vector<std::vector<Cell>> rows;
  for (const std::vector<DataCell>& cells : table.rows) {
    std::vector<Cell>& row = rows.emplace_back();
    for (const DataCell& cell : cells) {
      const std::string text = escape_markdown(cell.text);
      row.push_back({cell.tone == Tone::bad ? "**" + text + "**" : text});
    }
  }
  return fmt::format("## {}\n\n{}\n\n{}\n", table.title, table.caption,
                     render_table(table.columns, rows, {.width = std::numeric_limits<int>::max()}));
}

std::string changes_text(const Page& page) {
  std::string text = "## What changed\n\n";
  if (!page.changes) return text + "Not compared with an earlier report.\n\n";
  text += escape_markdown(changes_line(*page.changes)) + "\n\n";
  std::string folded;
  for (const Change& change : page.changes->changes) {
    const std::string words = escape_markdown(change.words);
    (change.is_presence ? folded : text) +=
        fmt::format("- {}, {}: {}\n", escape_markdown(change.id), escape_markdown(change.implementation),
                    change.tone == Tone::bad ? "**" + words + "**" : words);
  }
  if (!folded.empty()) text += "\n<details><summary>Only on one side</summary>\n\n" + folded + "\n</details>\n";
  return page.changes->changes.empty() ? text : text + "\n";
}

std::string plots_text(const Page& page) {
  if (page.figures.shown.empty() || !page.figures_are_files) return "";
  std::string text = "## Plots\n\n";
  for (const Figure& figure : page.figures.shown)
    text += fmt::format("- [{}](plots/{}.svg)\n", escape_markdown(figure_title(figure)), figure_name(figure));
  if (page.figures.left_out > 0)
    text += fmt::format("- {} more with fewer points are left out\n", page.figures.left_out);
  return text + "\n";
}

std::string list_text(const std::string& title, const std::vector<std::string>& lines) {
  if (lines.empty()) return "";
  std::string text = "## " + title + "\n\n";
  for (const std::string& line : lines) text += "- " + escape_markdown(line) + "\n";
  return text + "\n";
}

/// A fence that nothing inside can end.
std::string fenced(const std::string& text) {
  std::string fence = "```";
  while (text.find(fence) != std::string::npos) fence += "`";
  return fence + "\n" + text + (text.ends_with("\n") ? "" : "\n") + fence + "\n\n";
}

}  // namespace

std::string markdown_of(const Page& page) {
  std::string text = fmt::format("# {}\n\n{}\n\n", escape_markdown(page.title), escape_markdown(page.summary));
  text += changes_text(page);
  for (const DataTable& table : page.tables) text += table_text(table);
  text += plots_text(page);
  if (!page.failures.empty()) text += "## Cases that failed\n\n";
  for (const Page::Block& block : page.failures)
    text += "### " + escape_markdown(block.title) + "\n\n" + fenced(block.text);
  text += list_text("Notes", page.notes);
  text += list_text("Runs", page.runs);
  while (text.ends_with("\n\n")) text.pop_back();
  return text;
}

}  // namespace ringattn
