#include "comm/row_copy.h"

#include <doctest/doctest.h>

#include <cstring>
#include <numeric>
#include <vector>

namespace ringattn {
namespace {

std::vector<std::byte> counting_bytes(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i % 251);
  return bytes;
}

TEST_CASE("rows cut into different blocks at the two ends arrive in order") {
  auto source = counting_bytes(64);
  std::vector<std::byte> target(64);
  // Rows of 4 bytes: 1 + 4 strided at the source, 3 + 2 at the target.
  const std::vector<Block> from{{source.data() + 60, 1, 0, 4}, {source.data(), 4, 12, 4}};
  const std::vector<Block> to{{target.data(), 3, 4, 4}, {target.data() + 20, 2, 8, 4}};
  REQUIRE(same_rows(from, to));
  CHECK(copy_rows(from, to) == 20);
  const auto row = [&](std::size_t at) { return static_cast<int>(target[at]); };
  CHECK(row(0) == 60);
  CHECK(row(4) == 0);
  CHECK(row(8) == 12);
  CHECK(row(20) == 24);
  CHECK(row(28) == 36);
  CHECK(row(31) == 39);
  CHECK(row(12) == 0);  // never written
}

TEST_CASE("contiguous rows go in one run, strided ones row by row") {
  auto source = counting_bytes(64);
  std::vector<std::byte> target(64);
  std::vector<std::size_t> runs;
  const auto note = [&](std::span<const std::byte> run) { runs.push_back(run.size()); };
  const Block dense{source.data(), 8, 4, 4};
  const Block target_dense{target.data(), 8, 4, 4};
  const Block strided{source.data(), 8, 8, 4};
  copy_rows({&dense, 1}, {&target_dense, 1}, note);
  CHECK(runs == std::vector<std::size_t>{32});
  runs.clear();
  copy_rows({&strided, 1}, {&target_dense, 1}, note);
  CHECK(runs == std::vector<std::size_t>(8, 4));
}

TEST_CASE("lists of equal bytes but other row sizes are not the same rows") {
  std::byte data[16];
  const Block two_of_four{data, 2, 4, 4};
  const Block four_of_two{data, 4, 2, 2};
  const Block one_of_four{data, 1, 4, 4};
  CHECK_FALSE(same_rows({&two_of_four, 1}, {&four_of_two, 1}));
  CHECK_FALSE(same_rows({&two_of_four, 1}, {&one_of_four, 1}));
  CHECK_FALSE(same_rows({&two_of_four, 1}, {}));
}

TEST_CASE("empty blocks count as no rows, wherever they stand") {
  std::byte data[16];
  const std::vector<Block> with_holes{{nullptr, 0, 0, 8}, {data, 2, 4, 4}, {nullptr, 3, 0, 0}};
  const std::vector<Block> plain{{data + 8, 2, 4, 4}};
  CHECK(same_rows(with_holes, plain));
  CHECK(same_rows({}, std::vector<Block>{{nullptr, 0, 0, 8}}));
  CHECK(copy_rows({}, {}) == 0);
}

}  // namespace
}  // namespace ringattn
