#include "config/problem.h"

#include "config/ring_attention_config.h"
#include "support.h"

#include <doctest/doctest.h>

namespace ringattn {
namespace {

using test::guide_config;
using test::message_of;

TEST_CASE("a case becomes a problem, and with a configuration a function") {
  Case c{.batch = 2, .seq_len = 9, .heads = 6, .head_dim = 8, .is_causal = true};
  c.kv_heads = 3;
  c.window = {4, 0};
  c.documents = {.count = 2};
  const MaskShape mask{MaskKind::scores, true, true};
  const Problem problem = problem_of(c, mask, true, 77);
  CHECK(problem == Problem{.seq_len = 9,
                           .heads = 6,
                           .is_causal = true,
                           .kv_heads = 3,
                           .window = {4, 0},
                           .documents = {0, 3, 9},
                           .mask = mask,
                           .is_training = true,
                           .dropout_seed = 77});
  RingAttentionConfig config = guide_config();
  config.dropout = 0.1;
  config.softmax_scale = 0.5;
  const AttentionFunction function = resolve_function(config, problem);
  CHECK(function.key_heads() == 3);
  CHECK(function.dropout == 0.1);
  CHECK(function.dropout_seed == 77);
  CHECK(function.softmax_scale == 0.5);
  CHECK(resolve_function(config, problem_of(c, mask)).dropout == 0.0);
}

TEST_CASE("a problem that makes no sense is refused by field") {
  const auto refusal = [](const Problem& problem) { return message_of([&] { validate(problem); }); };
  CHECK(refusal({.seq_len = 0, .heads = 1}) == "seq_len: must be a positive integer (got 0)");
  CHECK(refusal({.seq_len = 4, .heads = 6, .kv_heads = 4}) == "kv_heads: 4 does not divide heads 6");
  CHECK(refusal({.seq_len = 4, .heads = 6, .window = {-2, 0}}) ==
        "window: -2:0 is out of range; each side is at least 0, or -1 for no limit");
  CHECK(refusal({.seq_len = 4, .heads = 6, .documents = {0, 5}}) ==
        "documents: the cumulative lengths go from 0 to 5; they must go from 0 to seq_len 4");
  CHECK(refusal({.seq_len = 4, .heads = 6, .documents = {0, 2, 2, 4}}) ==
        "documents: 2 follows 2; cumulative lengths must ascend");
}

}  // namespace
}  // namespace ringattn
