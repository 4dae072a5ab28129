#include "ring/gradient_check.h"

#include "attention/oracle_gradient.h"
#include "config/error.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace ringattn {
namespace {

constexpr double kFlopsMax = 2e10;
constexpr std::int64_t kSampledRows = 32;

at::Tensor index_of(const Positions& positions) { return at::tensor(expand(positions), at::kLong); }

/// All ranks' rows of dimension `dim`, at their positions.
at::Tensor gather_rows(Communicator& communicator, const Attention& attention, const at::Tensor& own, int dim,
                       std::int64_t seq_len) {
  const at::Tensor mine = own.detach().cpu().contiguous();
  std::vector<std::int64_t> sizes = mine.sizes().vec();
  std::vector<at::Tensor> parts;
  std::vector<Block> blocks;
  const auto block_of = [](const at::Tensor& tensor) {
    const auto bytes = static_cast<std::int64_t>(tensor.nbytes());
    return Block{static_cast<std::byte*>(tensor.data_ptr()), bytes > 0 ? 1 : 0, bytes, bytes};
  };
  for (int rank = 0; rank < communicator.world_size(); ++rank) {
    sizes[static_cast<std::size_t>(dim)] = count(attention.query_positions(rank, communicator.world_size()));
    parts.push_back(rank == communicator.rank() ? mine : at::empty(sizes, mine.options()));
    blocks.push_back(block_of(parts.back()));
  }
  communicator.all_gather(block_of(mine), blocks);
  sizes[static_cast<std::size_t>(dim)] = seq_len;
  at::Tensor full = at::empty(sizes, mine.options());
  for (int rank = 0; rank < communicator.world_size(); ++rank)
    full.index_copy_(dim, index_of(attention.query_positions(rank, communicator.world_size())),
                     parts[static_cast<std::size_t>(rank)]);
  return full;
}

struct Roundoff {
  double unit;
  double factor;
};
Roundoff roundoff(at::ScalarType type) {
  switch (type) {
    case at::kDouble:
      return {std::ldexp(1.0, -53), 64.0};
    case at::kFloat:
      return {std::ldexp(1.0, -24), 64.0};
    case at::kHalf:
      return {std::ldexp(1.0, -11), 16.0};
    default:
      return {std::ldexp(1.0, -8), 16.0};
  }
}

/// got, want: (batch, rows, heads, dim); sensitivity: (batch, rows, heads).
void check_rows(int rank, const char* name, const at::Tensor& got, const at::Tensor& want,
                const at::Tensor& sensitivity, const at::Tensor& positions) {
  const Roundoff r = roundoff(got.scalar_type());
  const at::Tensor wide = got.cpu().to(at::kDouble);
  const at::Tensor allowed = (sensitivity.unsqueeze(-1) + want.abs()) * (r.factor * r.unit) + 1e-300;
  const at::Tensor ratio = at::nan_to_num((wide - want).abs() / allowed, 1e30, 1e30, 1e30);
  if (ratio.numel() == 0 || ratio.max().item<double>() <= 1.0) return;
  const std::int64_t flat = ratio.argmax().item<std::int64_t>();
  const std::int64_t row = flat / (want.size(2) * want.size(3)) % want.size(1);
  throw RuntimeFailure(fmt::format(
      "rank {}: validate_gradients: {} at position {} is {:.6g}, the oracle's is {:.6g} and may be off by {:.2g}", rank,
      name, positions[row].item<std::int64_t>(), wide.flatten()[flat].item<double>(),
      want.flatten()[flat].item<double>(), allowed.flatten()[flat].item<double>()));
}

void check_finite(int rank, const char* name, const at::Tensor& gradient) {
  if (at::isfinite(gradient).all().item<bool>()) return;
  throw RuntimeFailure(fmt::format("rank {}: validate_gradients: {} is not finite", rank, name));
}

}  // namespace

std::string check_gradients(const Attention& attention, Communicator& communicator, const RankInputs& inputs,
                            const at::Tensor& grad_out, const Gradients& gradients) {
  const AttentionFunction& function = attention.function();
  const int rank = communicator.rank();
  const auto gathered = [&](const at::Tensor& own, int dim) {
    return gather_rows(communicator, attention, own, dim, function.seq_len);
  };
  const at::Tensor query = gathered(inputs.query, 1), key = gathered(inputs.key, 1), value = gathered(inputs.value, 1),
                   dout = gathered(grad_out, 1);
  at::Tensor mask;
  if (inputs.mask.defined()) mask = gathered(inputs.mask, function.mask.kind == MaskKind::keys ? 1 : 2);

  const at::Tensor own = index_of(attention.query_positions(rank, communicator.world_size()));
  const double n = static_cast<double>(function.seq_len);
  const double flops = 14.0 * static_cast<double>(query.size(0) * query.size(2) * query.size(3)) * n * n;
  const KeyValueSource source = [&](std::int64_t first, std::int64_t rows) {
    return KeyValueRows{key.narrow(1, first, rows), value.narrow(1, first, rows)};
  };
  if (own.size(0) == 0) return "no rows";
  if (flops <= kFlopsMax) {
    const OracleGradient oracle = evaluate_oracle_gradient(
        function, query, source, dout,
        {.key_rows = expand(attention.query_positions(rank, communicator.world_size())), .sensitivity = true},
        {.mask = mask});
    const auto rows = [&](const at::Tensor& all) { return all.index_select(1, own); };
    check_rows(rank, "dq", gradients.query, rows(oracle.query), rows(oracle.sensitivity.query), own);
    check_rows(rank, "dk", gradients.key, oracle.key, oracle.sensitivity.key, own);
    check_rows(rank, "dv", gradients.value, oracle.value, oracle.sensitivity.value, own);
    return "all rows";
  }
  const std::int64_t step = std::max<std::int64_t>(1, own.size(0) / kSampledRows);
  const at::Tensor local = at::arange(0, own.size(0), step, at::kLong), chosen = own.index_select(0, local);
  const std::vector<std::int64_t> positions(chosen.data_ptr<std::int64_t>(),
                                            chosen.data_ptr<std::int64_t>() + chosen.numel());
  const at::Tensor row_mask =
      mask.defined() && function.mask.kind == MaskKind::scores ? mask.index_select(2, chosen) : mask;
  const OracleGradient oracle = evaluate_oracle_gradient(
      function, query.index_select(1, chosen), source, dout.index_select(1, chosen),
      {.key_rows = {positions.front()}, .sensitivity = true}, {.query_rows = positions, .mask = row_mask});
  check_rows(rank, "dq", gradients.query.cpu().index_select(1, local), oracle.query, oracle.sensitivity.query, chosen);
  check_finite(rank, "dk", gradients.key);
  check_finite(rank, "dv", gradients.value);
  return fmt::format("{} rows of dq", positions.size());
}

}  // namespace ringattn
