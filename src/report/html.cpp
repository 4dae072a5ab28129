#include "report/html_assets.h"
#include "report/junit.h"
#include "report/page.h"

#include <fmt/format.h>

#include <cmath>

namespace ringattn {
namespace {

std::string tone_class(Tone tone) {
  switch (tone) {
    case Tone::good:
      return "good";
    case Tone::bad:
      return "bad";
    case Tone::unsure:
      return "unsure";
    case Tone::faint:
      return "faint";
    case Tone::plain:
      break;
  }
  return "";
}

std::string class_attribute(const std::string& a, const std::string& b) {
  if (a.empty() && b.empty()) return "";
  return fmt::format(" class=\"{}{}{}\"", a, a.empty() || b.empty() ? "" : " ", b);
}

std::string cell_html(const DataCell& cell, const Column& column) {
  const bool sorts_by_value = cell.value && std::isfinite(*cell.value);
  return fmt::format("<td{}{}>{}</td>", class_attribute(column.right ? "right" : "", tone_class(cell.tone)),
                     sorts_by_value ? fmt::format(" data-value=\"{}\"", *cell.value) : "", escape_xml(cell.text));
}

/// The box is focusable, so that the keyboard can scroll it.
std::string table_html(const DataTable& table) {
  std::string html = fmt::format(
      "<section id=\"{0}\"><h2>{1}</h2><p class=\"soft\">{2}</p>\n"
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{1}\"><table>\n<thead><tr>",
      table.id, escape_xml(table.title), escape_xml(table.caption));
  for (const Column& column : table.columns)
    html += fmt::format("<th scope=\"col\"{}><button type=\"button\">{}</button></th>",
                        class_attribute(column.right ? "right" : "", ""), escape_xml(column.title));
  html += "</tr></thead>\n<tbody>\n";
  for (const std::vector<DataCell>& row : table.rows) {
    html += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) html += cell_html(row[i], table.columns[i]);
    html += "</tr>\n";
  }
  return html + "</tbody></table></div></section>\n";
}

std::string changes_html(const Page& page) {
  std::string html = "<section id=\"changes\"><h2>What changed</h2>\n";
  if (!page.changes) return html + "<p>Not compared with an earlier report.</p></section>\n";
  html += fmt::format("<p>{}</p>\n", escape_xml(changes_line(*page.changes)));
  if (page.changes->changes.empty()) return html + "</section>\n";
  std::string listed;
  std::string folded;
  for (const Change& change : page.changes->changes)
    (change.is_presence ? folded : listed) +=
        fmt::format("<li>{}, {}: <span{}>{}</span></li>\n", escape_xml(change.id), escape_xml(change.implementation),
                    class_attribute(tone_class(change.tone), ""), escape_xml(change.words));
  if (!listed.empty()) html += "<ul>\n" + listed + "</ul>\n";
  if (!folded.empty()) html += "<details><summary>Only on one side</summary><ul>\n" + folded + "</ul></details>\n";
  return html + "</section>\n";
}

std::string plots_html(const Page& page) {
  if (page.figures.shown.empty()) return "";
  std::string html = "<section id=\"plots\"><h2>Plots</h2>\n";
  if (page.figures.left_out > 0)
    html += fmt::format("<p class=\"soft\">{} more with fewer points are left out.</p>\n", page.figures.left_out);
  html += "<div class=\"plots\">\n";
  for (const Figure& figure : page.figures.shown)
    html += fmt::format("<figure id=\"{}\"><figcaption>{}</figcaption>\n{}</figure>\n", figure_name(figure),
                        escape_xml(figure_title(figure)), figure_svg(figure, false));
  return html + "</div></section>\n";
}

std::string failures_html(const Page& page) {
  if (page.failures.empty()) return "";
  std::string html = "<section id=\"failures\"><h2>Cases that failed</h2>\n";
  for (const Page::Block& block : page.failures)
    html += fmt::format("<details><summary>{}</summary><pre tabindex=\"0\">{}</pre></details>\n",
                        escape_xml(block.title), escape_xml(block.text));
  return html + "</section>\n";
}

std::string list_html(const std::string& id, const std::string& title, const std::vector<std::string>& lines) {
  if (lines.empty()) return "";
  std::string html = fmt::format("<section id=\"{}\"><h2>{}</h2><ul>\n", id, title);
  for (const std::string& line : lines) html += fmt::format("<li>{}</li>\n", escape_xml(line));
  return html + "</ul></section>\n";
}

std::string navigation_html(const Page& page) {
  std::string html = "<nav aria-label=\"sections\"><a href=\"#changes\">What changed</a>";
  const auto link = [&html](const std::string& id, const std::string& words) {
    html += fmt::format(" <a href=\"#{}\">{}</a>", id, escape_xml(words));
  };
  for (const DataTable& table : page.tables) link(table.id, table.title);
  if (!page.figures.shown.empty()) link("plots", "Plots");
  if (!page.failures.empty()) link("failures", "Cases that failed");
  if (!page.notes.empty()) link("notes", "Notes");
  link("runs", "Runs");
  return html + "</nav>\n";
}

}  // namespace

std::string html_of(const Page& page) {
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n"
      "<link rel=\"icon\" "
      "href=\"data:,\">\n<style>{}{}</style>\n</head>\n<body>\n<header><h1>{}</h1><p>{}</p></header>\n",
      escape_xml(page.title), html_style, svg_style(), escape_xml(page.title), escape_xml(page.summary));
  html += navigation_html(page) + "<main>\n" + changes_html(page);
  for (const DataTable& table : page.tables) html += table_html(table);
  html += plots_html(page) + failures_html(page) + list_html("notes", "Notes", page.notes) +
          list_html("runs", "Runs", page.runs);
  return html + fmt::format("</main>\n<script>{}</script>\n</body>\n</html>\n", html_script);
}

}  // namespace ringattn
