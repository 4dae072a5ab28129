#pragma once

#include "report/report.h"

#include <concepts>
#include <type_traits>

namespace ringattn {

// Each struct of a report lists its fields once, here; writing, strict reading and the list of keys all walk the same
// lists. `visit("key", member)` is called in the order of the keys in the file.

/// Said with a key that came after reports of the same minor version had been written: it may be absent from a file.
struct MayBeAbsent {};

template <typename T, typename Struct>
concept Like = std::same_as<std::remove_cv_t<T>, Struct>;

void fields(auto& visit, Like<Case> auto& x) {
  visit("batch", x.batch);
  visit("seq_len", x.seq_len);
  visit("heads", x.heads);
  visit("head_dim", x.head_dim);
  visit("dtype", x.dtype);
  visit("is_causal", x.is_causal);
  visit("ranks", x.ranks);
  visit("kv_heads", x.kv_heads);
  visit("window", x.window);
  visit("documents", x.documents);
  visit("mask", x.mask);
}

void fields(auto& visit, Like<ElementIndex> auto& x) {
  visit("batch", x.batch);
  visit("row", x.row);
  visit("head", x.head);
  visit("dim", x.dim);
}

void fields(auto& visit, Like<ElementError> auto& x) {
  visit("index", x.index);
  visit("got", x.got);
  visit("want", x.want);
  visit("abs_error", x.abs_error);
  visit("rel_error", x.rel_error);
}

void fields(auto& visit, Like<BlockError> auto& x) {
  visit("batch", x.batch);
  visit("head", x.head);
  visit("first_row", x.first_row);
  visit("last_row", x.last_row);
  visit("ratio", x.ratio);
  visit("allowed", x.allowed);
}

void fields(auto& visit, Like<TensorStats> auto& x) {
  visit("elements", x.elements);
  visit("nan_count", x.nan_count);
  visit("inf_count", x.inf_count);
  visit("mean", x.mean);
  visit("stddev", x.stddev);
  visit("min", x.min);
  visit("max", x.max);
  visit("min_index", x.min_index);
  visit("max_index", x.max_index);
  visit("abs_p50", x.abs_p50);
  visit("abs_p90", x.abs_p90);
  visit("abs_p99", x.abs_p99);
}

void fields(auto& visit, Like<ErrorHistogram> auto& x) {
  visit("first_exponent", x.first_exponent);
  visit("counts", x.counts);
}

void fields(auto& visit, Like<FailureDetails> auto& x) {
  visit("got", x.got);
  visit("want", x.want);
  visit("histogram", x.histogram);
}

void fields(auto& visit, Like<ErrorProfile> auto& x) {
  visit("first_row", x.first_row);
  visit("max_abs", x.max_abs);
}

void fields(auto& visit, Like<TensorVerdict> auto& x) {
  visit("tensor", x.tensor);
  visit("passed", x.passed);
  visit("reason", x.reason);
  visit("elements", x.elements);
  visit("mismatched", x.mismatched);
  visit("nonfinite_mismatched", x.nonfinite_mismatched);
  visit("worst_abs", x.worst_abs);
  visit("worst_rel", x.worst_rel);
  visit("worst_block", x.worst_block);
  visit("required_atol", x.required_atol);
  visit("required_rtol", x.required_rtol);
  visit("first_bad_row", x.first_bad_row);
  visit("worst_row", x.worst_row);
  visit("one_minus_cosine", x.one_minus_cosine);
  visit("sqnr_db", x.sqnr_db);
  visit("details", x.details);
  visit("error_by_position", x.error_by_position);
}

void fields(auto& visit, Like<NumericVerdict> auto& x) {
  visit("passed", x.passed);
  visit("tier", x.tier);
  visit("against", x.against);
  visit("reason", x.reason);
  visit("tensors", x.tensors);
}

void fields(auto& visit, Like<Environment> auto& x) {
  visit("ringattn_version", x.ringattn_version);
  visit("git_commit", x.git_commit);
  visit("build_type", x.build_type);
  visit("compiler", x.compiler);
  visit("libtorch", x.libtorch);
  visit("cpu_model", x.cpu_model);
  visit("cpu_cores_usable", x.cpu_cores_usable);
  visit("cpu_cores_online", x.cpu_cores_online);
  visit("memory_bytes", x.memory_bytes);
  visit("memory_available_bytes", x.memory_available_bytes);
  visit("kernel", x.kernel);
  visit("threads_intra_op", x.threads_intra_op);
  visit("gpus", x.gpus);
  visit("omp_num_threads", x.omp_num_threads);
}

void fields(auto& visit, Like<Provenance> auto& x) {
  visit("field", x.field);
  visit("value", x.value);
  visit("source", x.source);
  visit("origin", x.origin);
}

void fields(auto& visit, Like<OldParameterRecord> auto& x) {
  visit("parameter", x.parameter);
  visit("value", x.value);
  visit("fate", x.fate);
  visit("field", x.field);
  visit("words", x.words);
}

void fields(auto& visit, Like<ResolvedRecord> auto& x) {
  visit("preset", x.preset);
  visit("legacy", x.legacy);
  visit("as_shipped", x.as_shipped);
  visit("candidate", x.candidate);
  visit("new_config", x.new_config);
  visit("config", x.config);
  visit("workload", x.workload);
  visit("inputs", x.inputs);
  visit("distribution", x.distribution);
  visit("seed", x.seed);
  visit("is_training", x.is_training);
  visit("projection", x.projection);
  visit("with_projection", x.with_projection, MayBeAbsent{});
  visit("old_config", x.old_config);
  visit("old_parameters", x.old_parameters);
  visit("rtol", x.rtol);
  visit("atol", x.atol);
  visit("timing_pairs", x.timing_pairs);
  visit("warmup", x.warmup);
  visit("rehearse", x.rehearse);
  visit("provenance", x.provenance);
}

void fields(auto& visit, Like<AskedRan> auto& x) {
  visit("asked", x.asked);
  visit("ran", x.ran);
  visit("why", x.why);
}

void fields(auto& visit, Like<IntervalRecord> auto& x) {
  visit("median", x.median);
  visit("low", x.low);
  visit("high", x.high);
}

void fields(auto& visit, Like<RankRecord> auto& x) {
  visit("rank", x.rank);
  visit("peak_bytes", x.peak_bytes);
  visit("live_bytes", x.live_bytes);
  visit("sent_bytes", x.sent_bytes);
  visit("received_bytes", x.received_bytes);
  visit("messages", x.messages);
  visit("rows_received", x.rows_received);
}

void fields(auto& visit, Like<PriceRecord> auto& x) {
  visit("peak_bytes_max", x.peak_bytes_max);
  visit("kernel_bytes_max", x.kernel_bytes_max);
  visit("sent_bytes_total", x.sent_bytes_total);
  visit("messages_total", x.messages_total);
  visit("rows_travelled", x.rows_travelled);
  visit("flops_total", x.flops_total);
}

void fields(auto& visit, Like<RehearsalRecord> auto& x) {
  visit("rehearsed_ranks", x.rehearsed_ranks);
  visit("link", x.link);
  visit("link_gb_s", x.link_gb_s);
  visit("link_us", x.link_us);
  visit("contention", x.contention);
}

void fields(auto& visit, Like<RateRecord> auto& x) {
  visit("tokens_per_s", x.tokens_per_s);
  visit("flops_per_s", x.flops_per_s);
  visit("retention", x.retention);
  visit("exposed_ns_median", x.exposed_ns_median);
}

void fields(auto& visit, Like<PlannedRecord> auto& x) {
  visit("id", x.id);
  visit("mark", x.mark);
  visit("rank", x.rank);
  visit("pairs", x.pairs);
  visit("time_ns_expected", x.time_ns_expected);
  visit("why", x.why);
}

void fields(auto& visit, Like<ImplementationRecord> auto& x) {
  visit("id", x.id);
  visit("function", x.function);
  visit("mark", x.mark);
  visit("metered", x.metered);
  visit("backend", x.backend);
  visit("layout", x.layout);
  visit("ranks", x.ranks);
  visit("time_ns", x.time_ns);
  visit("time_ns_median", x.time_ns_median);
  visit("time_over_one_rank", x.time_over_one_rank);
  visit("price", x.price);
  visit("exposed_ns", x.exposed_ns);
  visit("time_ns_priced", x.time_ns_priced);
  visit("rehearsal", x.rehearsal);
  visit("rates", x.rates, MayBeAbsent{});
}

void fields(auto& visit, Like<ProjectionOrderRecord> auto& x) {
  visit("order", x.order);
  visit("projected_rows_max", x.projected_rows_max);
  visit("projected_bytes_max", x.projected_bytes_max);
  visit("ranks", x.ranks);
  visit("time_ns", x.time_ns);
  visit("time_ns_median", x.time_ns_median);
  visit("against_oracle", x.against_oracle);
}

void fields(auto& visit, Like<ProjectionOrdersRecord> auto& x) {
  visit("orders", x.orders);
  visit("against_each_other", x.against_each_other);
  visit("time_ratio", x.time_ratio);
}

void fields(auto& visit, Like<CaseRecord> auto& x) {
  visit("id", x.id);
  visit("axes", x.axes);
  visit("legacy", x.legacy);
  visit("candidate", x.candidate);
  visit("outcome", x.outcome);
  visit("words", x.words);
  visit("explanation", x.explanation);
  visit("accepted", x.accepted);
  visit("candidate_against_oracle", x.candidate_against_oracle);
  visit("legacy_against_oracle", x.legacy_against_oracle);
  visit("legacy_against_candidate", x.legacy_against_candidate);
  visit("time_ratio", x.time_ratio);
  visit("covered_share", x.covered_share);
  visit("metering_ns", x.metering_ns);
  visit("oracle_ns", x.oracle_ns);
  visit("warnings", x.warnings);
  visit("repro", x.repro);
  visit("projection_orders", x.projection_orders, MayBeAbsent{});
}

void fields(auto& visit, Like<ScalingRecord> auto& x) {
  visit("implementation", x.implementation);
  visit("quantity", x.quantity);
  visit("axis", x.axis);
  visit("among", x.among);
  visit("at", x.at);
  visit("values", x.values);
  visit("marks", x.marks);
  visit("exponent", x.exponent);
  visit("low", x.low);
  visit("high", x.high);
  visit("expected", x.expected);
  visit("verdict", x.verdict);
  visit("words", x.words);
}

void fields(auto& visit, Like<PredictionRecord> auto& x) {
  visit("id", x.id);
  visit("implementation", x.implementation);
  visit("quantity", x.quantity);
  visit("against", x.against);
  visit("predicted", x.predicted);
  visit("found", x.found);
  visit("relative_error", x.relative_error);
}

void fields(auto& visit, Like<CheckRecord> auto& x) {
  visit("rule", x.rule);
  visit("id", x.id);
  visit("status", x.status);
  visit("words", x.words);
}

void fields(auto& visit, Like<SkippedRecord> auto& x) {
  visit("id", x.id);
  visit("reason", x.reason);
}

void fields(auto& visit, Like<SummaryRecord> auto& x) {
  visit("cases", x.cases);
  visit("skipped", x.skipped);
  visit("accepted", x.accepted);
  visit("outcomes", x.outcomes);
}

void fields(auto& visit, Like<Report> auto& x) {
  visit("schema", x.schema);
  visit("schema_version", x.schema_version);
  visit("verb", x.verb);
  visit("command", x.command);
  visit("started_at", x.started_at);
  visit("duration_ns", x.duration_ns);
  visit("environment", x.environment);
  visit("resolved", x.resolved);
  visit("cases", x.cases);
  visit("scaling", x.scaling);
  visit("predictions", x.predictions);
  visit("checks", x.checks);
  visit("skipped", x.skipped);
  visit("warnings", x.warnings);
  visit("summary", x.summary);
  visit("interrupted", x.interrupted);
  visit("complete", x.complete);
  visit("exit_code", x.exit_code);
  visit("planned", x.planned, MayBeAbsent{});
}

}  // namespace ringattn
