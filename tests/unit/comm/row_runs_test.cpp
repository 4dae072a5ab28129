#include "comm/row_runs.h"

#include "config/error.h"

#include <doctest/doctest.h>

#include <array>
#include <vector>

namespace ringattn {
namespace {

std::vector<std::byte> bytes_from(int first, std::size_t count) {
  std::vector<std::byte> bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(first + static_cast<int>(i));
  return bytes;
}

TEST_CASE("rows that touch are one run, rows that lie apart are not, empty rows are none") {
  std::vector<std::byte> memory(64);
  std::byte* const data = memory.data();
  const std::array together{Block{data, 2, 8, 8}, Block{data + 16, 1, 99, 8}, Block{data, 0, 8, 8}};
  REQUIRE(runs_of(together).size() == 1);
  CHECK(runs_of(together)[0].size() == 24);
  const std::array apart{Block{data, 3, 16, 8}};
  REQUIRE(runs_of(apart).size() == 3);
  CHECK(runs_of(apart)[2].data() == data + 32);
  CHECK(runs_of({}).empty());
}

TEST_CASE("the shape is that of the rows, however they are cut into blocks") {
  std::vector<std::byte> memory(64);
  std::byte* const data = memory.data();
  const std::array whole{Block{data, 4, 8, 8}, Block{data, 1, 4, 4}};
  const std::array cut{Block{data, 1, 8, 8}, Block{data, 0, 2, 2}, Block{data, 3, 16, 8}, Block{data, 1, 4, 4}};
  const std::array other{Block{data, 2, 16, 16}, Block{data, 1, 4, 4}};
  CHECK(shape_of(whole) == "4 x 8 + 1 x 4");
  CHECK(shape_of(cut) == shape_of(whole));
  CHECK(shape_of(other) != shape_of(whole));
  CHECK(shape_of({}).empty());
}

TEST_CASE("pieces of any cut arrive in their rows, straight where a piece lies in one run") {
  for (const std::size_t first : {0U, 3U, 8U, 11U, 24U}) {
    CAPTURE(first);
    std::vector<std::byte> memory(48, std::byte{0xee});
    const std::array blocks{Block{memory.data(), 3, 16, 8}};
    const std::array<std::size_t, 2> sizes{first, 24 - first};
    PieceTargets targets(runs_of(blocks), sizes);
    REQUIRE(targets.pieces().size() == 2);
    CHECK((targets.pieces()[0].data() == memory.data()) == (first == 3 || first == 8));
    const std::vector<std::byte> source = bytes_from(1, 24);
    std::size_t next = 0;
    for (const std::span<std::byte> piece : targets.pieces()) {
      for (std::byte& byte : piece) byte = source[next++];
    }
    targets.settle();
    for (std::size_t i = 0; i < 48; ++i)
      CHECK(memory[i] == (i % 16 < 8 ? source[i / 16 * 8 + i % 16] : std::byte{0xee}));
  }
}

TEST_CASE("pieces of too many or too few bytes are refused") {
  std::vector<std::byte> memory(16);
  const std::array blocks{Block{memory.data(), 2, 8, 8}};
  const std::array<std::size_t, 1> more{17}, fewer{15};
  CHECK_THROWS_AS(PieceTargets(runs_of(blocks), more), RuntimeFailure);
  CHECK_THROWS_AS(PieceTargets(runs_of(blocks), fewer), RuntimeFailure);
}

TEST_CASE("runs are joined in order") {
  std::vector<std::byte> a = bytes_from(1, 3), b = bytes_from(4, 2), joined(5);
  const std::array<std::span<std::byte>, 2> runs{std::span(a), std::span(b)};
  join_runs(runs, joined);
  CHECK(joined == bytes_from(1, 5));
}

}  // namespace
}  // namespace ringattn
