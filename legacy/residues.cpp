#include "legacy/residues.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace ringattn::legacy {

at::Tensor residue_class(const at::Tensor& all, std::int64_t residue, std::int64_t r) {
  return all.index_select(0, all.remainder(r).eq(residue).nonzero().squeeze(1));
}

void each_segment(std::int64_t n, std::int64_t w,
                  const std::function<void(std::int64_t number, std::int64_t start, std::int64_t length)>& visit) {
  for (std::int64_t number = 0; number * w < n; ++number) visit(number, number * w, std::min(w, n - number * w));
}

ChunkResult with_constant_lse(const at::Tensor& out, double lse) {
  return {out, at::full({out.size(0), out.size(2), out.size(1)}, lse, out.options())};
}

}  // namespace ringattn::legacy
