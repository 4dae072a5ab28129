#include "pattern/curve.h"

#include "config/error.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

namespace ringattn {
namespace {

using Order = std::vector<std::int64_t>;

bool is_permutation_of_segment(const Order& order) {
  std::vector<bool> seen(order.size(), false);
  for (const std::int64_t position : order) {
    if (position < 0 || position >= static_cast<std::int64_t>(order.size())) return false;
    if (seen[static_cast<std::size_t>(position)]) return false;
    seen[static_cast<std::size_t>(position)] = true;
  }
  return true;
}

std::int64_t square_side(std::int64_t length) {
  std::int64_t side = 1;
  while (side * side < length) side *= 2;
  return side;
}

/// Steps between two cells of the grid of the given side that are not next to each other in one row or column.
std::int64_t jumps(const Order& order, std::int64_t side) {
  std::int64_t found = 0;
  for (std::size_t place = 1; place < order.size(); ++place) {
    const std::int64_t rows = std::abs(order[place] / side - order[place - 1] / side);
    const std::int64_t columns = std::abs(order[place] % side - order[place - 1] % side);
    if (rows + columns != 1) ++found;
  }
  return found;
}

Order first(const Order& order, std::size_t count) { return {order.begin(), order.begin() + static_cast<long>(count)}; }

/// The turned walk place by place: bits of the place from low to high, the quadrants of side s = 1, 2, 4, … around the
/// cell so far; at most `length` places, cells below length kept, what is missing appended by count.
Order turned_by_definition(std::int64_t length) {
  const std::int64_t side = square_side(length);
  Order order;
  for (std::int64_t place = 0; place < length; ++place) {
    std::int64_t x = 0, y = 0, bits = place;
    for (std::int64_t s = 1; s < side; s *= 2, bits /= 4) {
      const std::int64_t right = (bits >> 1) & 1, up = (bits ^ right) & 1;
      if (up == 0 && right == 1) {
        x = s - 1 - x;
        y = s - 1 - y;
      } else if (up == 0) {
        std::swap(x, y);
      }
      x += s * right;
      y += s * up;
    }
    if (x * side + y < length) order.push_back(x * side + y);
  }
  while (static_cast<std::int64_t>(order.size()) < length) order.push_back(static_cast<std::int64_t>(order.size()));
  return order;
}

std::string refusal(std::int64_t length) {
  try {
    curve_order(OrderRule::turned, length);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("position, hilbert and snake are permutations of every segment") {
  for (const OrderRule rule : {OrderRule::position, OrderRule::hilbert, OrderRule::snake}) {
    for (std::int64_t length = 0; length <= 300; ++length) {
      const Order order = curve_order(rule, length);
      CAPTURE(length);
      CHECK(order.size() == static_cast<std::size_t>(length));
      CHECK(is_permutation_of_segment(order));
    }
    for (const std::int64_t length : {1000, 1024, 4097, 8191, 65536, 100003})
      CHECK(is_permutation_of_segment(curve_order(rule, length)));
  }
  CHECK_THROWS_AS(curve_order(OrderRule::hilbert, -1), UsageError);
}

TEST_CASE("position is the identity") { CHECK(curve_order(OrderRule::position, 4) == Order{0, 1, 2, 3}); }

TEST_CASE("hilbert walks the square row-major and skips what lies beyond the segment") {
  CHECK(first(curve_order(OrderRule::hilbert, 256), 20) ==
        Order{0, 1, 17, 16, 32, 48, 49, 33, 34, 50, 51, 35, 19, 18, 2, 3, 4, 20, 21, 5});
  CHECK(first(curve_order(OrderRule::hilbert, 64), 16) ==
        Order{0, 8, 9, 1, 2, 3, 11, 10, 18, 19, 27, 26, 25, 17, 16, 24});
  CHECK(curve_order(OrderRule::hilbert, 1) == Order{0});
  CHECK(curve_order(OrderRule::hilbert, 3) == Order{0, 2, 1});
}

TEST_CASE("every step of hilbert is to a neighbour where the segment is a power of four") {
  for (std::int64_t length = 4; length <= 65536; length *= 4)
    CHECK(jumps(curve_order(OrderRule::hilbert, length), square_side(length)) == 0);
}

TEST_CASE("snake turns every other row of a square grid around") {
  const Order snake = curve_order(OrderRule::snake, 128);  // 12 wide
  CHECK(snake[11] == 11);
  CHECK(snake[12] == 23);
  CHECK(snake[23] == 12);
  CHECK(snake[24] == 24);
  const Order short_last_row = curve_order(OrderRule::snake, 65);  // 9 wide, rows of 9 but the last of 2
  CHECK(short_last_row[63] == 64);
  CHECK(short_last_row[64] == 63);
  const Order wide = curve_order(OrderRule::snake, 2048);  // 46 wide
  CHECK(wide[46] == 91);
  CHECK(curve_order(OrderRule::snake, 64) == curve_order(OrderRule::position, 64));
}

TEST_CASE("snake is its own inverse") {
  for (const std::int64_t length : {1, 64, 65, 80, 100, 127, 128, 300, 1000, 65536}) {
    const Order snake = curve_order(OrderRule::snake, length);
    for (std::int64_t place = 0; place < length; ++place)
      REQUIRE(snake[static_cast<std::size_t>(snake[static_cast<std::size_t>(place)])] == place);
  }
}

TEST_CASE("turned is a permutation of powers of two, with length/16 - 1 jumps from 128 on") {
  CHECK(first(curve_order(OrderRule::turned, 256), 20) ==
        Order{0, 16, 17, 1, 2, 3, 19, 18, 34, 35, 51, 50, 49, 48, 32, 33, 64, 65, 81, 80});
  for (std::int64_t length = 128; length <= 65536; length *= 2) {
    const Order order = curve_order(OrderRule::turned, length);
    CAPTURE(length);
    CHECK(is_permutation_of_segment(order));
    CHECK(jumps(order, square_side(length)) == length / 16 - 1);
  }
  for (std::int64_t length = 0; length <= 64; ++length)
    CHECK(curve_order(OrderRule::turned, length) == curve_order(OrderRule::position, length));
}

TEST_CASE("turned is refused exactly where its walk gives no permutation, and is that walk elsewhere") {
  int refused = 0;
  for (std::int64_t length = 65; length <= 2200; ++length) {
    const Order defined = turned_by_definition(length);
    CAPTURE(length);
    if (is_permutation_of_segment(defined)) {
      CHECK(curve_order(OrderRule::turned, length) == defined);
    } else {
      CHECK(refusal(length).find(std::to_string(length)) != std::string::npos);
      ++refused;
    }
  }
  // Accepted: 128 to 136, 256, 512 to 528, 1024 and 2048 to 2080.
  CHECK(refused == 2200 - 64 - (9 + 1 + 17 + 1 + 33));
  CHECK(refusal(96).find("powers of two") != std::string::npos);
}

TEST_CASE("segments of sixteen million rows have an order") {
  constexpr std::int64_t length = 1 << 24;
  CHECK(is_permutation_of_segment(curve_order(OrderRule::hilbert, length)));
  CHECK(is_permutation_of_segment(curve_order(OrderRule::snake, length - 1)));
  CHECK(is_permutation_of_segment(curve_order(OrderRule::turned, length)));
}

}  // namespace ringattn
