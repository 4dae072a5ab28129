#include "config/json.h"
#include "program.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace ringattn {
namespace {

using test::contains;
using test::Finished;
using test::run;

TEST_CASE("doctor measures the machine: ceilings, noise, and from where on a hop hides") {
  const Finished finished = run({"doctor", "--json", "-"});
  REQUIRE(finished.code == 0);
  const Json measured = Json::parse(finished.out)["measurements"];
  std::set<std::string> quantities;
  for (const Json& ceiling : measured["ceilings"]) {
    quantities.insert(ceiling["quantity"].get<std::string>());
    CHECK(ceiling["low"].get<double>() <= ceiling["median"].get<double>());
    CHECK(ceiling["median"].get<double>() <= ceiling["high"].get<double>());
    CHECK(ceiling["samples"].get<int>() >= 6);
    CHECK(!ceiling["how"].get<std::string>().empty());
  }
  CHECK(quantities.size() == 5);
  CHECK(measured["noise"]["pairs"] == 21);
  CHECK(measured["noise"]["half_width"].get<double>() >= 0.0);
  bool has_network = false;
  for (const Json& row : measured["hiding"]) {
    CHECK(row["causal_rows"].get<double>() == doctest::Approx(2.0 * row["full_rows"].get<double>()));
    has_network = has_network || (row["rank"] == "a100_ib100" && row["full_rows"].get<double>() == 24960.0);
  }
  CHECK(has_network);
}

TEST_CASE("doctor --quick measures nothing") {
  const Finished finished = run({"doctor", "--quick", "--json", "-"});
  REQUIRE(finished.code == 0);
  CHECK(!Json::parse(finished.out).contains("measurements"));
  CHECK(!contains(run({"doctor", "--quick"}).out, "measured here"));
}

}  // namespace
}  // namespace ringattn
