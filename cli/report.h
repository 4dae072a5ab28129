#pragma once

#include "cli/options.h"

#include <set>
#include <string>
#include <vector>

namespace ringattn {

/// `ringattn report RUN.json…`: what recorded runs say, for people and for other programs. Measures nothing.
struct ReportOptions {
  SharedOptions shared{};
  std::vector<std::string> runs{};
  std::string folder{};             ///< -o
  std::set<std::string> formats{};  ///< md, html, svg, csv, junit; empty: all
  std::string since{};              ///< report or baseline to compare with, "" for none
  bool is_check = false;            ///< validate the runs
};

void add_report(CLI::App& app, const SharedOptions& shared, Invocation& invocation);

}  // namespace ringattn
