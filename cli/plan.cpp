#include "attention/mask_source.h"
#include "cli/exit_code.h"
#include "cli/json_output.h"
#include "cli/verbs.h"
#include "config/config_json.h"
#include "config/error.h"
#include "config/names.h"
#include "pattern/block_tiles.h"
#include "plan/choose_layout.h"
#include "plan/cost.h"
#include "report/text.h"
#include "report/units.h"
#include "ring/factory.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace ringattn {
namespace {

/// One case as a plan: built without tensors, for any number of ranks.
struct PlannedCase {
  Case axes;
  Pattern pattern;
  RowLayout layout;
  std::vector<Plan> plans;
  std::optional<BlockCount> blocks{};  ///< where some are left out
  std::string curve{};                 ///< what following a Hilbert curve gains or doesn't
  std::int64_t mask_batch = 0;  ///< batch indices of a mask of keys, which a file may hold for all of them at once
};

std::unique_ptr<MaskSource> mask_of(const Case& axes) {
  return make_mask(axes.mask, {.batch = axes.batch, .seq_len = axes.seq_len, .heads = axes.heads});
}

CostShape shape_of(const PlannedCase& planned) {
  const Case& axes = planned.axes;
  const MaskShape& mask = planned.pattern.function.mask;
  return {.batch = axes.batch,
          .head_dim = axes.head_dim,
          .element_bytes = element_bytes(axes.dtype),
          .state_bytes = axes.dtype == Dtype::fp64 ? 8 : 4,
          .mask_batch = planned.mask_batch,
          .mask_bytes = mask.is_additive ? 4 : 1};
}

PlannedCase plan_case(const RingAttentionConfig& config, const Case& axes, const PlanOptions& options) {
  const std::unique_ptr<MaskSource> mask = mask_of(axes);
  const MaskShape shape = mask != nullptr ? mask->shape() : MaskShape{};
  PlannedCase planned{axes, make_pattern(resolve_function(config, problem_of(axes, shape))), {}, {}};
  if (shape.kind == MaskKind::keys) planned.mask_batch = mask->rows({{.first = 0, .count = 1, .step = 1}}).size(0);
  const auto ranks = static_cast<int>(axes.ranks);
  planned.layout = layout_for(config, planned.pattern, ranks);
  if (planned.pattern.function.blocks.rule != BlockRule::none) planned.blocks = count_blocks(planned.pattern);
  planned.curve = curve_remark(config, planned.pattern, planned.layout);
  if (options.rank && *options.rank >= axes.ranks)
    throw UsageError(fmt::format("--rank {}: must be below the number of ranks, {}", *options.rank, axes.ranks));
  const int first = options.rank ? static_cast<int>(*options.rank) : 0;
  const int last = options.rank ? first : ranks - 1;
  for (int rank = first; rank <= last; ++rank)
    planned.plans.push_back(make_plan(planned.pattern, planned.layout, rank));
  return planned;
}

/// What the plan alone can say of the peak: the kernel's own workspace comes on top.
std::int64_t planned_peak_bytes(const Cost& cost) {
  return cost.state_bytes + std::max(cost.buffer_bytes[0] + cost.buffer_bytes[1], cost.result_bytes);
}

Json cost_json(const Cost& cost) {
  return {{"attended_pairs", cost.attended_pairs},
          {"flops", cost.flops},
          {"received_rows", cost.received_rows},
          {"sent_rows", cost.sent_rows},
          {"received_bytes", cost.received_bytes},
          {"sent_bytes", cost.sent_bytes},
          {"messages", cost.messages},
          {"hops", cost.hops},
          {"kernel_tiles", cost.kernel_tiles},
          {"state_bytes", cost.state_bytes},
          {"buffer_bytes", cost.buffer_bytes[0] + cost.buffer_bytes[1]},
          {"result_bytes", cost.result_bytes},
          {"peak_bytes_without_kernel", planned_peak_bytes(cost)}};
}

std::int64_t rows_of(const std::vector<Transfer>& transfers) {
  std::int64_t rows = 0;
  for (const Transfer& transfer : transfers) rows += transfer.rows();
  return rows;
}

std::string peers_of(const std::vector<Transfer>& transfers) {
  std::string peers;
  for (const Transfer& transfer : transfers)
    peers += fmt::format("{}{} ({})", peers.empty() ? "" : ", ", transfer.peer, transfer.rows());
  return peers.empty() ? "–" : peers;
}

std::int64_t pairs_of(const Step& step) {
  std::int64_t pairs = 0;
  for (const PlanTile& tile : step.tiles) pairs += tile.attended_pairs();
  return pairs;
}

Json step_json(const Step& step, const Case& axes) {
  return {{"hop", step.hop},
          {"source", step.source},
          {"received_rows", rows_of(step.receives)},
          {"sent_rows", rows_of(step.sends)},
          {"tiles", step.tiles.size()},
          {"flops", 4 * axes.batch * axes.head_dim * pairs_of(step)}};
}

Json blocks_json(const BlockCount& count, const BlockSparsity& blocks) {
  return {{"rule", to_string(blocks.rule)}, {"block_size", blocks.block_size}, {"blocks", count.blocks},
          {"active_couples", count.active}, {"couples", count.couples},        {"density", count.density()}};
}

std::string blocks_text(const BlockCount& count, const BlockSparsity& blocks) {
  return fmt::format(
      "blocks of {} ({}): {} of {} couples of blocks and heads are active, measured density {:.4f} of what attends "
      "without them\n",
      blocks.block_size, to_string(blocks.rule), count.active, count.couples, count.density());
}

Json case_json(const PlannedCase& planned) {
  Json ranks = Json::array();
  for (const Plan& plan : planned.plans) {
    Json steps = Json::array();
    for (const Step& step : plan.steps) steps.push_back(step_json(step, planned.axes));
    ranks.push_back({{"rank", plan.rank},
                     {"rows", plan.rows},
                     {"cost", cost_json(cost_of(plan, shape_of(planned)))},
                     {"steps", steps}});
  }
  Json document{{"case", case_id(planned.axes)},
                {"layout", to_string(planned.layout.kind)},
                {"covered_share", covered_share(planned.pattern)}};
  if (planned.blocks) document["blocks"] = blocks_json(*planned.blocks, planned.pattern.function.blocks);
  if (!planned.curve.empty()) document["curve"] = planned.curve;
  document["ranks"] = std::move(ranks);
  return document;
}

std::string steps_table(const PlannedCase& planned, const TextStyle& style) {
  std::vector<std::vector<Cell>> rows;
  for (const Step& step : planned.plans.front().steps) {
    const std::int64_t flops = 4 * planned.axes.batch * planned.axes.head_dim * pairs_of(step);
    rows.push_back({{std::to_string(step.hop)},
                    {std::to_string(step.source)},
                    {peers_of(step.receives)},
                    {peers_of(step.sends)},
                    {std::to_string(step.tiles.size())},
                    {fmt::format("{:.3f}", static_cast<double>(flops) / 1e9)}});
  }
  return render_table({{"hop"}, {"source"}, {"receives from (rows)"}, {"sends to (rows)"}, {"tiles"}, {"GFLOP"}}, rows,
                      style);
}

std::string ranks_table(const PlannedCase& planned, const TextStyle& style) {
  std::vector<std::vector<Cell>> rows;
  for (const Plan& plan : planned.plans) {
    const Cost cost = cost_of(plan, shape_of(planned));
    const auto mib = [](std::int64_t bytes) { return fmt::format("{:.2f}", static_cast<double>(bytes) / (1 << 20)); };
    rows.push_back({{std::to_string(plan.rank)},
                    {human_count(plan.rows)},
                    {std::to_string(cost.hops)},
                    {std::to_string(cost.kernel_tiles)},
                    {fmt::format("{:.3f}", static_cast<double>(cost.flops) / 1e9)},
                    {human_count(cost.received_rows)},
                    {mib(cost.received_bytes)},
                    {mib(cost.sent_bytes)},
                    {std::to_string(cost.messages)},
                    {mib(planned_peak_bytes(cost))}});
  }
  return render_table({{"rank"},
                       {"rows"},
                       {"hops"},
                       {"tiles"},
                       {"GFLOP"},
                       {"received rows"},
                       {"received MiB"},
                       {"sent MiB"},
                       {"messages"},
                       {"peak MiB*"}},
                      rows, style);
}

std::string case_text(const PlannedCase& planned, const PlanOptions& options, const TextStyle& style) {
  std::string text = fmt::format("{} · layout {} · covered share {:.1f} %\n", case_id(planned.axes),
                                 to_string(planned.layout.kind), 100.0 * covered_share(planned.pattern));
  if (planned.blocks) text += blocks_text(*planned.blocks, planned.pattern.function.blocks);
  if (!planned.curve.empty()) text += planned.curve + "\n";
  text += "\n";
  if (options.rank) text += steps_table(planned, style) + "\n";
  return text + ranks_table(planned, style);
}

}  // namespace

int run_plan(const PlanOptions& options, Terminal& terminal) {
  Resolved resolved = options.workload.resolve(options.shared.env);
  resolved.preset.config = variant_config(resolved.preset.implementation, std::move(resolved.preset.config));
  if (options.ranks) resolved.preset.workload.ranks = {*options.ranks};
  Json document = Json::array();
  std::string text;
  for (const Case& axes : expand(resolved.preset.workload)) {
    const PlannedCase planned = plan_case(resolved.preset.config, axes, options);
    document.push_back(case_json(planned));
    text += case_text(planned, options, terminal.style()) + "\n";
    const double share = covered_share(planned.pattern);
    if (share < 1.0)
      terminal.warn(fmt::format("{}: {:.1f} % of the (head, row) results see no key and are 0", case_id(axes),
                                100.0 * (1.0 - share)));
  }
  text += "* above the inputs: running state, receive buffers and result; one kernel call's own memory comes on top.\n";
  show_result(terminal, options.workload.json, json_text(document), text);
  return exit_yes;
}

}  // namespace ringattn
