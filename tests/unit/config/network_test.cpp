#include "config/network.h"

#include "config/error.h"

#include <doctest/doctest.h>

#include <string>

namespace ringattn {
namespace {

const std::string flat =
    R"({"name": "f", "sources": ["s"], "rank": {"flops_per_s": {"bf16": 1e12}, "memory_gb_s": 100},
        "inner_link": {"gb_s": 10, "us": 2}})";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

/// The error that a file makes.
std::string refusal(const std::string& text) {
  try {
    network_from_json_text(text, "net.json");
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("a flat network has one link, a network of nodes two") {
  const Network one = network_from_json_text(flat, "net.json");
  CHECK(one.link(0, 9) == NetworkLink{10.0, 2.0});
  const Network two = network_from_json_text(
      replaced(flat, R"("inner_link")", R"("ranks_per_node": 4, "outer_link": {"gb_s": 1, "us": 9}, "inner_link")"),
      "net.json");
  CHECK(two.link(4, 7) == NetworkLink{10.0, 2.0});
  CHECK(two.link(3, 4) == NetworkLink{1.0, 9.0});
}

TEST_CASE("the shipped networks are read by name, each with its sources") {
  const Env env;
  for (const std::string& name : network_names(env)) {
    const Network network = load_network(name, env);
    CHECK(network.name == name);
    CHECK(!network.sources.empty());
  }
  CHECK(load_network("h100_ib400", env).ranks_per_node == 8);
  CHECK_THROWS_WITH_AS(load_network("h100_ib40", env), doctest::Contains("did you mean \"h100_ib400\"?"), UsageError);
  CHECK_THROWS_WITH_AS(load_network("./none.json", env), doctest::Contains("cannot be read"), UsageError);
}

TEST_CASE("what is wrong in a file is refused by its place") {
  CHECK(refusal(flat).empty());
  CHECK(refusal(replaced(flat, "\"us\"", "\"uss\"")).find("/inner_link/uss: unknown key") != std::string::npos);
  CHECK(refusal(replaced(flat, "\"gb_s\": 10", "\"gb_s\": 0")).find("/inner_link/gb_s") != std::string::npos);
  CHECK(refusal(replaced(flat, "1e12", "-1")).find("/rank/flops_per_s/bf16") != std::string::npos);
  CHECK(refusal(replaced(flat, "\"bf16\"", "\"fp8\"")).find("/rank/flops_per_s/fp8") != std::string::npos);
  CHECK(refusal(replaced(flat, "{\"bf16\": 1e12}", "{}")).find("at least one dtype") != std::string::npos);
  CHECK(refusal(replaced(flat, "[\"s\"]", "[]")).find("/sources") != std::string::npos);
  CHECK(refusal(replaced(flat, "\"inner_link\"", "\"ranks_per_node\": 4, \"inner_link\"")).find("go together") !=
        std::string::npos);
  CHECK(refusal("{}").find("/name: this key is required") != std::string::npos);
}

}  // namespace
}  // namespace ringattn
