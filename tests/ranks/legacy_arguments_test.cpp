#include "../support/released_run.h"
#include "legacy/raises.h"

#include <doctest/doctest.h>

#include <string>

namespace ringattn {
namespace {

using testing::NamedTensors;
using testing::Projected;
using testing::projected;
using testing::random_tensor;
using testing::run_released;

legacy::ReleasedArguments arguments_of(Json constructor) {
  return {.segment_lengths = {4, 8}, .dilation_rates = {1, 2}, .constructor = std::move(constructor)};
}

/// Random biases of both projections.
Projected with_biases() {
  Projected all = projected(2, 16, 2, 4, 3);
  all.x["qkv_proj.bias"] = random_tensor({3 * all.embed_dim}, 5);
  all.x["out_proj.bias"] = random_tensor({all.embed_dim}, 6);
  return all;
}

NamedTensors without_biases(NamedTensors inputs) {
  inputs.erase("qkv_proj.bias");
  inputs.erase("out_proj.bias");
  return inputs;
}

at::Tensor alone(const std::string& alias, const NamedTensors& inputs, const Json& constructor) {
  at::Tensor out;
  World world(1);
  world.run([&](Communicator& communicator) {
    out = legacy::run_released(*legacy::find_released(alias), communicator, legacy::ReleasedInputs(inputs),
                               arguments_of(constructor));
  });
  return out;
}

bool is_same(const at::Tensor& a, const at::Tensor& b) { return at::allclose(a, b, 1e-5, 1e-6); }

TEST_CASE("bias=False leaves the projections without biases, though the recorded set has some for other calls") {
  const Projected all = with_biases();
  for (const char* alias : {"correct", "v3", "sdpa", "memory_efficient", "hilbert_proper"}) {
    CAPTURE(alias);
    const Json given = {{"embed_dim", all.embed_dim}, {"num_heads", all.heads}};
    Json none = given;
    none["bias"] = false;
    CHECK(is_same(alone(alias, all.x, none), alone(alias, without_biases(all.x), given)));
    CHECK_FALSE(is_same(alone(alias, all.x, none), alone(alias, all.x, given)));
  }
}

TEST_CASE("a class that took bias among what it ignored keeps its biases") {
  const Projected all = with_biases();
  const Json given = {{"dim", all.embed_dim}, {"heads", all.heads}};
  Json none = given;
  none["bias"] = false;
  CHECK(is_same(alone("hilbert_core", all.x, none), alone("hilbert_core", all.x, given)));
}

TEST_CASE("a LayerNorm whose weights nobody recorded is as its constructor made it") {
  const Projected all = with_biases();
  Json normed = {{"embed_dim", all.embed_dim},
                 {"num_heads", all.heads},
                 {"use_flash_attention", false},
                 {"layer_norm", true},
                 {"gamma_init", 0.5}};
  NamedTensors recorded = all.x;
  for (const std::string name : {"q", "k"}) {
    recorded[name + "_norm.weight"] = at::ones({4});
    recorded[name + "_norm.bias"] = at::zeros({4});
    recorded["gamma_" + name] = at::full({4}, 0.5);
  }
  CHECK(is_same(alone("ring_mha_b", all.x, normed), alone("ring_mha_b", recorded, normed)));
}

TEST_CASE("the first Fixed on fewer ranks than there are: those make a ring, the others work alone") {
  const NamedTensors inputs{{"query", random_tensor({1, 2, 4, 4}, 1)},
                            {"key", random_tensor({1, 2, 4, 4}, 2)},
                            {"value", random_tensor({1, 2, 4, 4}, 3)}};
  World one(1), two(2), three(3);
  legacy::ReleasedArguments arguments = arguments_of(Json::object());
  const auto by_two = run_released(two, "fixed_1", inputs, arguments);
  const auto by_one = run_released(one, "fixed_1", inputs, arguments);
  arguments.ring_size = 2;
  const auto by_three = run_released(three, "fixed_1", inputs, arguments);
  CHECK(is_same(by_three[0], by_two[0]));
  CHECK(is_same(by_three[1], by_two[1]));
  CHECK(is_same(by_three[2], by_one[0]));
}

TEST_CASE("a rank outside the ring of a hybrid has no rows to attend, and raises; those inside wait for it") {
  const NamedTensors inputs{{"query", random_tensor({1, 24, 4, 4}, 1)},
                            {"key", random_tensor({1, 24, 4, 4}, 2)},
                            {"value", random_tensor({1, 24, 4, 4}, 3)}};
  legacy::ReleasedArguments arguments = arguments_of({{"use_flash_attention", false}});
  arguments.segment_lengths = {8, 12};
  arguments.ring_size = 2;
  arguments.is_patched = arguments.reports_waits = true;
  for (const auto& [alias, error] : {std::pair{"hybrid", "RuntimeError"}, {"hybrid_fixed", "IndexError"}}) {
    CAPTURE(alias);
    const legacy::ReleasedEntry& entry = *legacy::find_released(alias);
    std::vector<std::string> raised(3);
    World world(3);
    world.run([&](Communicator& communicator) {
      try {
        legacy::run_released(entry, communicator, legacy::ReleasedInputs(inputs), arguments);
      } catch (const ReleasedCodeRaised& words) {
        raised[static_cast<std::size_t>(communicator.rank())] = words.what();
      }
    });
    CHECK(raised[0].find("deadlock") != std::string::npos);
    CHECK(raised[1].find("deadlock") != std::string::npos);
    CHECK(raised[2].find(error) != std::string::npos);
  }
}

}  // namespace
}  // namespace ringattn
