#include "legacy/undivided.h"

#include "legacy/autograd.h"

#include <ATen/ATen.h>

#include <limits>

namespace ringattn::legacy {
namespace {

/// (batch, heads, rows) as a factor of (batch, rows, heads, dim).
at::Tensor per_row(const at::Tensor& factor) { return factor.transpose(1, 2).unsqueeze(-1); }

}  // namespace

UndividedSum::UndividedSum(const at::Tensor& query, Lse rule)
    : rule_(rule),
      out_(at::zeros_like(query)),
      lse_(at::full({query.size(0), query.size(2), query.size(1)}, -std::numeric_limits<double>::infinity(),
                    query.options())) {}

void UndividedSum::add(const ChunkResult& chunk, std::int64_t first) {
  at::Tensor out = out_.narrow(1, first, chunk.out.size(1));
  at::Tensor lse = lse_.narrow(2, first, chunk.out.size(1));
  const at::Tensor larger = at::maximum(lse, chunk.lse);
  const at::Tensor before = (lse - larger).exp();
  const at::Tensor added = (chunk.lse - larger).exp();
  const at::Tensor new_out = out * per_row(before) + chunk.out * per_row(added);
  const at::Tensor new_lse = rule_ == Lse::summed ? larger + (before + added).log() : larger;
  if (!is_recorded(new_out)) {
    out.copy_(new_out);
    lse.copy_(new_lse);
    return;
  }
  const std::int64_t end = first + chunk.out.size(1);
  out_ = at::slice_scatter(out_, new_out, 1, first, end);
  lse_ = at::slice_scatter(lse_, new_lse, 2, first, end);
}

}  // namespace ringattn::legacy
