#pragma once

#include "report/changes.h"
#include "report/collection.h"
#include "report/data_table.h"
#include "report/figures.h"

#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// Everything that a report for people shows, whatever its format.
struct Page {
  std::string title;    ///< "ringattn 0.4.0"
  std::string summary;  ///< how many cases came out how, over all runs
  std::optional<Changes> changes;
  std::vector<DataTable> tables;
  Figures figures;
  bool figures_are_files = true;  ///< plots/<name>.svg are written beside the page
  struct Block {
    std::string title;
    std::string text;  ///< lines
  };
  std::vector<Block> failures;  ///< of each case that is neither match nor accepted
  std::vector<std::string> notes;
  std::vector<std::string> runs;  ///< what was run, where and when
};
Page page_of(const Collection& collection, std::optional<Changes> changes);

/// Release notes in Markdown.
std::string markdown_of(const Page& page);
/// One self-contained file: no network, no fonts, inline SVG, tables that sort by their heads.
std::string html_of(const Page& page);

}  // namespace ringattn
