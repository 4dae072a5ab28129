#include "config/workload.h"

#include "config/axis.h"
#include "config/config_json.h"
#include "support.h"

#include <doctest/doctest.h>

#include <set>

namespace ringattn {
namespace {

using test::contains;
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

TEST_CASE("a case's id ends with what is not at its default") {
  Case c{.batch = 1, .seq_len = 4096, .heads = 8, .head_dim = 64, .dtype = Dtype::bf16, .is_causal = true, .ranks = 4};
  c.kv_heads = 2;
  c.window = {256, 256};
  c.documents = {.count = 3};
  c.mask = "padding";
  CHECK(case_id(c) == "b1/n4096/h8/d64/bf16/causal/k4/kv2/w256/doc3/mask-padding");
  c.window = {256, 0};
  c.documents = {.count = 2, .cumulative = {0, 100, 4096}};
  c.mask = "some/folder/own.safetensors";
  CHECK(case_id(c) == "b1/n4096/h8/d64/bf16/causal/k4/kv2/w256:0/doc0:100:4096/mask-own");
  c.documents = parse_documents("0:4096", "documents");  // one document, and yet another case than none
  CHECK(case_id(c) == "b1/n4096/h8/d64/bf16/causal/k4/kv2/w256:0/doc0:4096/mask-own");
}

TEST_CASE("axes of which the product is endless are refused") {
  Workload w;
  apply_axis(w, "seq_len=[1:4096]", "-a");
  apply_axis(w, "heads=[1:4096]", "-a");
  CHECK(message_of([&] { validate(w); }) == "axes: their product is more than 131072 cases; give fewer values");
  std::string many = "1";
  for (int i = 2; i <= 5000; ++i) many += ", " + std::to_string(i);
  CHECK(contains(message_of([&] { read("{\"seq_len\": [" + many + "]}"); }), "more than 4096 values"));
}

TEST_CASE("a case's axis words make a workload of that case alone") {
  Case c{.batch = 2, .seq_len = 64, .heads = 6, .head_dim = 8, .dtype = Dtype::fp32, .is_causal = true, .ranks = 3};
  CHECK(axis_words(c).size() == 7);
  CHECK(axis_words(c, true).size() == 11);
  c.kv_heads = 3;
  c.window = {-1, 5};
  c.documents = {.count = 4};
  c.mask = "alibi";
  Workload w;
  for (const std::string& word : axis_words(c)) apply_axis(w, word, "-a");
  CHECK(expand(w) == std::vector<Case>{c});
}

TEST_CASE("the axes of what a query sees are read from JSON as numbers or words") {
  const Workload w = read(R"({"kv_heads": [0, 4], "window": [16, "4:0"], "documents": "0:3:9", "mask": ["random"]})");
  CHECK(w.kv_heads == std::vector<std::int64_t>{0, 4});
  CHECK(w.window == std::vector<Window>{{16, 16}, {4, 0}});
  CHECK(w.documents == std::vector<DocumentSpec>{{2, {0, 3, 9}}});
  CHECK(w.mask == std::vector<std::string>{"random"});
  CHECK(expand(w).size() == 8);
  CHECK(message_of([] { read(R"({"window": "x"})"); }) ==
        "w.json: /workload/window: \"x\" is no window; write none, 256 (both sides) or 256:0 (left:right, -1 for no "
        "limit)");
  CHECK(message_of([] { read(R"({"mask": ["none", "nine"]})"); }).find("w.json: /workload/mask/1: unknown mask") == 0);
  const std::string text = to_json(w).dump();
  CHECK(read(text) == w);
}

TEST_CASE("rules between the axes name both sides") {
  Workload w;
  w.heads = {8, 6};
  w.kv_heads = {0, 4};
  CHECK(message_of([&] { validate(w); }) == "kv_heads: 4 does not divide heads 6");
  w = {};
  w.documents = {{.count = 2, .cumulative = {0, 3, 9}}};
  CHECK(message_of([&] { validate(w); }) == "documents: 0:3:9 ends at 9, must end at seq_len 1024");
  w = {};
  w.mask = {"a/m.safetensors", "b/m.safetensors"};
  CHECK(message_of([&] { validate(w); }) ==
        "mask: a/m.safetensors and b/m.safetensors would give cases of one id; rename one of the files");
  validate(Workload{});
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
