#include "config/ring_attention_config.h"

#include "support.h"

#include <doctest/doctest.h>

#include <limits>

namespace ringattn {
namespace {

using test::contains;
using test::guide_config;
using test::message_of;

std::string error_with(void (*change)(RingAttentionConfig&)) {
  RingAttentionConfig config = guide_config();
  change(config);
  return message_of([&] { validate(config); });
}

TEST_CASE("the defaults are the guide's, and auto where hardware decides") {
  const RingAttentionConfig c;
  CHECK(c.dropout == 0.0);
  CHECK(c.use_tf32);
  CHECK(c.device == Device::automatic);
  CHECK(!c.dtype.has_value());
  CHECK(!c.ring_size.has_value());
  CHECK(c.communication_backend == CommunicationBackend::automatic);
  CHECK(c.enable_error_recovery);
  CHECK(c.max_retry_attempts == 3);
  CHECK(c.retry_delay == 0.1);
  CHECK(c.use_memory_pool);
  CHECK(c.preallocate_buffers);
  CHECK(!c.aggressive_memory_cleanup);
  CHECK(c.overlap_communication);
  CHECK(c.use_fused_kernels);
  CHECK(c.compile_mode == CompileMode::none);
  CHECK(!c.enable_profiling);
  CHECK(!c.log_communication_stats);
  CHECK(!c.validate_gradients);
  CHECK(!c.use_hilbert);
  CHECK(c.hilbert_curve_level == 8);
  CHECK(c.checkpoint_frequency == 0);
  CHECK(!c.enable_watchdog);
  CHECK(c.watchdog_timeout == 60.0);
}

TEST_CASE("the guide's rules on the two lists") {
  CHECK(error_with([](auto&) {}) == "no error");
  CHECK(error_with([](auto& c) { c.dilation_rates = {1}; }) ==
        "segment_lengths and dilation_rates must have the same length: 2 != 1");
  CHECK(error_with([](auto& c) { c.segment_lengths = c.dilation_rates = {}; }) ==
        "segment_lengths cannot be empty; give at least one length, or set pattern to dense");
  CHECK(error_with([](auto& c) { c.segment_lengths[0] = 0; }) ==
        "segment_lengths: /0: must be a positive integer (got 0)");
  CHECK(error_with([](auto& c) { c.dilation_rates[1] = -1; }) ==
        "dilation_rates: /1: must be a positive integer (got -1)");
}

TEST_CASE("lists need be neither ascending nor multiples of each other") {
  CHECK(error_with([](auto& c) { c.segment_lengths = {4096, 7}; }) == "no error");
}

TEST_CASE("dense needs no lists and ignores those it has") {
  RingAttentionConfig c;
  c.pattern.name = PatternName::dense;
  CHECK_NOTHROW(validate(c));
  CHECK(resolve_function(c, 100, 8, true).pairs == std::vector<Pair>{{100, 1}});
  c = guide_config();
  c.pattern.name = PatternName::dense;
  CHECK(resolve_function(c, 100, 8, true).pairs == std::vector<Pair>{{100, 1}});
}

TEST_CASE("the guide's rules on numbers") {
  CHECK(error_with([](auto& c) { c.dropout = 1.0; }) == "no error");
  CHECK(error_with([](auto& c) { c.dropout = 1.1; }) == "dropout: must be a number between 0.0 and 1.0 (got 1.1)");
  CHECK(error_with([](auto& c) { c.dropout = -0.1; }) == "dropout: must be a number between 0.0 and 1.0 (got -0.1)");
  CHECK(error_with([](auto& c) {
          c.dropout = std::numeric_limits<double>::quiet_NaN();
        }).starts_with("dropout: must be"));
  CHECK(error_with([](auto& c) { c.max_retry_attempts = 0; }) ==
        "max_retry_attempts: must be a positive integer (got 0)");
  CHECK(error_with([](auto& c) { c.retry_delay = 0.0; }) == "no error");
  CHECK(error_with([](auto& c) { c.retry_delay = -1.0; }) ==
        "retry_delay: must be a finite number, at least 0.0 (got -1.0)");
  CHECK(error_with([](auto& c) {
          c.retry_delay = std::numeric_limits<double>::infinity();
        }).starts_with("retry_delay: must be"));
  CHECK(error_with([](auto& c) { c.ring_size = -3; }) == "ring_size: must be a positive integer (got -3)");
  CHECK(error_with([](auto& c) { c.checkpoint_frequency = -1; }) ==
        "checkpoint_frequency: must be an integer, at least 0 (got -1)");
  CHECK(error_with([](auto& c) { c.watchdog_timeout = 0.0; }) == "watchdog_timeout must be above 0 seconds (got 0)");
  CHECK(error_with([](auto& c) { c.watchdog_timeout = -1.0; }).starts_with("watchdog_timeout: must be"));
}

TEST_CASE("the curve's level counts only where use_hilbert is set") {
  CHECK(error_with([](auto& c) { c.hilbert_curve_level = 0; }) == "no error");
  CHECK(error_with([](auto& c) {
          c.use_hilbert = true;
          c.hilbert_curve_level = 0;
        }) == "hilbert_curve_level must be between 1 and 16 where use_hilbert is set (got 0)");
  CHECK(error_with([](auto& c) {
          c.use_hilbert = true;
          c.hilbert_curve_level = 17;
        }) == "hilbert_curve_level must be between 1 and 16 where use_hilbert is set (got 17)");
}

TEST_CASE("a contradiction among custom axes is refused") {
  const auto change = [](RingAttentionConfig& c) {
    c.pattern = {.name = PatternName::custom, .axes = axes_of(PatternName::longnet)};
    c.pattern.axes.join = JoinRule::single;
  };
  CHECK(contains(error_with(change), "pattern/join: \"single\""));
}

TEST_CASE("the function is the pattern on the configuration's own pairs, not clipped") {
  const AttentionFunction f = resolve_function(guide_config(), 1000, 8, true);
  CHECK(f.axes == axes_of(PatternName::dilated));
  CHECK(f.pairs == std::vector<Pair>{{2048, 1}, {4096, 2}});
  CHECK(f.seq_len == 1000);
  CHECK(f.heads == 8);
  CHECK(f.is_causal);
  RingAttentionConfig c = guide_config();
  c.pattern.name = PatternName::dilated_keys;
  CHECK(resolve_function(c, 1000, 8, false).axes == axes_of(PatternName::dilated_keys));
}

TEST_CASE("a function needs a positive length and heads, and a pattern that can be had") {
  CHECK(message_of([] { resolve_function(guide_config(), 0, 8, true); }) ==
        "seq_len: must be a positive integer (got 0)");
  CHECK(message_of([] { resolve_function(guide_config(), 8, 0, true); }) ==
        "heads: must be a positive integer (got 0)");
}

TEST_CASE("blocks that name no rates take those of the configuration") {
  RingAttentionConfig c = guide_config();
  c.pattern = {.name = PatternName::dilated_keys, .blocks = {.rule = BlockRule::dilated}};
  CHECK(resolve_function(c, 8192, 8, true).blocks.rates == std::vector<std::int64_t>{1, 2});
  c.pattern.blocks.rates = {3};
  CHECK(resolve_function(c, 8192, 8, true).blocks.rates == std::vector<std::int64_t>{3});
  c.pattern = {.name = PatternName::custom, .blocks = {.rule = BlockRule::local}};
  c.pattern.axes.order = OrderRule::hilbert;
  CHECK(resolve_function(c, 8192, 8, true).pairs == std::vector<Pair>{{8192, 1}});  // dense along a curve
  RingAttentionConfig without_lists;
  without_lists.pattern.name = PatternName::block_sparse;
  const AttentionFunction f = resolve_function(without_lists, 640, 8, true);
  CHECK(f.pairs == std::vector<Pair>{{640, 1}});
  CHECK(f.axes == axes_of(PatternName::dense));
  CHECK(f.blocks.rule == BlockRule::local);
}

TEST_CASE("use_hilbert leaves the function as it is; order hilbert heeds level and shortest segment") {
  RingAttentionConfig c = guide_config();
  const AttentionFunction plain = resolve_function(c, 8192, 8, true);
  c.use_hilbert = true;
  c.hilbert_curve_level = 3;
  CHECK(resolve_function(c, 8192, 8, true) == plain);
  c.pattern = {.name = PatternName::custom, .axes = axes_of(PatternName::dilated)};
  c.pattern.axes.order = OrderRule::hilbert;
  CHECK(resolve_function(c, 8192, 8, true).curve == CurveLimits{.level = 3, .min_rows = 64});
  c.use_hilbert = false;
  c.hilbert_curve_level = 0;
  CHECK(message_of([&] { resolve_function(c, 8192, 8, true); }) ==
        "hilbert_curve_level must be between 1 and 16 where rows follow a Hilbert curve (got 0)");
}

}  // namespace
}  // namespace ringattn
