#include "legacy/curves.h"

#include "attention/safetensors.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <map>
#include <string>

namespace ringattn::legacy {
namespace {

std::int64_t distinct(const at::Tensor& map) { return std::get<0>(at::_unique(map)).numel(); }

/// tests/golden/hilbert holds what the released helpers returned, "hilbert/NAME/LENGTH".
const std::string recordings = std::string(RINGATTN_SOURCE_DIR) + "/tests/golden/hilbert/golden.safetensors";

using Map = std::function<at::Tensor(std::int64_t)>;
const std::map<std::string, Map> maps{
    {"M1_snake", snake},
    {"M1_final", snake},
    {"M1_triton_fixed", snake},
    {"M2_hilbert_ring_attention", hilbert_order},
    {"M3_hilbert_optimized", hilbert_rank},
    {"M3_ring_hilbert", hilbert_rank},
    {"M4_optimized_fixed", turned_order},
    {"M4_optimized_fixed_inverse", turned_inverse},
    {"M5a_hybrid_hilbert", reflected_rank},
    {"M5b_hilbert_v2", [](std::int64_t length) { return reflected_order(length); }},
    {"M5c_cuda_file", [](std::int64_t length) { return reflected_order(length, 0); }},
    {"M6_triton_v1", quadrant_rank},
    {"M6_triton_v2", quadrant_rank},
    {"M6b_triton_v3", snake_always},
    {"M7_bit_reversal", bit_reversal},
    {"M7_refactored_gray", gray_code},
    {"M8_optimized_fixed_a", [](std::int64_t length) { return hilbert_order(length * length); }},
    {"M9_per_segment_16", [](std::int64_t length) { return snake_by_segment(length, 16); }},
    {"M9_per_segment_80", [](std::int64_t length) { return snake_by_segment(length, 80); }},
    {"generate_hilbert_indices_by_cells",
     [](std::int64_t cells) { return hilbert_cells(static_cast<int>(std::lround(std::log2(cells) / 2))); }},
};

}  // namespace

TEST_CASE("every index map is what the released helper returned") {
  const SafetensorsFile file(recordings);
  int compared = 0;
  for (const auto& entry : file.entries()) {
    const std::string& name = entry.first;
    const std::size_t first = name.find('/'), second = name.rfind('/');
    if (name.rfind("hilbert/", 0) != 0) continue;
    const auto map = maps.find(name.substr(first + 1, second - first - 1));
    if (map == maps.end()) continue;
    CAPTURE(name);
    CHECK(map->second(std::stoll(name.substr(second + 1))).equal(file.tensor(name).to(at::kLong)));
    ++compared;
  }
  CHECK(compared >= 100);
}

TEST_CASE("Z-order is the released one on squares and rectangles") {
  const SafetensorsFile file(recordings);
  const std::string name = "hilbert/generate_hilbert_indices_rectangular_w_x_h/";
  CHECK(z_order(2, 2).equal(file.tensor(name + "4").to(at::kLong)));
  CHECK(z_order(10, 6).equal(file.tensor(name + "60").to(at::kLong)));
  CHECK(z_order(10, 10).equal(file.tensor(name + "100").to(at::kLong)));
}

TEST_CASE("the snake is its own inverse, and Hilbert's rank inverts its order") {
  for (const std::int64_t length : {65, 96, 128, 1000, 2048}) {
    CAPTURE(length);
    CHECK(snake(length).index_select(0, snake(length)).equal(at::arange(length)));
    CHECK(hilbert_rank(length).index_select(0, hilbert_order(length)).equal(at::arange(length)));
  }
}

TEST_CASE("the broken maps lose as many rows as counted on the released ones") {
  CHECK(distinct(turned_order(1024)) == 1024);
  CHECK(distinct(turned_order(96)) == 88);
  CHECK(distinct(turned_order(1000)) == 976);
  CHECK(distinct(turned_order(3072)) == 2816);
  CHECK(distinct(reflected_rank(128)) == 39);
  CHECK(distinct(reflected_rank(4096)) == 1722);
  CHECK(distinct(reflected_order(256).remainder(256)) == 153);
  CHECK(distinct(quadrant_rank(128)) == 64);
  CHECK(distinct(quadrant_rank(3072)) == 2048);
}

}  // namespace ringattn::legacy
