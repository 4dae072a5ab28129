#include "cli/options.h"
#include "config/axis.h"
#include "config/documents.h"
#include "config/link.h"
#include "config/names.h"
#include "config/window.h"
#include "fuzz.h"

#include <cmath>

namespace ringattn::fuzz {
namespace {

void check_numbers(const std::string& word) {
  const auto integer = value_or_refusal([&] { return parse_integer(word, "--pairs", 1, 10'001); }, "--pairs");
  require(!integer || (*integer >= 1 && *integer <= 10'001), "an integer keeps to its bounds");
  const auto tolerance = value_or_refusal([&] { return parse_tolerance(word, "--rtol"); }, "--rtol");
  require(!tolerance || (std::isfinite(*tolerance) && *tolerance >= 0.0), "a tolerance is finite and not negative");
  const auto duration = value_or_refusal([&] { return parse_duration(word, "--timeout"); }, "--timeout");
  require(!duration || duration->count() > 0, "a duration is above 0");
}

void check_documents(const std::string& word) {
  const auto documents = value_or_refusal([&] { return parse_documents(word, "documents"); }, "documents");
  if (!documents) return;
  require(parse_documents(to_string(*documents), "written") == *documents, "documents are written and read back");
  if (documents->count > 1024) return;
  for (const std::int64_t n : {std::int64_t{1}, std::int64_t{1000}, std::numeric_limits<std::int64_t>::max()}) {
    const auto ends = value_or_refusal([&] { return cumulative_lengths(*documents, n); });
    if (!ends || ends->empty()) continue;
    require(ends->front() == 0 && ends->back() == n, "documents go from 0 to n");
    for (std::size_t i = 1; i < ends->size(); ++i) require((*ends)[i] > (*ends)[i - 1], "documents ascend");
  }
}

/// One value as it stands behind a flag or an axis.
void examine(std::string_view text) {
  const std::string word(text);
  check_numbers(word);
  check_documents(word);
  const auto window = value_or_refusal([&] { return parse_window(word, "window"); }, "window");
  if (window) require(parse_window(to_string(*window), "written") == *window, "a window is written and read back");
  const auto dtype = value_or_refusal([&] { return parse_dtype(word, "dtype"); }, "dtype");
  if (dtype) require(parse_dtype(to_string(*dtype), "written") == *dtype, "a dtype is written and read back");
  value_or_refusal([&] { return parse_mask(word, "mask"); }, "mask");
  if (word.find(',') == std::string::npos) return;  // the name of a link: a file is read for it
  const auto link = value_or_refusal([&] { return parse_link(word, Env{}); }, "--link");
  if (link) require(transfer_ns(*link, 1 << 20) >= 0, "a message takes no negative time");
}

const Fuzzer registered("words", examine);

}  // namespace

}  // namespace ringattn::fuzz
