#include "config/json.h"
#include "program.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

// Grouped heads, windows, documents, masks, dropout and hard inputs from the command line.

namespace ringattn {
namespace {

using test::contains;
using test::Finished;
using test::run;

std::vector<std::string> small(std::vector<std::string> further) {
  std::vector<std::string> all{"compare", "--old", RINGATTN_LEGACY ? "v2" : "oracle", "--no-time"};
  for (const char* axis : {"seq_len=72", "heads=4", "head_dim=8", "dtype=fp32", "is_causal=true", "ranks=1,3"})
    all.insert(all.end(), {"-a", axis});
  all.insert(all.end(), {"--set", "segment_lengths=[16,32]"});
  all.insert(all.end(), further.begin(), further.end());
  return all;
}

TEST_CASE("old and new agree under each extra and under all of them") {
  const std::vector<std::vector<std::string>> extras{{"-a", "kv_heads=2"},
                                                     {"-a", "window=8,8:0"},
                                                     {"-a", "documents=3"},
                                                     {"-a", "mask=padding,random,alibi"},
                                                     {"--set", "dropout=0.2", "--train"},
                                                     {"--set", "softmax_scale=0.4"},
                                                     {"-a", "kv_heads=2", "-a", "window=20", "-a", "documents=2", "-a",
                                                      "mask=random", "--set", "dropout=0.3", "--train"}};
  for (const std::vector<std::string>& extra : extras) {
    CAPTURE(extra.back());
    const Finished f = run(small(extra));
    CHECK(f.code == 0);
    CHECK(contains(f.out, " match"));
  }
}

TEST_CASE("hard inputs are judged like any others, and named in the report") {
  for (const char* name : {"large_logits", "constant_rows", "near_ties", "denormals", "one_huge_key"}) {
    CAPTURE(name);
    const Finished f = run(small({"--distribution", name, "--json", "-"}));
    CHECK(f.code == 0);
    const Json report = Json::parse(f.out);
    CHECK(report["resolved"]["distribution"] == name);
    CHECK(contains(report["cases"][0]["repro"].get<std::string>(), std::string("--distribution ") + name));
  }
}

TEST_CASE("a case's id, axes and repro line carry the extras") {
  const Finished f = run(small({"-a", "kv_heads=2", "-a", "window=8:0", "-a", "documents=3", "-a", "mask=padding",
                                "--set", "dropout=0.1", "--train", "--json", "-"}));
  REQUIRE(f.code == 0);
  const Json report = Json::parse(f.out);
  const Json& record = report["cases"][1];
  CHECK(record["id"] == "b1/n72/h4/d8/fp32/causal/k3/kv2/w8:0/doc3/mask-padding");
  CHECK(record["axes"]["documents"] == "3");
  CHECK(record["axes"]["kv_heads"] == 2);
  CHECK(report["resolved"]["is_training"] == true);
  const std::string repro = record["repro"];
  for (const char* words :
       {"-a kv_heads=2", "-a window=8:0", "-a documents=3", "-a mask=padding", "--set dropout=0.1", "--train"}) {
    CAPTURE(words);
    CHECK(contains(repro, words));
  }
}

TEST_CASE("axes may come from the environment") {
  const Finished f = run(small({"--json", "-"}), {"RINGATTN_AXIS_WINDOW=4:0", "RINGATTN_AXIS_KV_HEADS=1"});
  REQUIRE(f.code == 0);
  CHECK(contains(Json::parse(f.out)["cases"][0]["id"].get<std::string>(), "/kv1/w4:0"));
}

TEST_CASE("what cannot be is refused with the right exit code before anything runs") {
  const auto refusal = [](const std::vector<std::string>& further, int code, const std::string& words) {
    const Finished f = run(small(further));
    CAPTURE(f.err);
    CHECK(f.code == code);
    CHECK(contains(f.err, words));
    CHECK(f.out.empty());
  };
  refusal({"-a", "kv_heads=3"}, 2, "kv_heads: 3 does not divide heads 4");
  refusal({"-a", "documents=100"}, 2, "documents: 100 documents cannot be packed into seq_len 72");
  refusal({"-a", "documents=0:5:70"}, 2, "must end at seq_len 72");
  refusal({"-a", "window=a"}, 2, "\"a\" is no window");
  refusal({"-a", "mask=padding2"}, 2, "did you mean \"padding\"?");
  refusal({"-a", "mask=inputs"}, 2, "give --inputs FILE");
  refusal({"-a", "mask=no/such.safetensors"}, 2, "no/such.safetensors: cannot be opened");
  refusal({"--distribution", "hug"}, 2, "--distribution: unknown value");
  refusal({"--set", "backend=sdpa", "--set", "dropout=0.1", "--train"}, 3, "use auto or reference");
#if RINGATTN_LEGACY
  refusal({"--as-shipped", "-a", "window=4"}, 3, "window: RingDilatedAttentionV2 as released had no such thing");
#endif
}

TEST_CASE("dropout that does nothing is said, and so is what an old class dropped besides") {
  CHECK(contains(run(small({"--set", "dropout=0.1"})).err, "dropout=0.1 acts in training alone; give --train"));
  CHECK(contains(run(small({"--train"})).err, "--train: dropout is 0"));
#if RINGATTN_LEGACY
  const Finished f = run({"compare", "--old", "base", "-a", "seq_len=32", "-a", "ranks=1", "-a", "dtype=fp32",
                          "--no-time", "--set", "dropout=0.1", "--train"});
  CHECK(f.code == 0);
  CHECK(contains(f.err,
                 "base as released also drops outputs, with the same probability; not applied here, as it is "
                 "unkeyed"));
#endif
}

TEST_CASE("bench and plan take the same axes") {
  const std::vector<std::string> axes{"-a", "seq_len=64",   "-a", "heads=4",     "-a", "kv_heads=2",
                                      "-a", "mask=padding", "-a", "documents=2", "-a", "ranks=2"};
  std::vector<std::string> bench{"bench", "--no-time"};
  bench.insert(bench.end(), axes.begin(), axes.end());
  const Finished benched = run(bench);
  CHECK(benched.code == 0);
  CHECK(contains(benched.out, "kv2 doc2 mask-padding"));
  std::vector<std::string> plan{"plan"};
  plan.insert(plan.end(), axes.begin(), axes.end());
  const Finished planned = run(plan);
  CHECK(planned.code == 0);
  CHECK(contains(planned.out, "/kv2/doc2/mask-padding"));
  CHECK(run({"plan", "--set", "layout=striped", "--ranks", "4"}).code == 0);
}

}  // namespace
}  // namespace ringattn
