#pragma once

#include "report/collection.h"
#include "report/text.h"

#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// A cell that knows what it is sorted by: `value`, or its text where there is none.
struct DataCell {
  std::string text;
  Tone tone = Tone::plain;
  std::optional<double> value{};
};

/// A table as Markdown and HTML both show it.
struct DataTable {
  std::string id;  ///< an anchor
  std::string title;
  std::string caption;  ///< what the columns are, in a sentence or two
  std::vector<Column> columns;
  std::vector<std::vector<DataCell>> rows;
};

/// Cases that were judged: outcome, how near the error came to its limit, the worst error.
DataTable correctness_table(const Collection& collection);
/// Peak and live bytes of the largest rank, bytes, messages and rows sent, each beside its price where they differ.
DataTable memory_table(const Collection& collection);
/// Median time with its interval, rates, retention, exposed communication, old / new.
DataTable time_table(const Collection& collection);
/// Fitted exponents beside the expected ones.
DataTable scaling_table(const Collection& collection);
/// Prices against what was found.
DataTable prediction_table(const Collection& collection);
/// All of them that have rows.
std::vector<DataTable> data_tables(const Collection& collection);

}  // namespace ringattn
