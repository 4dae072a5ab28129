#include "config/workload.h"

#include "config/config_json.h"
#include "support.h"

#include <doctest/doctest.h>

#include <set>

namespace ringattn {
namespace {

using test::message_of;

Workload read(const std::string& text) {
  const Json json = parse_json_strict(text, "w.json");
  return workload_from_json(JsonValue(json, "w.json", "/workload"));
}

TEST_CASE("bytes of an element") {
  CHECK(element_bytes(Dtype::fp64) == 8);
  CHECK(element_bytes(Dtype::fp32) == 4);
  CHECK(element_bytes(Dtype::bf16) == 2);
  CHECK(element_bytes(Dtype::fp16) == 2);
}

TEST_CASE("a case's id names every axis") {
  CHECK(case_id({.batch = 1,
                 .seq_len = 4096,
                 .heads = 8,
                 .head_dim = 64,
                 .dtype = Dtype::bf16,
                 .is_causal = true,
                 .ranks = 4}) == "b1/n4096/h8/d64/bf16/causal/k4");
  CHECK(case_id({.batch = 2,
                 .seq_len = 7,
                 .heads = 3,
                 .head_dim = 16,
                 .dtype = Dtype::fp32,
                 .is_causal = false,
                 .ranks = 1}) == "b2/n7/h3/d16/fp32/full/k1");
}

TEST_CASE("cases are the product of the axes, ranks innermost, each with an id of its own") {
  const Workload w{.batch = {1, 2},
                   .seq_len = {7, 8},
                   .heads = {3},
                   .head_dim = {16, 32},
                   .dtype = {Dtype::fp32, Dtype::bf16},
                   .is_causal = {false, true},
                   .ranks = {1, 3, 5}};
  const std::vector<Case> cases = expand(w);
  REQUIRE(cases.size() == 2 * 2 * 1 * 2 * 2 * 2 * 3);
  CHECK(cases[0].ranks == 1);
  CHECK(cases[1].ranks == 3);
  CHECK(cases[2].ranks == 5);
  CHECK(cases[3].is_causal);
  CHECK(cases[0].dtype == cases[5].dtype);
  std::set<std::string> ids;
  for (const Case& c : cases) ids.insert(case_id(c));
  CHECK(ids.size() == cases.size());
}

TEST_CASE("a workload reads scalars and lists, and writes lists") {
  const Workload w =
      read(R"({"batch": 2, "seq_len": [7, 1000], "dtype": "bf16", "is_causal": [true], "ranks": [1, 8]})");
  CHECK(w.batch == std::vector<std::int64_t>{2});
  CHECK(w.seq_len == std::vector<std::int64_t>{7, 1000});
  CHECK(w.dtype == std::vector<Dtype>{Dtype::bf16});
  CHECK(w.is_causal == std::vector<bool>{true});
  CHECK(w.heads == Workload{}.heads);
  CHECK(read(to_json(w).dump()) == w);
}

TEST_CASE("a workload refuses unknown axes, repeated and non-positive values") {
  CHECK(message_of([] { read(R"({"seqlen": 8})"); }) ==
        "w.json: /workload/seqlen: unknown key; did you mean \"seq_len\"? (got 8)");
  CHECK(message_of([] { read(R"({"ranks": [1, 2, 1]})"); }) == "w.json: /workload/ranks/2: given twice (got 1)");
  CHECK(message_of([] { read(R"({"ranks": []})"); }) == "w.json: /workload/ranks: cannot be empty (got [])");
  CHECK(message_of([] { read(R"({"heads": 0})"); }) == "w.json: /workload/heads: must be a positive integer (got 0)");
  CHECK(message_of([] { read(R"({"dtype": "fp33"})"); }) ==
        "w.json: /workload/dtype: must be one of fp32, bf16, fp16, fp64; did you mean \"fp32\"? (got \"fp33\")");
  CHECK(message_of([] { read(R"({"is_causal": 1})"); }) ==
        "w.json: /workload/is_causal: must be true or false (got 1)");
}

}  // namespace
}  // namespace ringattn
