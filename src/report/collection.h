#pragma once

#include "report/report.h"

#include <cstddef>
#include <string>
#include <vector>

namespace ringattn {

/// A report and where it was read from.
struct SourceReport {
  std::string source;
  Report report;
};

/// Several runs as one. Runs are in the order of their start. On one machine (same environment, apart from the memory
/// that was free) the later run wins where two hold the same case: verb, axes, both implementations with their
/// functions, and mark. Runs on different machines are kept apart by the machine's label.
struct Collection {
  struct Run {
    SourceReport source;      ///< without the cases that a later run replaces
    std::size_t machine = 0;  ///< index into machines
  };
  std::vector<Run> runs;
  std::vector<std::string> machines;  ///< "2 cores of a CPU, ringattn 0.4.0 (0123abcd)", told apart by a number
  std::size_t replaced = 0;           ///< cases of earlier runs that are not shown
};
Collection merge_reports(std::vector<SourceReport> reports);

/// One implementation in one case: a line of every table and file. Points into the collection.
struct CollectionRow {
  const Collection::Run* run = nullptr;
  const CaseRecord* record = nullptr;
  const ImplementationRecord* implementation = nullptr;
  bool is_legacy = false;
};
/// Old before new; an implementation that several records of a run measure against stands once.
std::vector<CollectionRow> rows_of(const Collection& collection);

/// The machine's label where there are several machines, else "".
std::string machine_label(const Collection& collection, const Collection::Run& run);

}  // namespace ringattn
