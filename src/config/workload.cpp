#include "config/workload.h"

namespace ringattn {

std::int64_t element_bytes(Dtype dtype) {
  switch (dtype) {
    case Dtype::fp64:
      return 8;
    case Dtype::fp32:
      return 4;
    case Dtype::bf16:
    case Dtype::fp16:
      return 2;
  }
  return 0;
}

std::string case_id(const Case& c) {
  return "b" + std::to_string(c.batch) + "/n" + std::to_string(c.seq_len) + "/h" + std::to_string(c.heads) + "/d" +
         std::to_string(c.head_dim) + "/" + std::string(to_string(c.dtype)) + (c.is_causal ? "/causal" : "/full") +
         "/k" + std::to_string(c.ranks);
}

std::vector<Case> expand(const Workload& workload) {
  std::vector<Case> cases;
  for (const std::int64_t batch : workload.batch)
    for (const std::int64_t seq_len : workload.seq_len)
      for (const std::int64_t heads : workload.heads)
        for (const std::int64_t head_dim : workload.head_dim)
          for (const Dtype dtype : workload.dtype)
            for (const bool is_causal : workload.is_causal)
              for (const std::int64_t ranks : workload.ranks)
                cases.push_back({batch, seq_len, heads, head_dim, dtype, is_causal, ranks});
  return cases;
}

}  // namespace ringattn
