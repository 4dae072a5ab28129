#include "config/link.h"

#include "config/error.h"

#include <doctest/doctest.h>

#include <string>

namespace ringattn {
namespace {

std::string refusal(const std::string& text) {
  try {
    (void)parse_link(text, Env{});
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

TEST_CASE("a message takes the latency and its bytes over the bandwidth") {
  const Link link{.name = "given", .gb_s = 25.0, .us = 5.0, .source = ""};
  CHECK(transfer_ns(link, 0) == 5000);
  CHECK(transfer_ns(link, 25'000'000) == 1'005'000);
  CHECK(transfer_ns(Link{.name = "none", .gb_s = 0.0, .us = 0.0, .source = ""}, 1 << 30) == 0);
}

TEST_CASE("a link is a name or two numbers") {
  const Link given = parse_link("25,5", Env{});
  CHECK(given.gb_s == 25.0);
  CHECK(given.us == 5.0);
  CHECK_FALSE(parse_link("none", Env{}).is_limited());
  CHECK(parse_link("nvlink4", Env{}).gb_s > 100.0);
}

TEST_CASE("every shipped link says where its numbers come from") {
  for (const Link& link : named_links(Env{})) CHECK_FALSE(link.source.empty());
}

TEST_CASE("what is no link is refused with the flag, the value and what would be right") {
  CHECK(refusal("nvlnk4").find("--link: unknown link \"nvlnk4\"") == 0);
  CHECK(refusal("nvlnk4").find("nvlink4") != std::string::npos);
  CHECK(refusal("0,5").find("gigabytes a second above 0") != std::string::npos);
  CHECK(refusal("25,").find("such as 25,5") != std::string::npos);
  CHECK(refusal("25,-1").find("such as 25,5") != std::string::npos);
}

}  // namespace
}  // namespace ringattn
