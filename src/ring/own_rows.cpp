#include "ring/own_rows.h"

#include <ATen/ATen.h>

#include <vector>

namespace ringattn {

at::Tensor own_rows(const at::Tensor& full, const Positions& positions, int dim) {
  std::vector<at::Tensor> runs;
  for (const PositionRun& run : positions)
    runs.push_back(full.slice(dim, run.first, run.first + (run.count - 1) * run.step + 1, run.step));
  if (runs.empty()) return full.narrow(dim, 0, 0);
  return runs.size() == 1 ? runs.front() : at::cat(runs, dim);
}

}  // namespace ringattn
