#include "attention/graph_book.h"

#include "attention/graphed_calls.h"
#include "config/ring_attention_config.h"
#include "pattern/pattern.h"

#include <doctest/doctest.h>

namespace ringattn {
namespace {

using Way = GraphBook::Way;
using Answer = GraphBook::Answer;

GraphBook::Place place(std::int64_t address) { return {address, 64, 1}; }

Plan plan_of(const char* pattern, LayoutKind layout, const Problem& problem, int world_size) {
  RingAttentionConfig config;
  set_field(config, "segment_lengths", "[8, 16]", "test");
  set_field(config, "dilation_rates", "[1, 2]", "test");
  set_field(config, "pattern", pattern, "test");
  return make_plan(make_pattern(resolve_function(config, problem)), RowLayout{layout, problem.seq_len, world_size}, 1);
}

}  // namespace

TEST_CASE("a call is recorded when it comes the second time, and launched from then on") {
  GraphBook book;
  CHECK(book.next(place(1)).way == Way::run);
  CHECK(book.next(place(2)).way == Way::run);
  CHECK(book.next(place(1)) == Answer{Way::record, 0});
  CHECK(book.next(place(1)) == Answer{Way::launch, 0});
  CHECK(book.next(place(2)) == Answer{Way::record, 1});
  CHECK(book.next(place(2)) == Answer{Way::launch, 1});
  CHECK(book.next(place(1)) == Answer{Way::launch, 0});
}

TEST_CASE("a recording that failed is tried again") {
  GraphBook book;
  (void)book.next(place(1));
  CHECK(book.next(place(1)).way == Way::record);
  book.forget(0);
  CHECK(book.next(place(1)) == Answer{Way::record, 0});
  CHECK(book.next(place(1)).way == Way::launch);
}

TEST_CASE("calls in turn don't push each other out, and what has long been idle goes") {
  GraphBook book;
  const auto many = static_cast<std::int64_t>(GraphBook::kKept) + 2;
  for (int round = 0; round < 2; ++round)
    for (std::int64_t i = 0; i < many; ++i) (void)book.next(place(i));
  for (int round = 0; round < 20; ++round)
    for (std::int64_t i = 0; i < many; ++i)
      CHECK(book.next(place(i)).way == (i < static_cast<std::int64_t>(GraphBook::kKept) ? Way::launch : Way::run));
  // From here on the first recording is not used any more.
  Answer answer{};
  std::int64_t calls = 0;
  while (answer.way != Way::record && calls < 1000) {
    for (std::int64_t i = 1; i < 4; ++i) CHECK(book.next(place(i)).way == Way::launch);
    answer = book.next(place(many - 1));
    calls += 4;
  }
  CHECK(answer == Answer{Way::record, 0});
  CHECK(calls > GraphBook::kIdle - many);
  CHECK(calls <= GraphBook::kIdle + many);
  CHECK(book.next(place(0)).way == Way::run);
}

TEST_CASE("what is remembered is bounded, and recordings outlast it") {
  GraphBook book;
  (void)book.next(place(-1));
  CHECK(book.next(place(-1)).way == Way::record);
  for (std::int64_t i = 0; i < 2 * static_cast<std::int64_t>(GraphBook::kSeenMax); ++i)
    CHECK(book.next(place(i)).way == Way::run);
  CHECK(book.next(place(-1)) == Answer{Way::launch, 0});
  CHECK(book.next(place(0)).way == Way::run);  // forgotten
  CHECK(book.next(place(0)).way == Way::record);
}

TEST_CASE("plans whose calls read nothing but the inputs in progressions can be recorded") {
  const Problem full{.seq_len = 64, .heads = 2};
  const Problem causal{.seq_len = 64, .heads = 2, .is_causal = true};
  CHECK(can_be_graphed(plan_of("dense", LayoutKind::contiguous, full, 4)));
  CHECK(can_be_graphed(plan_of("dense", LayoutKind::zigzag, causal, 4)));
  CHECK(can_be_graphed(plan_of("dilated", LayoutKind::contiguous, full, 2)));
  Problem masked = full;
  masked.mask = {.kind = MaskKind::keys, .is_per_head = false, .is_additive = false};
  CHECK_FALSE(can_be_graphed(plan_of("dense", LayoutKind::contiguous, masked, 4)));
  Problem windowed = causal;
  windowed.window = {.left = 5, .right = 0};
  CHECK_FALSE(can_be_graphed(plan_of("dense", LayoutKind::contiguous, windowed, 4)));
}

}  // namespace ringattn
