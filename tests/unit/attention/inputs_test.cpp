#include "attention/inputs.h"

#include "attention/safetensors.h"
#include "config/error.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <cstdio>
#include <string>

namespace ringattn {
namespace {

GeneratedInputOptions small() { return {.seed = 42, .batch = 2, .seq_len = 100, .heads = 3, .head_dim = 10}; }

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& name) : path("ringattn_inputs_test_" + name) {}
  ~TemporaryFile() { std::remove(path.c_str()); }
  const std::string path;
};

TEST_CASE("generated rows are the same whoever builds them, in whatever pieces") {
  const auto inputs = generated_inputs(small());
  const at::Tensor all = inputs->rows(InputTensor::key, {{0, 100, 1}}, at::kFloat);
  CHECK(all.sizes() == at::IntArrayRef({2, 100, 3, 10}));
  CHECK(all.is_contiguous());
  const at::Tensor some = inputs->rows(InputTensor::key, {{60, 4, 1}, {3, 5, 7}}, at::kFloat);
  CHECK(some.size(1) == 9);
  CHECK(at::equal(some.slice(1, 0, 4), all.slice(1, 60, 64)));
  CHECK(at::equal(some.slice(1, 4, 9), all.slice(1, 3, 32, 7)));
  auto longer = small();
  longer.seq_len = 1000;
  longer.heads = 4;
  longer.batch = 3;
  const at::Tensor of_longer = generated_inputs(longer)->rows(InputTensor::key, {{0, 100, 1}}, at::kFloat);
  CHECK(at::equal(of_longer.slice(0, 0, 2).slice(2, 0, 3), all));
}

TEST_CASE("generated values are pinned: a report of today can be repeated in years") {
  const at::Tensor row = generated_inputs(small())->rows(InputTensor::query, {{7, 1, 1}}, at::kFloat);
  CHECK(row[1][0][2][9].item<float>() == -0x1.619F78p+0F);
  CHECK(row[0][0][0][0].item<float>() == -0x1.31FCE2p-1F);
}

TEST_CASE("seed, tensor, batch, position and head each change the values") {
  auto other = small();
  other.seed = 42 + (std::uint64_t{1} << 32);
  const auto rows = [](const GeneratedInputOptions& options, InputTensor which) {
    return generated_inputs(options)->rows(which, {{0, 2, 1}}, at::kFloat);
  };
  const at::Tensor query = rows(small(), InputTensor::query);
  const auto differ = [](const at::Tensor& a, const at::Tensor& b) { return at::ne(a, b).all().item<bool>(); };
  CHECK(differ(query, rows(other, InputTensor::query)));
  CHECK(differ(query, rows(small(), InputTensor::key)));
  CHECK(differ(query, rows(small(), InputTensor::value)));
  CHECK(differ(query[0], query[1]));
  CHECK(differ(query.select(1, 0), query.select(1, 1)));
  CHECK(differ(query.select(2, 0), query.select(2, 1)));
}

TEST_CASE("grad_out is a stream of its own, as the query is shaped, and normal whatever the distribution") {
  auto options = small();
  options.kv_heads = 1;
  const Positions all{{0, 100, 1}};
  const at::Tensor rows = generated_inputs(options)->rows(InputTensor::grad_out, all, at::kFloat);
  const at::Tensor query = generated_inputs(options)->rows(InputTensor::query, all, at::kFloat);
  CHECK(rows.sizes() == query.sizes());
  CHECK(at::ne(rows, query).all().item<bool>());
  options.distribution = InputDistribution::large_logits;
  CHECK(at::equal(generated_inputs(options)->rows(InputTensor::grad_out, all, at::kFloat), rows));
}

TEST_CASE("grad_out of chosen rows alone") {
  const auto inputs = generated_inputs(small());
  const auto sparse = with_grad_out_of(*inputs, {3, 7, 99});
  const Positions some{{1, 5, 2}, {99, 1, 1}};  // 1 3 5 7 9 99
  const at::Tensor seen = sparse->rows(InputTensor::grad_out, some, at::kFloat);
  const at::Tensor all = inputs->rows(InputTensor::grad_out, some, at::kFloat);
  for (const std::int64_t row : {1, 3, 5}) CHECK(at::equal(seen.select(1, row), all.select(1, row)));
  for (const std::int64_t row : {0, 2, 4}) CHECK(seen.select(1, row).eq(0).all().item<bool>());
  CHECK(at::equal(sparse->rows(InputTensor::key, some, at::kFloat), inputs->rows(InputTensor::key, some, at::kFloat)));
}

TEST_CASE("other dtypes hold the rounded fp32 numbers") {
  const auto inputs = generated_inputs(small());
  const Positions all{{0, 100, 1}};
  const at::Tensor fp32 = inputs->rows(InputTensor::value, all, at::kFloat);
  for (at::ScalarType dtype : {at::kBFloat16, at::kHalf, at::kDouble}) {
    const at::Tensor rows = inputs->rows(InputTensor::value, all, dtype);
    CHECK((rows.scalar_type() == dtype));
    CHECK(at::equal(rows, fp32.to(dtype)));
  }
}

TEST_CASE("no rows are an empty tensor") {
  const auto inputs = generated_inputs(small());
  CHECK(inputs->rows(InputTensor::query, {}, at::kFloat).sizes() == at::IntArrayRef({2, 0, 3, 10}));
  CHECK(inputs->rows(InputTensor::query, {{200, 0, 1}}, at::kBFloat16).numel() == 0);
}

TEST_CASE("positions, dtypes and sizes that make no sense are refused by name") {
  const auto inputs = generated_inputs(small());
  CHECK_THROWS_WITH_AS(inputs->rows(InputTensor::query, {{96, 5, 1}}, at::kFloat),
                       "query: positions 96 … 100, must be within 0 … 99", UsageError);
  CHECK_THROWS_WITH_AS(inputs->rows(InputTensor::key, {{4, 3, -3}}, at::kFloat),
                       "key: positions 4 … -2, must be within 0 … 99", UsageError);
  CHECK_THROWS_WITH_AS(inputs->rows(InputTensor::query, {}, at::kInt), "dtype: Int, must be fp32, bf16, fp16 or fp64",
                       UsageError);
  auto wrong = small();
  wrong.heads = 0;
  CHECK_THROWS_WITH_AS(generated_inputs(wrong), "heads: 0, must be 1 … 65536", UsageError);
  wrong = small();
  wrong.seq_len = -1;
  CHECK_THROWS_WITH_AS(generated_inputs(wrong), "seq_len: -1, must be 1 … 281474976710656", UsageError);
}

TEST_CASE("rows of a file are its rows, converted to the asked dtype") {
  const TemporaryFile file("rows.safetensors");
  const at::Tensor query = at::arange(2 * 5 * 3 * 4, at::kDouble).view({2, 5, 3, 4}) / 7;
  write_safetensors(file.path,
                    {{"query", query}, {"key", (query + 1).to(at::kFloat)}, {"value", (query + 2).to(at::kHalf)}});
  const auto inputs = file_inputs(file.path);
  CHECK(inputs->batch() == 2);
  CHECK(inputs->seq_len() == 5);
  CHECK(inputs->heads() == 3);
  CHECK(inputs->head_dim() == 4);
  CHECK(at::equal(inputs->rows(InputTensor::query, {{3, 2, -2}}, at::kDouble),
                  query.index_select(1, at::tensor({3, 1}))));
  CHECK(at::equal(inputs->rows(InputTensor::query, {{0, 5, 1}}, at::kBFloat16), query.to(at::kBFloat16)));
  CHECK(at::equal(inputs->rows(InputTensor::key, {{2, 1, 1}}, at::kFloat), (query + 1).to(at::kFloat).slice(1, 2, 3)));
  CHECK(at::equal(inputs->rows(InputTensor::value, {{4, 1, 1}}, at::kHalf), (query + 2).to(at::kHalf).slice(1, 4, 5)));
  CHECK_THROWS_AS(inputs->rows(InputTensor::value, {{5, 1, 1}}, at::kHalf), UsageError);
}

TEST_CASE("a file without usable inputs is refused with file, tensor and shape") {
  const TemporaryFile file("bad.safetensors");
  const at::Tensor good = at::zeros({1, 4, 2, 8});
  const auto refusal = [&](const NamedTensors& tensors) -> std::string {
    write_safetensors(file.path, tensors);
    try {
      file_inputs(file.path);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  CHECK(refusal({{"query", good}, {"key", good}, {"v", good}}) ==
        file.path + ": no tensor 'value'; the file has key, query, v");
  CHECK(refusal({{"query", good}, {"key", at::zeros({1, 5, 2, 8})}, {"value", good}}) ==
        file.path + ": tensor 'key' has shape (1, 5, 2, 8), 'query' has (1, 4, 2, 8)");
  CHECK(refusal({{"query", good[0]}, {"key", good}, {"value", good}}) ==
        file.path + ": tensor 'query' has shape (4, 2, 8), must be (batch, seq, heads, dim), none of them 0");
  const at::Tensor empty = at::zeros({1, 0, 2, 8});
  CHECK(refusal({{"query", empty}, {"key", empty}, {"value", empty}}) ==
        file.path + ": tensor 'query' has shape (1, 0, 2, 8), must be (batch, seq, heads, dim), none of them 0");
  CHECK(refusal({{"query", good}, {"key", good}, {"value", good.to(at::kInt)}}) ==
        file.path + ": tensor 'value' has dtype Int, must be a floating one");
  CHECK_THROWS_WITH_AS(file_inputs("no/such/file"), "no/such/file: cannot be opened: No such file or directory",
                       UsageError);
}

TEST_CASE("key and value may have fewer heads, which are the first heads of the whole set") {
  auto grouped = small();
  grouped.heads = 4;
  grouped.kv_heads = 2;
  const auto inputs = generated_inputs(grouped);
  CHECK(inputs->kv_heads() == 2);
  CHECK(generated_inputs(small())->kv_heads() == 3);
  const Positions some{{4, 3, 1}};
  CHECK(inputs->rows(InputTensor::query, some, at::kFloat).sizes() == at::IntArrayRef({2, 3, 4, 10}));
  const at::Tensor key = inputs->rows(InputTensor::key, some, at::kFloat);
  CHECK(at::equal(key, generated_inputs(small())->rows(InputTensor::key, some, at::kFloat).slice(2, 0, 2)));
  grouped.kv_heads = 3;
  CHECK_THROWS_WITH_AS(generated_inputs(grouped), "kv_heads: 3 does not divide heads 4", UsageError);
}

TEST_CASE("inputs hand out their mask's rows, and refuse positions outside") {
  auto masked = small();
  CHECK(generated_inputs(masked)->mask_shape() == MaskShape{});
  CHECK_FALSE(generated_inputs(masked)->mask({{0, 1, 1}}).defined());
  masked.mask = "padding";
  const auto inputs = generated_inputs(masked);
  CHECK((inputs->mask_shape().kind == MaskKind::keys));
  CHECK(inputs->mask({{0, 100, 1}}).sizes() == at::IntArrayRef({2, 100}));
  CHECK_THROWS_WITH_AS(inputs->mask({{100, 1, 1}}), "mask: positions 100 … 100, must be within 0 … 99", UsageError);
}

TEST_CASE("a file's key and value may have fewer heads, and its mask is used when asked for") {
  const TemporaryFile file("grouped.safetensors");
  const at::Tensor query = at::randn({2, 5, 4, 3}), key = at::randn({2, 5, 2, 3}), value = at::randn({2, 5, 2, 3});
  const at::Tensor mask = at::ones({2, 5}, at::kBool);
  write_safetensors(file.path, {{"query", query}, {"key", key}, {"value", value}, {"mask", mask}});
  CHECK(file_has_mask(file.path));
  CHECK(file_inputs(file.path)->mask_shape() == MaskShape{});
  const auto inputs = file_inputs(file.path, "inputs");
  CHECK(inputs->kv_heads() == 2);
  CHECK(at::equal(inputs->rows(InputTensor::value, {{1, 2, 2}}, at::kFloat), value.slice(1, 1, 5, 2)));
  CHECK(at::equal(inputs->mask({{0, 5, 1}}), mask));
  CHECK((file_inputs(file.path, "random", 3)->mask_shape().kind == MaskKind::scores));
  write_safetensors(file.path, {{"query", query}, {"key", key}, {"value", query}});
  CHECK_THROWS_WITH_AS(file_inputs(file.path),
                       (file.path + ": tensor 'value' has shape (2, 5, 4, 3), 'key' has (2, 5, 2, 3)").c_str(),
                       UsageError);
}

at::Tensor distributed(InputDistribution distribution, InputTensor which, at::ScalarType dtype = at::kFloat) {
  GeneratedInputOptions options{.seed = 1, .batch = 1, .seq_len = 256, .heads = 2, .head_dim = 64};
  options.distribution = distribution;
  return generated_inputs(options)->rows(which, {{0, 256, 1}}, dtype);
}

/// q·k/√dim of head 0.
at::Tensor logits(InputDistribution distribution) {
  const auto head = [&](InputTensor which) { return distributed(distribution, which).select(2, 0)[0]; };
  return at::matmul(head(InputTensor::query), head(InputTensor::key).t()) / 8;
}

TEST_CASE("the distributions beyond normal have the property that they are named after") {
  using D = InputDistribution;
  CHECK(logits(D::large_logits).abs().max().item<float>() > 60);
  CHECK(logits(D::large_logits).abs().max().item<float>() < 100);
  const at::Tensor constant = distributed(D::constant_rows, InputTensor::value);
  CHECK(at::equal(constant, constant.slice(3, 0, 1).expand_as(constant)));
  CHECK_FALSE(at::equal(constant.select(1, 0), constant.select(1, 1)));
  const at::Tensor tied = logits(D::near_ties);
  CHECK((tied.amax(1) - tied.amin(1)).max().item<float>() < 0.02);
  CHECK((tied.amax(1) - tied.amin(1)).min().item<float>() > 0);
  const at::Tensor tiny = distributed(D::denormals, InputTensor::query);
  CHECK(tiny.abs().max().item<float>() < 1.17e-38F);
  CHECK(at::count_nonzero(tiny).item<std::int64_t>() == tiny.numel());
  CHECK(at::count_nonzero(distributed(D::denormals, InputTensor::query, at::kHalf)).item<std::int64_t>() == 0);
  const at::Tensor norms = distributed(D::one_huge_key, InputTensor::key).norm(2, -1);
  CHECK(norms[0][128].min().item<float>() > 500);
  CHECK(norms[0][127].max().item<float>() < 20);
}

TEST_CASE("a distribution is named by one word") {
  for (const std::string& name : input_distributions())
    CHECK(to_string(parse_input_distribution(name, "--distribution")) == name);
  CHECK_THROWS_WITH_AS(parse_input_distribution("near_tie", "--distribution"),
                       "--distribution: unknown distribution \"near_tie\"; did you mean \"near_ties\"?", UsageError);
}

}  // namespace
}  // namespace ringattn
