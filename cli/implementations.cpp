#include "cli/implementations.h"

namespace ringattn {

const std::vector<NewImplementation>& new_implementations() {
  static const std::vector<NewImplementation> list{
      {"auto", "the variant that the configuration asks for"},
      {"standard", "StandardRingAttention: exact ring attention, every pattern"},
      {"hilbert", "HilbertRingAttention: rows along a Hilbert curve"},
      {"distributed", "DistributedRingAttention: DeepSpeed configuration, heads across ranks, monitoring"},
      {"block_sparse", "BlockSparseRingAttention: blocks attend chosen blocks"},
  };
  return list;
}

std::vector<std::string> new_implementation_names() {
  std::vector<std::string> names;
  for (const NewImplementation& i : new_implementations()) names.push_back(i.name);
  return names;
}

std::vector<std::string> old_implementation_names() {
  std::vector<std::string> names;
  for (const OldImplementation& i : old_implementations()) {
    if (i.runnable) names.push_back(i.name);
  }
  return names;
}

}  // namespace ringattn
