#include "config/json.h"
#include "program.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace ringattn {
namespace {

using test::contains;
using test::Finished;
using test::run;

Finished compare(std::vector<std::string> more) {
  std::vector<std::string> words{"compare", "--old",
                                 "oracle",  "--with-projection",
                                 "-a",      "seq_len=48",
                                 "-a",      "heads=4",
                                 "-a",      "head_dim=8",
                                 "-a",      "ranks=1,4",
                                 "-a",      "dtype=fp32",
                                 "-a",      "is_causal=true",
                                 "--set",   "segment_lengths=[16,32]",
                                 "--set",   "dilation_rates=[1,2]",
                                 "--set",   "layout=contiguous"};
  words.insert(words.end(), more.begin(), more.end());
  return run(words);
}

}  // namespace

TEST_CASE("both orders of split and projection are equal, and the old one projects n rows on every rank") {
  const Finished finished = compare({"-a", "kv_heads=2", "-a", "mask=none,random", "--no-time", "--json", "-"});
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  const Json report = Json::parse(finished.out);
  CHECK(report.at("resolved").at("projection") == "random");
  CHECK(report.at("resolved").at("with_projection") == true);
  CHECK(report.at("cases").size() == 4);
  for (const Json& record : report.at("cases")) {
    const std::int64_t ranks = record.at("axes").at("ranks");
    const Json& orders = record.at("projection_orders");
    CHECK(orders.at("against_each_other").at("passed") == true);
    CHECK(orders.at("time_ratio").is_null());
    const Json& fresh = orders.at("orders").at(0);
    const Json& old = orders.at("orders").at(1);
    CHECK(fresh.at("order") == "split_first");
    CHECK(old.at("order") == "project_first");
    CHECK(fresh.at("projected_rows_max") == 48 / ranks);
    CHECK(old.at("projected_rows_max") == 48);
    // query of 32 numbers, key and value of 16 each, fp32.
    CHECK(fresh.at("projected_bytes_max") == 48 / ranks * 64 * 4);
    CHECK(old.at("projected_bytes_max") == 48 * 64 * 4);
    for (const Json& order : orders.at("orders")) CHECK(order.at("against_oracle").at("passed") == true);
    for (std::size_t rank = 0; rank < fresh.at("ranks").size(); ++rank) {
      const Json& now = fresh.at("ranks").at(rank);
      const Json& then = old.at("ranks").at(rank);
      CHECK(now.at("sent_bytes") == then.at("sent_bytes"));
      CHECK(now.at("sent_bytes") == record.at("candidate").at("ranks").at(rank).at("sent_bytes"));
      if (ranks > 1) CHECK(now.at("peak_bytes").get<std::int64_t>() < then.at("peak_bytes").get<std::int64_t>());
    }
    CHECK(contains(record.at("repro").get<std::string>(), "--with-projection"));
  }
}

TEST_CASE("the orders are a table of their own, with their times where there are some") {
  const Finished finished = compare({"--pairs", "3", "-a", "dtype=fp32,bf16", "--color", "never"});
  INFO(finished.err);
  CHECK(finished.code == 0);
  CHECK(contains(finished.out, "every rank projects n rows, then splits"));
  CHECK(contains(finished.out, "48 → 12"));
  CHECK(contains(finished.out, "yes, within "));
}

TEST_CASE("the orders need layers and one new implementation") {
  const Finished none = compare({"--projection", "none"});
  CHECK(none.code == 2);
  CHECK(contains(none.err, "--with-projection: there are no layers with --projection none"));
  const Finished plain =
      run({"compare", "--old", "oracle", "-a", "seq_len=16", "-a", "ranks=1", "-a", "heads=1", "-a", "head_dim=8",
           "--set", "segment_lengths=[16]", "--set", "dilation_rates=[1]", "--no-time", "--json", "-"});
  REQUIRE(plain.code == 0);
  CHECK(Json::parse(plain.out).at("cases").at(0).at("projection_orders").is_null());
}

}  // namespace ringattn
