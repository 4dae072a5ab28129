#include "attention/projection.h"

#include "attention/module_inputs.h"
#include "attention/safetensors.h"
#include "config/error.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <unistd.h>

namespace ringattn {
namespace {

constexpr ProjectionSizes kSizes{.heads = 3, .head_dim = 4, .kv_heads = 3};
const Positions kAll{{.first = 0, .count = 10, .step = 1}};

/// A file of these tensors, gone when the test ends.
class File {
 public:
  explicit File(const NamedTensors& tensors)
      : path_(std::filesystem::temp_directory_path() /
              ("ringattn-projection-" + std::to_string(getpid()) + ".safetensors")) {
    write_safetensors(path_, tensors);
  }
  ~File() { std::filesystem::remove(path_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::unique_ptr<XSource> x_of(std::int64_t embed) {
  return generated_x({.seed = 7, .batch = 2, .seq_len = 10, .embed = embed});
}

std::string refusal(const std::string& spec, const ProjectionSizes& sizes) {
  try {
    file_projection(spec, sizes);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("identity layers hand x on as query, key and value, bit for bit, in every dtype") {
  const ProjectedInputs inputs(x_of(12), identity_projection(kSizes), nullptr);
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf, at::kDouble}) {
    const at::Tensor x = inputs.x().rows(kAll, dtype);
    for (const InputTensor which : {InputTensor::query, InputTensor::key, InputTensor::value})
      CHECK(at::equal(inputs.rows(which, kAll, dtype).flatten(2), x));
    CHECK(inputs.projection(dtype).is_identity());
    CHECK(at::equal(UnprojectedInputs(inputs).rows(InputTensor::key, kAll, dtype).flatten(2), x));
    const at::Tensor core = inputs.rows(InputTensor::query, kAll, dtype);
    CHECK(at::equal(inputs.projection(dtype).project_out(core), core));
  }
  CHECK_THROWS_WITH_AS(
      identity_projection({.heads = 4, .head_dim = 2, .kv_heads = 2}),
      "--projection identity: 2 key and value heads are fewer than 4 query heads, so no identity leads "
      "to them; use random",
      UsageError);
}

TEST_CASE("x is a function of batch, position and channel: neither which rows are asked for nor the heads change it") {
  const Positions some{{.first = 9, .count = 1, .step = 1}, {.first = 2, .count = 2, .step = 3}};
  const auto x = x_of(12);
  CHECK(at::equal(x->rows(some, at::kFloat), x->rows(kAll, at::kFloat).index_select(1, at::tensor({9, 2, 5}))));
  CHECK(at::equal(x->rows(kAll, at::kFloat).narrow(2, 0, 8), x_of(8)->rows(kAll, at::kFloat)));
  const auto other = generated_x({.seed = 8, .batch = 2, .seq_len = 10, .embed = 12});
  CHECK_FALSE(at::equal(x->rows(kAll, at::kFloat), other->rows(kAll, at::kFloat)));
}

TEST_CASE("a rank projects its own rows alone, and gets what they are in the whole") {
  const ProjectedInputs inputs(x_of(12), random_projection({.heads = 3, .head_dim = 4, .kv_heads = 1}, 5), nullptr);
  const Positions own{{.first = 4, .count = 3, .step = 1}};
  for (const InputTensor which : {InputTensor::query, InputTensor::value}) {
    const at::Tensor whole = inputs.exact_rows(which, kAll, at::kFloat);
    CHECK(at::allclose(inputs.exact_rows(which, own, at::kFloat), whole.narrow(1, 4, 3), 1e-14, 1e-14));
    CHECK(at::allclose(inputs.rows(which, own, at::kFloat).to(at::kDouble), whole.narrow(1, 4, 3), 1e-5, 1e-5));
  }
  CHECK(inputs.rows(InputTensor::key, own, at::kFloat).sizes() == at::IntArrayRef({2, 3, 1, 4}));
  CHECK_THROWS_WITH_AS(ProjectedInputs(x_of(10), identity_projection(kSizes), nullptr),
                       "x: has 10 channels, must have heads · head_dim = 3 · 4 = 12; give -a heads=… and -a head_dim=…",
                       UsageError);
}

TEST_CASE("random weights depend on the seed, the layer and their place, and have about the variance 1/embed") {
  const ProjectionSizes sizes{.heads = 8, .head_dim = 16, .kv_heads = 8};
  const Projection one = random_projection(sizes, 1), again = random_projection(sizes, 1);
  const at::Tensor& query = one.layer(InputTensor::query).weight;
  CHECK(at::equal(query, again.layer(InputTensor::query).weight));
  CHECK_FALSE(at::equal(query, one.layer(InputTensor::key).weight));
  CHECK_FALSE(at::equal(query, one.out_layer().weight));
  CHECK_FALSE(at::equal(query, random_projection(sizes, 2).layer(InputTensor::query).weight));
  CHECK(query.var().item<double>() * 128.0 == doctest::Approx(1.0).epsilon(0.05));
}

TEST_CASE("layers survive a file under the names of recordings, fused or apart, in a set or alone") {
  Projection random = random_projection(kSizes, 3);
  const auto biased = [](const LinearLayer& layer) { return LinearLayer{layer.weight, layer.weight.select(1, 0)}; };
  const Projection given(kSizes, biased(random.layer(InputTensor::query)), biased(random.layer(InputTensor::key)),
                         biased(random.layer(InputTensor::value)), random.out_layer());
  NamedTensors fused, apart;
  for (const auto& [name, tensor] : named_layers(given)) {
    const bool is_fused = name.starts_with("qkv_proj");
    if (is_fused || name.starts_with("out_proj")) fused.emplace_back("inputs/s1/" + name, tensor.contiguous());
    if (!is_fused) apart.emplace_back(name, tensor.contiguous());
  }
  const auto is_same = [&](const Projection& read) {
    const at::Tensor x = x_of(12)->rows(kAll, at::kFloat);
    for (const InputTensor which : {InputTensor::query, InputTensor::key, InputTensor::value})
      if (!at::equal(read.project(which, x), given.project(which, x))) return false;
    return at::equal(read.project_out(given.project(InputTensor::value, x)),
                     given.project_out(given.project(InputTensor::value, x)));
  };
  {
    const File file(fused);
    CHECK(is_same(file_projection(file.path() + "#s1", kSizes)));
    CHECK(refusal(file.path() + "#s1", {.heads = 4, .head_dim = 4, .kv_heads = 4}) ==
          file.path() +
              ": tensor 'inputs/s1/out_proj.weight' has shape (12, 12), must be (16, 16): embed = heads · head_dim = 4 "
              "· 4 (-a heads=…, -a head_dim=…)");
    CHECK(refusal(file.path(), kSizes).find("out_proj.weight") != std::string::npos);
  }
  const File file(apart);
  CHECK(is_same(file_projection(file.path(), kSizes)));
  CHECK(refusal(file.path(), {.heads = 3, .head_dim = 4, .kv_heads = 1}) ==
        file.path() +
            ": tensor 'k_proj.weight' has shape (12, 12), must be (4, 12): embed = heads · head_dim = 3 · 4 "
            "(-a heads=…, -a head_dim=…)");
}

}  // namespace ringattn
