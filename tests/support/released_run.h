#pragma once

#include "comm/world.h"
#include "legacy/released.h"

#include <ATen/ATen.h>

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace ringattn::testing {

using NamedTensors = std::map<std::string, at::Tensor, std::less<>>;

/// The same numbers for the same seed.
inline at::Tensor random_tensor(const std::vector<std::int64_t>& sizes, std::uint64_t seed) {
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU).clone();
  generator.set_current_seed(seed);
  return at::randn(sizes, generator, at::TensorOptions().dtype(at::kFloat));
}

/// One x with random projections, and the query, key and value that come of it: a class that projects and one that does
/// not can be given the same. The output projection is the identity, all biases are 0.
struct Projected {
  NamedTensors x;    ///< "x" (batch, n, E), "qkv_proj.weight" …
  NamedTensors qkv;  ///< "query", "key", "value" (batch, n, heads, dim)
  std::int64_t embed_dim = 0, heads = 0;
};

inline Projected projected(std::int64_t batch, std::int64_t n, std::int64_t heads, std::int64_t dim,
                           std::uint64_t seed) {
  const std::int64_t embed = heads * dim;
  const at::Tensor x = random_tensor({batch, n, embed}, seed);
  const at::Tensor weight = random_tensor({3 * embed, embed}, seed + 1) / 2.0;
  const at::Tensor all = x.matmul(weight.t()).reshape({batch, n, 3, heads, dim});
  const auto part = [&](std::int64_t which) { return all.select(2, which).contiguous(); };
  return {{{"x", x},
           {"qkv_proj.weight", weight},
           {"qkv_proj.bias", at::zeros({3 * embed})},
           {"out_proj.weight", at::eye(embed)},
           {"out_proj.bias", at::zeros({embed})}},
          {{"query", part(0)}, {"key", part(1)}, {"value", part(2)}},
          embed,
          heads};
}

/// What each rank got from the released class; every rank has copies of the inputs of its own. Throws what a rank
/// threw.
inline std::vector<at::Tensor> run_released(World& world, const std::string& alias, const NamedTensors& inputs,
                                            const legacy::ReleasedArguments& arguments) {
  const legacy::ReleasedEntry* entry = legacy::find_released(alias);
  if (entry == nullptr || entry->run == nullptr) throw std::logic_error(alias + " cannot be run");
  std::vector<at::Tensor> outs(static_cast<std::size_t>(world.size()));
  world.run([&](Communicator& communicator) {
    NamedTensors own = inputs;
    for (auto& [name, tensor] : own) tensor = tensor.clone();
    outs[static_cast<std::size_t>(communicator.rank())] =
        entry->run(communicator, legacy::ReleasedInputs(own), arguments);
  });
  return outs;
}

}  // namespace ringattn::testing
