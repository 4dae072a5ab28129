#include "compare/projection_orders.h"

#include "compare/records.h"
#include "measure/assemble.h"
#include "ring/projected_ring.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace ringattn {
namespace {

constexpr std::array kOrders{ProjectionOrder::split_first, ProjectionOrder::project_first};

class OrdersExaminer {
 public:
  OrdersExaminer(const Case& axes, RingAttention& ring, RankWorld& world, const ProjectedInputs& inputs,
                 ReferenceBook& references, const ExamineOptions& options)
      : axes_(axes),
        ring_(ring),
        world_(world),
        inputs_(inputs),
        x_(inputs),
        references_(references),
        options_(options),
        dtype_(scalar_type(axes.dtype)) {}

  ProjectionOrdersRecord run() {
    ProjectionOrdersRecord record;
    const at::ScalarType logic = dtype_ == at::kDouble ? at::kDouble : at::kFloat;
    std::vector<Partial> results;
    for (const ProjectionOrder order : kOrders) {
      ProjectedRing module = module_of(order, dtype_);
      record.orders.push_back(order_record(module, order, results));
    }
    if (dtype_ != logic) {
      results.clear();
      for (const ProjectionOrder order : kOrders) results.push_back(run_once(order, logic));
    }
    record.against_each_other = numbered(judge_each_other(results[1], results[0], logic));
    if (options_.with_time) time(record);
    return record;
  }

 private:
  ProjectedRing module_of(ProjectionOrder order, at::ScalarType dtype) const {
    return {ring_, fuse(inputs_.projection(dtype)), order};
  }

  Partial run_once(ProjectionOrder order, at::ScalarType dtype) {
    ProjectedRing module = module_of(order, dtype);
    return references_.judged(assemble(module, meter(world_.world(), module, x_, dtype).results));
  }

  ProjectionOrderRecord order_record(ProjectedRing& module, ProjectionOrder order, std::vector<Partial>& results) {
    const MeteredRun metered = meter(world_.world(), module, x_, dtype_);
    results.push_back(references_.judged(assemble(module, metered.results)));
    ProjectionOrderRecord record;
    record.order = to_string(order);
    record.ranks = implementation_record(record.order, "", metered.measurement, {row_bytes(axes_), {}}).ranks;
    const ProjectionSizes& sizes = inputs_.layers().sizes();
    const std::int64_t element = element_bytes(axes_.dtype);
    for (RankRecord& rank : record.ranks) {
      const std::int64_t rows = count(module.key_positions(static_cast<int>(rank.rank), world_.size()));
      record.projected_rows_max = std::max(record.projected_rows_max, rows);
      // x is given once, whatever the seam holds it in place of; keys' masks are no rows of K and V.
      rank.live_bytes = rank.peak_bytes + axes_.batch * rows * sizes.embed() * element;
      rank.rows_received = cost_of(ring_.plan(static_cast<int>(rank.rank)), {}).received_rows;
    }
    record.projected_bytes_max =
        axes_.batch * record.projected_rows_max * (sizes.embed() + 2 * sizes.key_width()) * element;
    record.against_oracle = numbered(judge(results.back()));
    return record;
  }

  NumericVerdict judge(const Partial& result) {
    const Reference& expected = references_.of(ring_.function(), dtype_);
    if (!options_.tolerance) return judge_against_oracle(result, expected.oracle, context_of(expected));
    return judge_tolerance(result, {expected.oracle.out.to(dtype_), {}}, *options_.tolerance, "oracle");
  }

  NumericVerdict judge_each_other(const Partial& old_order, const Partial& new_order, at::ScalarType dtype) {
    const Reference& expected = references_.of(ring_.function(), dtype);
    return judge_tolerance(
        old_order, new_order, options_.tolerance.value_or(Tolerance{}),
        std::string(to_string(ProjectionOrder::split_first)),
        options_.tolerance ? at::Tensor() : allowed_between(expected.sensitivity, expected.projection));
  }

  NumericVerdict numbered(NumericVerdict verdict) const {
    if (!references_.rows().empty()) number_rows(verdict, references_.rows());
    return verdict;
  }

  void time(ProjectionOrdersRecord& record) {
    ProjectedRing fresh = module_of(kOrders[0], dtype_), old = module_of(kOrders[1], dtype_);
    const std::array<TimedContender, 2> contenders{
        {{.world = &world_.world(), .attention = &fresh}, {.world = &world_.world(), .attention = &old}}};
    const TimedRuns timed = time_interleaved(contenders, x_, dtype_, options_.timing);
    if (timed.time_ns[0].empty()) return;
    for (std::size_t i = 0; i < record.orders.size(); ++i) {
      record.orders[i].time_ns = timed.time_ns[i];
      record.orders[i].time_ns_median = interval_record(timed.time_ns[i]);
    }
    record.time_ratio = ratio_record(timed.time_ns[1], timed.time_ns[0]);
  }

  const Case& axes_;
  RingAttention& ring_;
  RankWorld& world_;
  const ProjectedInputs& inputs_;
  UnprojectedInputs x_;
  ReferenceBook& references_;
  const ExamineOptions& options_;
  at::ScalarType dtype_;
};

}  // namespace

ProjectionOrdersRecord examine_projection_orders(const Case& axes, RingAttention& ring, RankWorld& world,
                                                 const ProjectedInputs& inputs, ReferenceBook& references,
                                                 const ExamineOptions& options) {
  if (options.progress) options.progress("both orders of split and projection");
  return OrdersExaminer(axes, ring, world, inputs, references, options).run();
}

bool passed(const ProjectionOrdersRecord& record) {
  return record.against_each_other.passed &&
         std::all_of(record.orders.begin(), record.orders.end(),
                     [](const ProjectionOrderRecord& order) { return order.against_oracle.passed; });
}

void add_projection_orders(CaseRecord& record, ProjectionOrdersRecord orders) {
  if (!passed(orders)) {
    record.outcome = Outcome::new_wrong;
    for (const ProjectionOrderRecord& order : orders.orders) {
      if (!order.against_oracle.passed)
        record.words =
            fmt::format("the module in the order {} is not its oracle: {}", order.order, order.against_oracle.reason);
    }
    if (!orders.against_each_other.passed)
      record.words = "the module's numbers depend on whether rows are split before or after projecting: " +
                     orders.against_each_other.reason;
  }
  record.projection_orders = std::move(orders);
}

}  // namespace ringattn
