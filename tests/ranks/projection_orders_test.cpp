#include "compare/projection_orders.h"

#include "attention/mask_source.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

namespace ringattn {
namespace {

constexpr std::int64_t kN = 96, kHeads = 4, kDim = 8;

std::unique_ptr<ProjectedInputs> inputs_of(std::int64_t kv_heads, const std::string& mask) {
  const ProjectionSizes sizes{.heads = kHeads, .head_dim = kDim, .kv_heads = kv_heads};
  return std::make_unique<ProjectedInputs>(generated_x({.seed = 3, .batch = 2, .seq_len = kN, .embed = sizes.embed()}),
                                           random_projection(sizes, 3),
                                           make_mask(mask, {.batch = 2, .seq_len = kN, .heads = kHeads, .seed = 3}));
}

Case case_of(Dtype dtype, std::int64_t ranks, std::int64_t kv_heads, const std::string& mask) {
  Case axes{2, kN, kHeads, kDim, dtype, true, ranks};
  axes.kv_heads = kv_heads;
  axes.mask = mask;
  return axes;
}

}  // namespace

TEST_CASE("both orders pass in every dtype, and the record says what each projects and holds") {
  at::set_num_threads(1);
  for (const Dtype dtype : {Dtype::fp32, Dtype::bf16, Dtype::fp64}) {
    for (const std::int64_t kv_heads : {4, 2}) {
      for (const std::string mask : {"none", "padding", "random"}) {
        const std::unique_ptr<ProjectedInputs> inputs = inputs_of(kv_heads, mask);
        ReferenceBook references(*inputs, {});
        for (const std::int64_t ranks : {1, 3, 4}) {
          INFO(fmt::format("{} kv_heads={} mask={} k={}", to_string(dtype), kv_heads, mask, ranks));
          const Case axes = case_of(dtype, ranks, kv_heads, mask);
          const Problem problem = problem_of(axes, inputs->mask_shape());
          RingAttention ring(testing::ring_config("dilated_keys", "[32, 96]", "[1, 2]", "contiguous"), problem,
                             static_cast<int>(ranks));
          RankWorld world(static_cast<int>(ranks));
          const bool with_time = ranks == 3 && mask == "none";
          ExamineOptions options;
          options.timing.pairs = 2;
          options.with_time = with_time;
          const ProjectionOrdersRecord record =
              examine_projection_orders(axes, ring, world, *inputs, references, options);
          INFO(record.against_each_other.reason);
          CHECK(passed(record));
          REQUIRE(record.orders.size() == 2);
          const std::int64_t element = element_bytes(dtype);
          const std::int64_t row_bytes = 2 * (kHeads + 2 * kv_heads) * kDim * element;
          CHECK(record.orders[0].order == "split_first");
          CHECK(record.orders[0].projected_rows_max == kN / ranks);
          CHECK(record.orders[0].projected_bytes_max == kN / ranks * row_bytes);
          CHECK(record.orders[1].order == "project_first");
          CHECK(record.orders[1].projected_rows_max == kN);
          CHECK(record.orders[1].projected_bytes_max == kN * row_bytes);
          for (std::size_t rank = 0; rank < static_cast<std::size_t>(ranks); ++rank) {
            const RankRecord& fresh = record.orders[0].ranks[rank];
            const RankRecord& old = record.orders[1].ranks[rank];
            CHECK(fresh.sent_bytes == old.sent_bytes);
            CHECK(fresh.rows_received == old.rows_received);
            if (mask == "none") CHECK(old.peak_bytes - fresh.peak_bytes == (kN - kN / ranks) * row_bytes);
            CHECK(fresh.live_bytes - fresh.peak_bytes == 2 * kN / ranks * kHeads * kDim * element);
            CHECK(old.live_bytes - old.peak_bytes == 2 * kN * kHeads * kDim * element);
          }
          for (const ProjectionOrderRecord& order : record.orders) CHECK(order.time_ns.size() == (with_time ? 2U : 0U));
          CHECK(record.time_ratio.has_value() == with_time);
        }
      }
    }
  }
}

TEST_CASE("an order that is wrong is the case's outcome") {
  CaseRecord record;
  record.outcome = Outcome::match;
  ProjectionOrdersRecord orders;
  orders.orders.resize(2);
  orders.orders[0].order = "split_first";
  orders.orders[1].order = "project_first";
  for (ProjectionOrderRecord& order : orders.orders) order.against_oracle.passed = true;
  orders.against_each_other.passed = true;
  add_projection_orders(record, orders);
  CHECK((record.outcome == Outcome::match));
  CHECK(record.projection_orders == orders);

  orders.orders[1].against_oracle.passed = false;
  orders.orders[1].against_oracle.reason = "out: 3 elements";
  add_projection_orders(record, orders);
  CHECK((record.outcome == Outcome::new_wrong));
  CHECK(record.words == "the module in the order project_first is not its oracle: out: 3 elements");

  orders.orders[1].against_oracle.passed = true;
  orders.against_each_other.passed = false;
  orders.against_each_other.reason = "out differs";
  add_projection_orders(record, orders);
  CHECK(record.words ==
        "the module's numbers depend on whether rows are split before or after projecting: out differs");
}

}  // namespace ringattn
