#pragma once

#include "report/failure.h"
#include "report/quantity.h"
#include "report/report.h"

#include <limits>

namespace ringattn::test {

/// A failed verdict with every field filled, infinities included.
inline NumericVerdict failed_verdict() {
  TensorVerdict out;
  out.tensor = "out";
  out.reason = "out: 3 of 2097152 elements are off by more than allowed, at worst 820 times";
  out.elements = 2097152;
  out.mismatched = 3;
  out.nonfinite_mismatched = 0;
  out.worst_abs = {{0, 4033, 3, 17}, 0.3128, 0.2871, 0.0257, 0.0895};
  out.worst_rel = {{0, 7, 3, 17}, 1e-9, 0.0, 1e-9, std::numeric_limits<double>::infinity()};
  out.worst_block = {0, 3, 4032, 4095, 820.0, 1.0};
  out.required_atol = 0.0257;
  out.required_rtol = std::numeric_limits<double>::infinity();
  out.first_bad_row = 4033;
  out.worst_row = 4033;
  out.one_minus_cosine = 9.4e-6;
  out.sqnr_db = 47.25;
  out.error_by_position = {{0, 2048, 4032}, {1e-9, 2e-7, 0.0257}};
  TensorStats stats{2097152, 1, 2, -0.0001, 0.5, -4.25, 4.5, {0, 1, 2, 3}, {0, 4095, 7, 63}, 0.25, 0.75, 1.5};
  out.details = FailureDetails{stats, stats, {-12, {2000000, 97149, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0}}};
  NumericVerdict verdict;
  verdict.tier = Tier::logic;
  verdict.against = "oracle";
  verdict.reason = out.reason;
  verdict.tensors = {out};
  return verdict;
}

inline NumericVerdict passed_verdict(const std::string& against) {
  NumericVerdict verdict;
  verdict.passed = true;
  verdict.tier = Tier::precision;
  verdict.against = against;
  TensorVerdict out;
  out.tensor = "out";
  out.passed = true;
  out.elements = 2097152;
  out.worst_block = {0, 3, 64, 127, 1.5, 2.0};
  verdict.tensors = {out};
  return verdict;
}

inline ImplementationRecord implementation(const std::string& id, std::int64_t peak_bytes, std::int64_t sent_bytes) {
  ImplementationRecord record;
  record.id = id;
  record.function = "dilated_keys";
  record.backend = {"auto", "sdpa", ""};
  record.layout = {"auto", "contiguous", ""};
  record.ranks = {{0, peak_bytes, peak_bytes + 1000, sent_bytes, sent_bytes, 2, 6144},
                  {1, peak_bytes / 2, peak_bytes, sent_bytes, sent_bytes, 2, 6144}};
  record.time_ns = {2100000, 2000000, 2200000};
  record.time_ns_median = IntervalRecord{2100000.0, 2000000.0, 2200000.0};
  record.price = PriceRecord{peak_bytes, 65536, 2 * sent_bytes, 4, 12288, 4294967296};
  record.exposed_ns = {100000, 0, 50000};
  record.time_over_one_rank = IntervalRecord{1.05, 1.0, 1.1};
  return record;
}

inline CaseRecord example_case(Dtype dtype, bool is_causal) {
  CaseRecord record;
  record.axes = {1, 4096, 8, 64, dtype, is_causal, 2};
  record.id = case_id(record.axes);
  record.legacy = implementation("v2", 71303168, 4194304);
  record.candidate = implementation("standard", 9961472, 3145728);
  record.outcome = Outcome::match;
  record.words = "v2 (dilated_keys) and standard (dilated_keys) compute the same function, and each equals its oracle";
  record.candidate_against_oracle = passed_verdict("oracle");
  record.legacy_against_oracle = passed_verdict("oracle");
  record.legacy_against_candidate = passed_verdict("standard");
  record.legacy->rates = rates_of(record, *record.legacy);
  record.candidate.rates = rates_of(record, record.candidate);
  record.time_ratio = IntervalRecord{1.31, 1.28, 1.33};
  record.metering_ns = 5000000;
  record.oracle_ns = 90000000;
  record.repro = repro_command("v2", "standard", axis_words(record.axes), {"--preset", "quick"});
  return record;
}

inline ProjectionOrdersRecord example_orders() {
  ProjectionOrdersRecord record;
  record.orders = {{.order = "split_first",
                    .projected_rows_max = 2048,
                    .projected_bytes_max = 12582912,
                    .ranks = {{0, 22544384, 26738688, 3145728, 3145728, 2, 6144}},
                    .time_ns = {2500000, 2600000},
                    .time_ns_median = IntervalRecord{2550000.0, 2500000.0, 2600000.0},
                    .against_oracle = passed_verdict("oracle")},
                   {.order = "project_first",
                    .projected_rows_max = 4096,
                    .projected_bytes_max = 25165824,
                    .ranks = {{0, 35127296, 43515904, 3145728, 3145728, 2, 6144}},
                    .against_oracle = failed_verdict()}};
  record.against_each_other = passed_verdict("split_first");
  record.time_ratio = IntervalRecord{1.2, 1.1, 1.3};
  return record;
}

/// A report in which every optional is present somewhere, absent elsewhere, and each kind of value occurs.
inline Report example_report() {
  Report report;
  report.verb = "compare";
  report.command = {"ringattn", "compare", "--old", "v2", "--new", "standard"};
  report.started_at = rfc3339_utc(1766480426);
  report.duration_ns = 9007199254740993;  // beyond what a double holds
  report.environment = {"0.4.0", "0123abcd", "Release", "g++ 12.2.0",  "2.11.0", "a CPU",   2,
                        4,       8LL << 30,  4LL << 30, "Linux 6.1.0", 2,        {"a GPU"}, 0};
  report.resolved.preset = "quick";
  report.resolved.legacy = "v2";
  report.resolved.candidate = "standard";
  report.resolved.config = {{"segment_lengths", {2048, 4096}}, {"dropout", 0.0}};
  report.resolved.workload = {{"seq_len", {4096}}};
  report.resolved.inputs = "counter";
  report.resolved.seed = 42;
  report.resolved.timing_pairs = 3;
  report.resolved.warmup = 1;
  report.resolved.provenance = {{"/config/dropout", "0.0", Source::command_line, "--set dropout=0.0"}};
  report.cases = {example_case(Dtype::fp32, false), example_case(Dtype::bf16, true)};

  report.resolved.with_projection = true;
  report.cases[0].projection_orders = example_orders();

  CaseRecord& failed = report.cases[1];
  failed.outcome = Outcome::new_wrong;
  failed.words = "standard (dilated_keys) differs from its own oracle: it is wrong, whatever v2 does";
  failed.explanation = {"keys: old residue, new dilated"};
  failed.candidate_against_oracle = failed_verdict();
  failed.legacy_against_oracle.reset();
  failed.legacy_against_candidate.reset();
  failed.time_ratio.reset();
  failed.candidate.time_ns_median.reset();
  failed.candidate.time_ns.clear();
  failed.candidate.backend = {"fused", "sdpa", "built without CUDA"};
  failed.candidate.exposed_ns.clear();
  failed.candidate.rates.reset();
  failed.candidate.time_over_one_rank.reset();
  failed.candidate.rehearsal = RehearsalRecord{{1}, "nvlink4", 450.0, 2.5, 1.25};
  failed.candidate.time_ns_priced = 1950000.5;
  failed.covered_share = 0.583;
  failed.warnings = {"segment length 4096 exceeds n"};

  report.scaling = {{"standard",
                     "peak_bytes",
                     "ranks",
                     "b1/n4096",
                     {1.0, 2.0},
                     {19922944.0, 9961472.0},
                     {"measured", "measured"},
                     -1.0,
                     -1.0,
                     -1.0,
                     -1.0,
                     "yes",
                     "O(n/k): yes"}};
  report.predictions = {{report.cases[0].id, "standard", "time_ns", Mark::measured, 2310000.0, 2100000.0, 0.1}};
  report.checks = {{"traffic", report.cases[0].id, CheckStatus::fail, "rank 1 sends 7 messages, baseline 6"}};
  report.skipped = {{"b1/n1048576/h8/d64/fp32/causal/k8", "needs 12.0 GiB, 4.00 GiB are free"}};
  report.planned = {{report.cases[1].id, Mark::rehearsed, 1, 6, 2.5e9, "needs 12.0 GiB, 4.00 GiB are free"},
                    {report.cases[0].id, Mark::measured, std::nullopt, 3, std::nullopt, ""}};
  report.warnings = {"the machine is busy"};
  report.summary = summarize(report);
  report.complete = true;
  report.exit_code = 1;
  return report;
}

}  // namespace ringattn::test
