#include "report/svg.h"

#include "report/junit.h"

#include <fmt/format.h>

#include <sstream>

namespace ringattn {
namespace {

constexpr std::size_t colors = 8;
constexpr double line_height = 17.0;
constexpr int legend_columns = 46;  ///< characters that fit beside a sample

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

std::string series_class(std::size_t index) { return fmt::format("s{}", index % colors); }

std::string mark_symbol(double x, double y, Mark mark, std::string_view tooltip) {
  const std::string title = tooltip.empty() ? "" : fmt::format("<title>{}</title>", escape_xml(tooltip));
  switch (mark) {
    case Mark::rehearsed:
      return fmt::format(R"(<path class="dot" d="M{0:.1f} {1:.1f}l5 5-5 5-5-5z">{2}</path>)", x, y - 5.0, title);
    case Mark::priced:
      return fmt::format(R"(<rect class="dot hollow" x="{:.1f}" y="{:.1f}" width="7" height="7">{}</rect>)", x - 3.5,
                         y - 3.5, title);
    case Mark::measured:
      break;
  }
  return fmt::format(R"(<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="3.8">{}</circle>)", x, y, title);
}

void SvgCanvas::text(double x, double y, std::string_view anchor, std::string_view style_class,
                     std::string_view words) {
  raw(fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}">{}</text>)", x, y, anchor, style_class,
                  escape_xml(words)));
}

void SvgCanvas::y_axis(const PlotAxis& axis, const AxisRange& range) {
  for (const double tick : range.ticks) {
    const double y = frame_.bottom - position_in(range, tick, axis.scale) * (frame_.bottom - frame_.top);
    raw(fmt::format(R"(<path class="grid" d="M{:.1f} {:.1f}H{:.1f}"/>)", frame_.left, y, frame_.right));
    text(frame_.left - 6.0, y + 4.0, "end", "tick", tick_label(tick, axis.quantity));
  }
  raw(fmt::format(R"(<path class="axis" d="M{:.1f} {:.1f}V{:.1f}H{:.1f}"/>)", frame_.left, frame_.top, frame_.bottom,
                  frame_.right));
  text(4.0, 16.0, "start", "name", axis.label);
}

void SvgCanvas::x_axis(const PlotAxis& axis, const AxisRange& range) {
  for (const double tick : range.ticks) {
    const double x = frame_.left + position_in(range, tick, axis.scale) * (frame_.right - frame_.left);
    raw(fmt::format(R"(<path class="grid" d="M{:.1f} {:.1f}V{:.1f}"/>)", x, frame_.top, frame_.bottom));
    text(x, frame_.bottom + 16.0, "middle", "tick", tick_label(tick, axis.quantity));
  }
  text((frame_.left + frame_.right) / 2.0, frame_.bottom + 34.0, "middle", "name", axis.label);
}

void SvgCanvas::legend(const std::string& sample, const std::string& words) {
  raw(fmt::format(R"x(<g transform="translate(12 {:.1f})">{}</g>)x", height_ + 8.0, sample));
  for (const std::string& line : lines_of(wrap(words, legend_columns, 2))) {
    text(46.0, height_ + 12.0, "start", "key", line);
    height_ += line_height;
  }
}

void SvgCanvas::note(const std::string& words) {
  for (const std::string& line : lines_of(wrap(words, legend_columns + 8, 0))) {
    text(12.0, height_ + 12.0, "start", "note", line);
    height_ += line_height;
  }
}

std::string SvgCanvas::finish(const std::string& title, const std::string& description, bool is_alone) const {
  const std::string name = escape_xml(title);
  std::string head = fmt::format(R"(<svg class="plot" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}")",
                                 frame_.width, height_ + 8.0, escape_xml(title + ". " + description));
  if (!is_alone) return head + ">\n" + body_ + "</svg>\n";
  head += fmt::format(R"( xmlns="http://www.w3.org/2000/svg" width="{:.0f}" height="{:.0f}")", 1.5 * frame_.width,
                      1.5 * (height_ + 34.0));
  const std::string box = fmt::format(R"(viewBox="0 -26 {:.0f} {:.0f}")", frame_.width, height_ + 34.0);
  const std::size_t old_box = head.find("viewBox");
  head.replace(old_box, head.find(" role") - old_box, box);
  return fmt::format(
      "{}>\n<title>{}</title>\n<style>{}</style>\n<rect class=\"paper\" x=\"0\" y=\"-26\" width=\"100%\" "
      "height=\"100%\"/>\n"
      "<text x=\"4\" y=\"-8\" class=\"title\">{}</text>\n{}</svg>\n",
      head, name, svg_style(), name, body_);
}

std::string svg_style() {
  return R"(
.plot{--ink:#1d2329;--soft:#56606b;--grid:#dfe3e8;--paper:#fff;font:13px system-ui,-apple-system,"Segoe UI",sans-serif;
 --c0:#0067b0;--c1:#c2410c;--c2:#08804f;--c3:#9b2c8f;--c4:#7a5b00;--c5:#4b5563;--c6:#0e7c86;--c7:#b4235a}
@media (prefers-color-scheme:dark){.plot{--ink:#e8ebee;--soft:#a7b0ba;--grid:#333c46;--paper:#14181d;
 --c0:#6cb6ff;--c1:#ff9e64;--c2:#4fd19b;--c3:#e39bdc;--c4:#e3c355;--c5:#b6bec8;--c6:#5fd0da;--c7:#ff8fb1}}
.plot .paper{fill:var(--paper)}.plot text{fill:var(--ink)}.plot .title{font-size:15px;font-weight:600}
.plot .tick{font-size:12.5px;fill:var(--soft)}.plot .name,.plot .note{fill:var(--soft)}
.plot .grid{stroke:var(--grid);fill:none}.plot .axis{stroke:var(--soft);fill:none}
.plot .line{fill:none;stroke:var(--c);stroke-width:1.8}.plot .dot{fill:var(--c);stroke:var(--c)}
.plot .hollow{fill:var(--paper);stroke-width:1.6}
.plot .s0{--c:var(--c0)}.plot .s1{--c:var(--c1)}.plot .s2{--c:var(--c2)}.plot .s3{--c:var(--c3)}
.plot .s4{--c:var(--c4)}.plot .s5{--c:var(--c5)}.plot .s6{--c:var(--c6)}.plot .s7{--c:var(--c7)}
.plot .s1 .line,.plot .s5 .line{stroke-dasharray:7 3}.plot .s2 .line,.plot .s6 .line{stroke-dasharray:2 3}
.plot .s3 .line,.plot .s7 .line{stroke-dasharray:8 3 2 3}
.plot .bar{fill:var(--c)}.plot .bar.s1{fill-opacity:.85}.plot .ink{--c:var(--soft)}
)";
}

}  // namespace ringattn
