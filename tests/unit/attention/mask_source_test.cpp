#include "attention/mask_source.h"

#include "attention/inputs.h"
#include "attention/safetensors.h"
#include "config/error.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <cmath>
#include <cstdio>
#include <limits>
#include <string>

namespace ringattn {
namespace {

const MaskedProblem small{.batch = 3, .seq_len = 120, .heads = 4, .seed = 5};
const Positions everything{{0, 120, 1}};

struct TemporaryFile {
  explicit TemporaryFile(const std::string& name) : path("ringattn_mask_test_" + name + ".safetensors") {}
  ~TemporaryFile() { std::remove(path.c_str()); }
  const std::string path;
};

TEST_CASE("a generated mask's rows are the same whoever builds them, in whatever pieces") {
  for (const char* name : {"padding", "random", "alibi"}) {
    CAPTURE(name);
    const auto mask = generated_mask(name, small);
    const std::int64_t row_axis = mask->shape().kind == MaskKind::keys ? 1 : 2;
    const at::Tensor all = mask->rows(everything);
    const at::Tensor some = mask->rows({{60, 4, 1}, {3, 5, 7}});
    CHECK(some.is_contiguous());
    CHECK(some.size(row_axis) == 9);
    CHECK(at::equal(some.slice(row_axis, 0, 4), all.slice(row_axis, 60, 64)));
    CHECK(at::equal(some.slice(row_axis, 4, 9), all.slice(row_axis, 3, 32, 7)));
    CHECK(mask->rows({}).size(row_axis) == 0);
  }
}

TEST_CASE("padding keeps a beginning of at least half of each sequence, its length drawn from the seed") {
  const auto mask = generated_mask("padding", {.batch = 200, .seq_len = 120, .heads = 4, .seed = 5});
  CHECK(mask->shape() == MaskShape{MaskKind::keys, false, false});
  const at::Tensor rows = mask->rows(everything);
  CHECK((rows.scalar_type() == at::kBool));
  const at::Tensor valid = rows.sum(1);
  CHECK(at::equal(rows, at::arange(120).unsqueeze(0) < valid.unsqueeze(1)));
  CHECK(valid.min().item<std::int64_t>() >= 60);
  CHECK(valid.min().item<std::int64_t>() < 66);
  CHECK(valid.max().item<std::int64_t>() > 114);
  const at::Tensor other =
      generated_mask("padding", {.batch = 200, .seq_len = 120, .heads = 4, .seed = 6})->rows(everything);
  CHECK_FALSE(at::equal(rows, other));
  CHECK(generated_mask("padding", {.batch = 1, .seq_len = 1})->rows({{0, 1, 1}}).item<bool>());
}

TEST_CASE("random allows four of five entries, none of them in rows 10 and 107") {
  const auto mask = generated_mask("random", small);
  CHECK(mask->shape() == MaskShape{MaskKind::scores, false, false});
  const at::Tensor rows = mask->rows(everything);
  CHECK(rows.sizes() == at::IntArrayRef({3, 1, 120, 120}));
  const at::Tensor seen = rows.sum(-1);
  for (std::int64_t query = 0; query < 120; ++query) {
    const bool is_hidden = query == 10 || query == 107;
    for (std::int64_t b = 0; b < 3; ++b) CHECK((seen[b][0][query].item<std::int64_t>() == 0) == is_hidden);
  }
  const double entries = 3.0 * 118 * 120;
  const double share = rows.sum().item<double>() / entries;
  CHECK(std::abs(share - 0.8) < 4 * std::sqrt(0.16 / entries));
  CHECK_FALSE(at::equal(rows[0], rows[1]));
  CHECK_FALSE(at::equal(rows[0][0][0], rows[0][0][1]));
}

TEST_CASE("alibi takes a head's slope times the distance off, for all sequences alike") {
  const auto mask = generated_mask("alibi", small);
  CHECK(mask->shape() == MaskShape{MaskKind::scores, true, true});
  const at::Tensor rows = mask->rows({{7, 1, 1}});
  CHECK(rows.sizes() == at::IntArrayRef({1, 4, 1, 120}));
  CHECK(rows[0][0][0][3].item<float>() == -1.0F);           // slope 2⁻², distance 4
  CHECK(rows[0][3][0][8].item<float>() == -1.0F / 256.0F);  // slope 2⁻⁸
  CHECK(rows[0][1][0][7].item<float>() == 0.0F);
}

TEST_CASE("a file's mask is read row by row, as keys or scores, bool or additive") {
  const TemporaryFile file("rows");
  const at::Tensor keys = at::arange(3 * 120).remainder(3).view({3, 120}) > 0;
  write_safetensors(file.path, {{"mask", keys}});
  auto mask = file_mask(file.path, small);
  CHECK(mask->shape() == MaskShape{MaskKind::keys, false, false});
  CHECK(at::equal(mask->rows({{5, 3, 2}}), keys.slice(1, 5, 11, 2)));
  const at::Tensor scores = at::arange(4 * 120 * 120, at::kDouble).view({1, 4, 120, 120}).neg();
  write_safetensors(file.path, {{"mask", scores}});
  mask = make_mask(file.path, small);
  CHECK(mask->shape() == MaskShape{MaskKind::scores, true, true});
  CHECK(at::equal(mask->rows({{100, 2, 1}, {0, 1, 1}}),
                  scores.to(at::kFloat).index_select(2, at::tensor({100, 101, 0}))));
}

TEST_CASE("a file's mask of another shape, dtype or with NaN is refused with file and shape") {
  const TemporaryFile file("bad");
  const auto refusal = [&](const at::Tensor& mask) -> std::string {
    write_safetensors(file.path, {{"mask", mask}});
    try {
      file_mask(file.path, small)->rows(everything);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  const std::string who = file.path + ": tensor 'mask' ";
  CHECK(refusal(at::ones({120, 120}, at::kBool)) ==
        who + "has shape (120, 120), must be (1 or 3, 120) or (1 or 3, 1 or 4, 120, 120)");
  CHECK(refusal(at::ones({3, 2, 120, 120}, at::kBool)).find("has shape (3, 2, 120, 120)") != std::string::npos);
  CHECK(refusal(at::ones({3, 120}, at::kInt)) == who + "has dtype Int, must be bool or a floating one");
  CHECK(refusal(at::full({3, 120}, std::numeric_limits<float>::quiet_NaN())) ==
        who + "holds NaN or +inf; an additive mask is finite or -inf");
  CHECK(refusal(at::full({1, 120}, -std::numeric_limits<float>::infinity())) == "accepted");
  write_safetensors(file.path, {{"other", at::ones({1})}});
  CHECK_THROWS_WITH_AS(file_mask(file.path, small), (file.path + ": no tensor 'mask'; the file has other").c_str(),
                       UsageError);
}

TEST_CASE("a mask's spec is none, a name or a file") {
  CHECK(make_mask("none", small) == nullptr);
  CHECK(make_mask("padding", small) != nullptr);
  CHECK_THROWS_AS(make_mask("inputs", small), UsageError);
  CHECK_THROWS_AS(make_mask("paddin", small), UsageError);
}

}  // namespace
}  // namespace ringattn
