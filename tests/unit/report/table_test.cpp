#include "report/table.h"

#include "report/failure.h"
#include "tests/unit/report/example_report.h"

#include <doctest/doctest.h>

#include <sstream>
#include <string>

namespace ringattn {
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST_CASE("a table is Markdown, aligned by code points, numbers to the right") {
  const std::string text = render_table({{"case", false}, {"time"}}, {{{"n4096"}, {"1.3×"}}, {{"ü"}, {"12.0×"}}}, {});
  CHECK(text ==
        "| case  |  time |\n"
        "|:------|------:|\n"
        "| n4096 |  1.3× |\n"
        "| ü     | 12.0× |\n");
}

TEST_CASE("a table that is too wide becomes paragraphs") {
  const std::string text =
      render_table({{"case", false}, {"time"}}, {{{"n4096"}, {"1"}}, {{"n8192"}, {"2"}}}, {.width = 15});
  CHECK(text == "case  n4096\ntime  1\n\ncase  n8192\ntime  2\n");
  CHECK(render_table({{"case", false}}, {}, {}).empty());
}

TEST_CASE("the comparison table fits 120 columns and shows peaks, rows, bytes, ratio and counts") {
  const Report report = test::example_report();
  const std::string text = compare_table(report, {});
  for (const std::string& line : lines_of(text)) CHECK_MESSAGE(display_width(line) <= 120, line);
  CHECK(contains(text, "| n4096 | 2 | fp32  | no     | match "));
  CHECK(contains(text, "68.0 → 9.50"));
  CHECK(contains(text, "8.00 → 6.00"));
  CHECK(contains(text, "12,288"));
  CHECK(contains(text, "1.31× [1.28, 1.33]"));
  CHECK(contains(text, "0.75"));
  CHECK(contains(text, "820"));
  CHECK(contains(text, "backend fused was asked for, sdpa ran: built without CUDA"));
  CHECK(contains(text, "41.7 % of the (head, row) results see no key and are 0"));
  CHECK(contains(text, "skipped b1/n1048576/h8/d64/fp32/causal/k8: needs 12.0 GiB, 4.00 GiB are free"));
  CHECK(contains(text, "2 cases: 1 match, 1 new_wrong; 1 skipped\n"));
  CHECK(contains(text, "metering 10.0 ms, oracle 180 ms"));
  CHECK_FALSE(contains(text, "\x1b"));
}

TEST_CASE("a narrow terminal gets lines that fit, long outcome words included") {
  Report report = test::example_report();
  report.cases[1].outcome = Outcome::undefined_as_shipped;
  for (const int width : {60, 80, 100, 120}) {
    CAPTURE(width);
    for (const std::string& line : lines_of(compare_table(report, {.width = width})))
      CHECK_MESSAGE(display_width(line) <= width, line);
    for (const std::string& line : lines_of(bench_table(report, {.width = width})))
      CHECK_MESSAGE(display_width(line) <= width, line);
  }
}

TEST_CASE("colour changes no character: without its escapes the text is the same") {
  const Report report = test::example_report();
  std::string colored = compare_table(report, {.width = 120, .color = true});
  CHECK(contains(colored, "\x1b[32mmatch\x1b[0m"));
  CHECK(contains(colored, "\x1b[1;31mnew_wrong\x1b[0m"));
  for (std::size_t at = colored.find('\x1b'); at != std::string::npos; at = colored.find('\x1b'))
    colored.erase(at, colored.find('m', at) - at + 1);
  CHECK(colored == compare_table(report, {}));
}

TEST_CASE("a count that differs from its price is noted") {
  Report report = test::example_report();
  report.cases[0].candidate.price->rows_travelled = 6144;
  CHECK(contains(compare_table(report, {}), "standard: rows moved is priced at 6,144, 12,288 measured"));
}

TEST_CASE("the bench table shows time, rate and bytes beside their prices") {
  const std::string text = bench_table(test::example_report(), {.width = 140});
  CHECK(contains(text, "| v2 "));
  CHECK(contains(text, "2.10 [2.00, 2.20] ms"));
  CHECK(contains(text, "2.05 TFLOP/s"));
  CHECK(contains(text, "9.50 (9.50)"));
  CHECK(contains(text, "1,950,476"));  // tokens a second
  CHECK(contains(text, "2.4 %"));      // of the time in waits
  CHECK(contains(text, "| measured |"));
  CHECK(contains(text, "live MiB"));
  CHECK(contains(text, "messages"));
}

TEST_CASE("the failure block tells what, where, by how much, what would have passed, and ends with the repro command") {
  const CaseRecord record = test::example_report().cases[1];
  const std::string text = failure_block(record, {});
  CHECK(contains(text, "FAIL  " + record.id + "  new_wrong\n"));
  CHECK(contains(text, "standard against oracle (logic tier)"));
  CHECK(contains(text, "worst block: rows 4032..4095 of batch 0, head 3: 820 where 1 is allowed; first bad row 4033"));
  CHECK(contains(
      text,
      "worst element: batch 0, row 4033, head 3, dim 17: got 0.3128, want 0.2871, off by 2.6e-02 (8.9e-02 of it)"));
  CHECK(contains(text, "required tolerance: atol 2.6e-02 or rtol inf"));
  CHECK(contains(text, "mean -0.0001, std 0.5, min -4.25 at [0, 1, 2, 3], max 4.5 at"));
  CHECK(contains(text, "below 1e-11  2,000,000 ########################################\n"));
  CHECK(contains(text, "from  1e-02          3 #\n"));
  CHECK(contains(text, "from  1e-05          0 \n"));
  CHECK(contains(text, "keys: old residue, new dilated"));
  CHECK(lines_of(text).back() ==
        "repro: ringattn compare --old v2 --new standard -a batch=1 -a seq_len=4096 -a heads=8 -a head_dim=64 -a "
        "dtype=bf16 -a is_causal=true "
        "-a ranks=2 --preset quick");
}

TEST_CASE("what a shell would take apart is quoted") {
  CHECK(shell_quote("v2") == "v2");
  CHECK(shell_quote("") == "''");
  CHECK(shell_quote("pattern={\"a\": 1}") == "'pattern={\"a\": 1}'");
  CHECK(shell_quote("it's") == "'it'\\''s'");
}

TEST_CASE("wrapping keeps words whole and indents what follows") {
  CHECK(wrap("one two three", 7, 2) == "one two\n  three");
  CHECK(wrap("  indented stays", 40, 2) == "  indented stays");
  CHECK(wrap("unbreakable", 4, 2) == "unbreakable");
  CHECK(wrap("", 4, 2).empty());
}

}  // namespace
}  // namespace ringattn
