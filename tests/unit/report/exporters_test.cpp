#include "report/changes.h"
#include "report/csv.h"
#include "report/escape.h"
#include "report/page.h"
#include "report/report_suites.h"
#include "tests/unit/report/example_report.h"

#include <doctest/doctest.h>

#include <limits>
#include <sstream>
#include <string>

namespace ringattn {
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Collection example() { return merge_reports({{"a.json", test::example_report()}}); }

std::string markdown(const Collection& collection) { return markdown_of(page_of(collection, std::nullopt)); }
std::string html(const Collection& collection) { return html_of(page_of(collection, std::nullopt)); }

Report only_skipped() {
  Report report = test::example_report();
  report.cases.clear();
  report.scaling.clear();
  report.predictions.clear();
  report.summary = summarize(report);
  return report;
}

TEST_CASE("fields of CSV and cells of Markdown are escaped") {
  CHECK(escape_csv("plain") == "plain");
  CHECK(escape_csv("a,b") == "\"a,b\"");
  CHECK(escape_csv("say \"x\"\nnow") == "\"say \"\"x\"\"\nnow\"");
  CHECK(escape_markdown("a|b <c>\nd") == "a\\|b &lt;c&gt; d");
}

TEST_CASE("CSV has one row for each implementation in each case, all as wide as the head") {
  const std::string text = csv_of(example());
  CHECK(text.starts_with("case,batch,seq_len,heads,head_dim,dtype,is_causal,ranks,"));
  std::size_t lines = 0;
  for (std::size_t at = text.find("\r\n"); at != std::string::npos; at = text.find("\r\n", at + 1)) ++lines;
  CHECK(lines == 1 + 4);
  CHECK(contains(text, "b1/n4096/h8/d64/fp32/full/k2,1,4096,8,64,fp32,false,2,8,none,none,none,legacy,v2,"));
  CHECK(contains(text, ",71303168,71304168,8388608,4,12288,"));
  CHECK(contains(text, ",2100000,2000000,2200000,3,50000,"));
  CHECK(contains(text, "\"standard (dilated_keys) differs from its own oracle: it is wrong, whatever v2 does\""));
}

TEST_CASE("what is not finite stays a word in CSV and leaves the plots") {
  Report report = test::example_report();
  report.cases[0].time_ratio = IntervalRecord{std::numeric_limits<double>::quiet_NaN(), 1.0, 2.0};
  report.cases[0].candidate.time_ns_median->median = std::numeric_limits<double>::infinity();
  const Collection collection = merge_reports({{"a.json", report}});
  CHECK(contains(csv_of(collection), ",nan,1,2,"));
  CHECK(contains(csv_of(collection), ",inf,2000000,2200000,"));
  CHECK(contains(html(collection), "</html>"));
}

TEST_CASE("names from a report cannot become markup") {
  Report report = test::example_report();
  report.cases[0].candidate.id = "<script>alert(\"&\")</script>";
  report.cases[1].words = "</pre><b>";
  report.warnings = {"a | b <i>"};
  const Collection collection = merge_reports({{"a.json", report}});
  const std::string page = html(collection);
  CHECK(!contains(page, "<script>alert"));
  CHECK(!contains(page, "</pre><b>"));
  CHECK(contains(page, "&lt;script&gt;alert(&quot;&amp;&quot;)"));
  CHECK(contains(markdown(collection), "a \\| b &lt;i&gt;"));
}

TEST_CASE("the page stands alone: nothing is fetched, and it has its three tables") {
  const std::string page = html(example());
  for (const char* word : {"src=", "@import", "url(", "http://", "https://"}) {
    CAPTURE(word);
    CHECK(!contains(page, word));
  }
  for (const char* id : {"id=\"changes\"", "id=\"correctness\"", "id=\"memory\"", "id=\"time\"", "id=\"exponents\""})
    CHECK(contains(page, id));
  CHECK(contains(page, "prefers-color-scheme:dark"));
  CHECK(contains(page, "data-value=\"9961472\""));
}

TEST_CASE("release notes name what failed, with its block, and what was skipped") {
  const std::string text = markdown(example());
  CHECK(text.starts_with("# ringattn 0.4.0\n\n1 run; 2 cases: 1 match, 1 new_wrong; 1 skipped.\n"));
  CHECK(contains(text, "## What changed\n\nNot compared with an earlier report.\n"));
  CHECK(contains(text, "| **new_wrong** |"));
  CHECK(contains(text, "### b1/n4096/h8/d64/bf16/causal/k2: new_wrong\n\n```\n"));
  CHECK(contains(text, "needs 12.0 GiB, 4.00 GiB are free"));
  CHECK(text.ends_with("\n"));
}

TEST_CASE("a report without cases gives whole files") {
  const Collection collection = merge_reports({{"a.json", only_skipped()}});
  CHECK(contains(markdown(collection), "1 run; 0 cases; 1 skipped."));
  CHECK(contains(html(collection), "</html>"));
  CHECK(csv_of(collection).find("\r\n") + 2 == csv_of(collection).size());
  const JUnitSuites suites = report_suites(collection);
  REQUIRE(suites.suites.size() == 1);
  REQUIRE(suites.suites[0].cases.size() == 1);
  CHECK(suites.suites[0].cases[0].status == JUnitStatus::skipped);
}

TEST_CASE("JUnit fails what is neither match nor accepted") {
  Report report = test::example_report();
  JUnitSuites suites = report_suites(merge_reports({{"a.json", report}}));
  REQUIRE(suites.suites.at(0).cases.size() == 4);
  CHECK(suites.suites[0].cases[0].status == JUnitStatus::passed);
  CHECK(suites.suites[0].cases[1].status == JUnitStatus::failed);
  CHECK(suites.suites[0].cases[1].type == "new_wrong");
  report.cases[1].accepted = "known";
  suites = report_suites(merge_reports({{"a.json", report}}));
  CHECK(suites.suites[0].cases[1].status == JUnitStatus::passed);
}

TEST_CASE("the later run on a machine wins, another machine stays apart") {
  Report early = test::example_report();
  Report late = test::example_report();
  late.started_at = "2999-01-01T00:00:00Z";
  late.environment.memory_available_bytes = 1;
  late.cases.pop_back();
  Collection merged = merge_reports({{"late.json", late}, {"early.json", early}});
  CHECK(merged.machines.size() == 1);
  CHECK(merged.replaced == 1);
  CHECK(merged.runs.at(0).source.source == "early.json");
  CHECK(merged.runs.at(0).source.report.cases.size() == 1);
  late.environment.cpu_model = "another CPU";
  merged = merge_reports({{"late.json", late}, {"early.json", early}});
  CHECK(merged.machines.size() == 2);
  CHECK(merged.replaced == 0);
  CHECK(contains(markdown(merged), "machine 2"));
}

TEST_CASE("changes between reports: outcomes, counts with ==, times by their intervals, what came and went") {
  const Collection before = example();
  Report report = test::example_report();
  report.cases[0].candidate.ranks[0].peak_bytes += 16;
  report.cases[0].candidate.ranks[1].messages += 1;
  report.cases[0].legacy->time_ns_median = IntervalRecord{1000000.0, 900000.0, 1100000.0};
  report.cases[1].outcome = Outcome::match;
  report.cases[1].legacy.reset();
  const Collection now = merge_reports({{"b.json", report}});
  const Changes changes = changes_between(states_of(before), states_of(now), "a.json");
  std::string all;
  for (const Change& change : changes.changes) all += change.implementation + ": " + change.words + "\n";
  CHECK(contains(all, "standard: peak bytes 9,961,472 → 9,961,488 (+16)\n"));
  CHECK(contains(all, "standard: messages 4 → 5 (+1)\n"));
  CHECK(contains(all, "v2: time 2.10 ms → 1.00 ms: 2.10× faster\n"));
  CHECK(contains(all, "standard: outcome new_wrong → match\n"));
  CHECK(contains(all, "v2: no longer there\n"));
  CHECK(changes_line(changes) == "3 compared with a.json: 0 unchanged, 3 changed, 1 no longer there.");
  CHECK(changes_between(states_of(before), states_of(before), "a.json").changes.empty());
}

TEST_CASE("changes since a gate's baseline are those of its bytes and messages") {
  const std::string text =
      "{\"schema\":\"ringattn.baseline\",\"schema_version\":\"1.0\",\"holds\":\"deterministic\"}\n"
      "{\"setting\":\"ci/standard/1\",\"case\":\"b1/n4096/h8/d64/fp32/full/k2\",\"sent_bytes\":[3145728,3145728],"
      "\"messages\":[1,2]}\n";
  const Changes changes = changes_between(states_of_baseline(text, "base.jsonl"), states_of(example()), "base.jsonl");
  REQUIRE(changes.compared == 1);
  CHECK(changes.changes.at(2).words == "messages 3 → 4 (+1)");
}

}  // namespace
}  // namespace ringattn
