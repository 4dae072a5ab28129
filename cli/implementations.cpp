#include "cli/implementations.h"

#include "config/error.h"
#include "ring/factory.h"

namespace ringattn {

namespace {

/// Whether the factory can make it: known names that this version does not run are Unavailable there.
bool is_built(const std::string& name) {
  try {
    resolve_implementation(name);
    return true;
  } catch (const Unavailable&) {
    return false;
  }
}

NewImplementation variant(const std::string& name, const std::string& summary) {
  return {name, summary, is_built(name)};
}

}  // namespace

const std::vector<NewImplementation>& new_implementations() {
  static const std::vector<NewImplementation> list{
      variant("auto", "the variant that the configuration asks for"),
      variant("standard", "StandardRingAttention: exact ring attention, every pattern"),
      variant("hilbert", "HilbertRingAttention: rows along a Hilbert curve"),
      variant("distributed", "DistributedRingAttention: DeepSpeed configuration, heads across ranks, monitoring"),
      variant("block_sparse", "BlockSparseRingAttention: blocks attend chosen blocks"),
  };
  return list;
}

std::vector<std::string> new_implementation_names() {
  std::vector<std::string> names;
  for (const NewImplementation& i : new_implementations()) {
    if (i.built) names.push_back(i.name);
  }
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
