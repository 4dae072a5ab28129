#include "measure/ceilings.h"

#include "config/error.h"
#include "measure/noise.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace ringattn {
namespace {

TEST_CASE("every ceiling is a positive number within its interval, with its unit and how it was made") {
  const std::vector<Ceiling> ceilings = measure_ceilings({.dtypes = {Dtype::fp32}, .rows = {32}, .budget_ns = 1});
  std::set<std::string> quantities;
  for (const Ceiling& c : ceilings) {
    CAPTURE(c.quantity);
    CAPTURE(c.of);
    quantities.insert(c.quantity);
    CHECK(c.samples == 6);
    REQUIRE((c.value.low && c.value.high));
    CHECK(*c.value.low > 0.0);
    CHECK(*c.value.low <= c.value.median);
    CHECK(c.value.median <= *c.value.high);
    CHECK(!c.how.empty());
    CHECK((c.unit == "s") == (c.quantity == "latency"));
  }
  CHECK(quantities ==
        std::set<std::string>{"attention_rate", "copy_bandwidth", "latency", "matrix_rate", "memory_bandwidth"});
  CHECK(find_ceiling(ceilings, "attention_rate", "fp32 causal") != nullptr);
  CHECK(find_ceiling(ceilings, "attention_rate", "bf16") == nullptr);
}

TEST_CASE("measuring ends where it is stopped") {
  CHECK(measure_ceilings({.stop = [] { return true; }}).empty());
}

TEST_CASE("noise is the ratio of pairs of the same thing, and how far its interval reaches from 1") {
  const Noise noise = summarize_noise({100, 100, 100, 100, 100, 100}, {90, 95, 100, 105, 110, 130});
  CHECK(noise.ratio.median == doctest::Approx(1.025));
  CHECK(noise.half_width() == doctest::Approx(0.30));
  CHECK(noise.call_ns == 100.0);
  CHECK(summarize_noise({100}, {100}).half_width() == 1.0);  // too few pairs to say
  CHECK_THROWS_AS(summarize_noise({}, {}), UsageError);
  CHECK_THROWS_AS(summarize_noise({1, 2}, {1}), UsageError);
}

TEST_CASE("noise is measured in as many pairs as are asked for") {
  const Noise noise = measure_noise({.pairs = 6, .seq_len = 32, .heads = 1, .head_dim = 8});
  CHECK(noise.first_ns.size() == 6);
  CHECK(noise.second_ns.size() == 6);
  CHECK(noise.ratio.median > 0.0);
}

}  // namespace
}  // namespace ringattn
