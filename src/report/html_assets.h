#pragma once

#include <string_view>

namespace ringattn {

// Style and script of report.html. Small enough to be read in the page's source.

/// Colours by the reader's scheme; tables scroll inside their own box, so that the page itself never does sideways.
inline constexpr std::string_view html_style = R"(
:root{color-scheme:light dark;--ink:#1d2329;--soft:#56606b;--rule:#d5dae0;--paper:#fff;--band:#f4f6f8;--link:#0b5cad;
 --good:#0a6b3d;--bad:#b42318;--unsure:#8a5a00}
@media (prefers-color-scheme:dark){:root{--ink:#e8ebee;--soft:#a7b0ba;--rule:#333c46;--paper:#14181d;--band:#1c2229;
 --link:#7cbcff;--good:#4fd19b;--bad:#ff8a80;--unsure:#f0c060}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1360px;padding:0 16px 48px;background:var(--paper);color:var(--ink);
 font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;overflow-wrap:anywhere}
h1{font-size:1.7rem;margin:24px 0 4px}h2{font-size:1.25rem;margin:36px 0 6px}h3{font-size:1rem;margin:16px 0 4px}
p{margin:4px 0 12px;max-width:80ch}.soft{color:var(--soft)}a{color:var(--link)}
nav{display:flex;flex-wrap:wrap;gap:4px 16px;padding:8px 0;border-bottom:1px solid var(--rule)}
.scroll{overflow-x:auto;border:1px solid var(--rule);border-radius:6px;max-height:80vh}
table{border-collapse:separate;border-spacing:0;font-size:.875rem;font-variant-numeric:tabular-nums;min-width:100%}
th,td{padding:5px 10px;text-align:left;white-space:nowrap;border-bottom:1px solid var(--rule)}
tr:last-child td{border-bottom:0}tbody tr:nth-child(even) td{background:var(--band)}
th{position:sticky;top:0;background:var(--paper);padding:0;z-index:1}
th button{all:unset;box-sizing:border-box;cursor:pointer;width:100%;padding:6px 10px;font-weight:600}
th.right button,td.right{text-align:right}
th button::after{content:" \2195";color:var(--soft);font-weight:400}
th[aria-sort=ascending] button::after{content:" \2191";color:var(--ink)}
th[aria-sort=descending] button::after{content:" \2193";color:var(--ink)}
:focus-visible{outline:2px solid var(--link);outline-offset:-2px}
.good{color:var(--good)}.bad{color:var(--bad);font-weight:600}.unsure{color:var(--unsure)}.faint{color:var(--soft)}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,420px),1fr));gap:20px}
figure{margin:0;border:1px solid var(--rule);border-radius:6px;padding:10px;min-width:0}
figcaption{font-weight:600;font-size:.9rem;margin-bottom:4px}figure svg{display:block;width:100%;height:auto}
ul{padding-left:20px}li{margin:3px 0}
pre{overflow-x:auto;background:var(--band);padding:10px;border-radius:6px;font-size:.8rem;overflow-wrap:normal}
details{margin:8px 0}summary{cursor:pointer}
@media print{.scroll{max-height:none;overflow:visible}th{position:static}}
)";

/// Sorts a table by the column whose head is pressed; again: the other way round. Numbers by value, before words.
inline constexpr std::string_view html_script = R"(
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  const key = (row, i) => row.cells[i].dataset.value ?? row.cells[i].textContent;
  const order = (a, b) => {
    const x = Number(a), y = Number(b), p = a !== "" && !isNaN(x), q = b !== "" && !isNaN(y);
    return p && q ? x - y : p ? -1 : q ? 1 : a.localeCompare(b, "en", {numeric: true});
  };
  heads.forEach((head, i) => head.firstElementChild.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...body.rows].sort((a, b) => order(key(a, i), key(b, i)));
    if (down) rows.reverse();
    body.append(...rows);
  }));
}
)";

}  // namespace ringattn
