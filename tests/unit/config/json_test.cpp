#include "config/json.h"

#include "support.h"

#include <doctest/doctest.h>

namespace ringattn {
namespace {

using test::contains;
using test::message_of;

std::string parse_error(const std::string& text) {
  return message_of([&] { parse_json_strict(text, "x.json"); });
}

TEST_CASE("a duplicate key is refused with its JSON pointer") {
  CHECK(parse_error(R"({"a": 1, "a": 2})") == "x.json: /a: this key is given twice");
  CHECK(parse_error(R"({"a": [0, {"b": 1, "b": 1}]})") == "x.json: /a/1/b: this key is given twice");
  CHECK(parse_error(R"({"a/b": {"~": 1, "~": 1}})") == "x.json: /a~1b/~0: this key is given twice");
}

TEST_CASE("the same key in two objects is no duplicate") {
  CHECK(parse_json_strict(R"([{"a": 1}, {"a": 2}, {"b": {"a": 3}, "a": 4}])", "x.json").size() == 3);
}

TEST_CASE("comments, NaN, trailing text and an empty text are not JSON") {
  for (const char* text :
       {"{} // comment", "/* */ {}", "NaN", "Infinity", "{} {}", "", "{\"a\": 1,}", "{'a': 1}", "01"}) {
    CAPTURE(text);
    CHECK(parse_error(text).starts_with("x.json: not valid JSON: parse error at line 1"));
  }
  CHECK(contains(parse_error("1e999"), "number overflow"));
  CHECK(contains(parse_error("\"\xff\""), "ill-formed UTF-8"));
}

TEST_CASE("nesting deeper than sixteen levels is refused") {
  const auto nested = [](int levels) {
    return std::string(static_cast<std::size_t>(levels), '[') + std::string(static_cast<std::size_t>(levels), ']');
  };
  CHECK(parse_error(nested(16)) == "no error");
  CHECK(contains(parse_error(nested(17)), "nested deeper than 16 levels"));
  CHECK(contains(parse_error(nested(100000)), "nested deeper than 16 levels"));
}

TEST_CASE("a text larger than a mebibyte is refused before it is parsed") {
  CHECK(parse_error(std::string(json_bytes_max, ' ') + "1") == "x.json: larger than 1048576 bytes (got 1048577)");
  CHECK(parse_error(std::string(json_bytes_max - 1, ' ') + "1") == "no error");
}

TEST_CASE("keys keep their order") {
  CHECK(parse_json_strict(R"({"z": 1, "a": 2})", "x").dump() == R"({"z":1,"a":2})");
}

TEST_CASE("an integer is no float, no string and within range") {
  const auto read = [](const std::string& text, std::int64_t low, std::int64_t high) {
    const Json json = parse_json_strict(text, "x.json");
    return message_of([&] { (void)JsonValue(json, "x.json", "/n").integer(low, high); });
  };
  constexpr auto max = std::numeric_limits<std::int64_t>::max();
  CHECK(read("4096", 1, max) == "no error");
  CHECK(read("9223372036854775807", 1, max) == "no error");
  CHECK(read("4096.0", 1, max) == "x.json: /n: must be a positive integer (got 4096.0)");
  CHECK(read("0", 1, max) == "x.json: /n: must be a positive integer (got 0)");
  CHECK(read("-1", 0, max) == "x.json: /n: must be an integer, at least 0 (got -1)");
  CHECK(read("17", 1, 16) == "x.json: /n: must be an integer between 1 and 16 (got 17)");
  CHECK(read("9223372036854775808", 1, max) == "x.json: /n: must be a positive integer (got 9223372036854775808)");
  CHECK(read("\"1\"", 1, max) == "x.json: /n: must be a positive integer (got \"1\")");
  CHECK(read("true", 1, max) == "x.json: /n: must be a positive integer (got true)");
  CHECK(read("null", 1, max) == "x.json: /n: must be a positive integer (got null)");
}

TEST_CASE("a number is finite and within range") {
  const auto read = [](const Json& json, double low, double high) {
    return message_of([&] { (void)JsonValue(json, "x.json", "/p").number(low, high); });
  };
  CHECK(read(Json(1), 0.0, 1.0) == "no error");
  CHECK(read(Json(1.5), 0.0, 1.0) == "x.json: /p: must be a number between 0.0 and 1.0 (got 1.5)");
  CHECK(read(Json(std::numeric_limits<double>::quiet_NaN()), 0.0, 1.0) ==
        "x.json: /p: must be a number between 0.0 and 1.0 (got null)");
  CHECK(read(Json("0.1"), 0.0, 1.0) == "x.json: /p: must be a number between 0.0 and 1.0 (got \"0.1\")");
  CHECK(read(Json(-0.5), 0.0, std::numeric_limits<double>::max()) ==
        "x.json: /p: must be a finite number, at least 0.0 (got -0.5)");
}

TEST_CASE("an unknown key is refused with pointer, value and the nearest known key") {
  const Json json = parse_json_strict(R"({"dropuot": 0.1})", "x.json");
  CHECK(message_of([&] {
          JsonValue(json, "x.json", "/config").allow_only({"dropout", "device"});
        }) == "x.json: /config/dropuot: unknown key; did you mean \"dropout\"? (got 0.1)");
  CHECK(message_of([&] {
          JsonValue(json, "x.json").allow_only({"ranks", "batch"});
        }) == "x.json: /dropuot: unknown key; known: ranks, batch (got 0.1)");
}

TEST_CASE("a missing key, an empty list and a long value are named") {
  const Json json = parse_json_strict(R"({"list": [], "long": ")" + std::string(200, 'x') + R"("})", "x.json");
  const JsonValue value(json, "x.json");
  CHECK(message_of([&] { value.require("name"); }) == "x.json: /name: this key is required");
  CHECK(message_of([&] { value.require("list").elements(); }) == "x.json: /list: cannot be empty (got [])");
  CHECK(message_of([&] { value.require("list").find("x"); }) == "x.json: /list: must be an object (got [])");
  const std::string message = message_of([&] { value.require("long").boolean(); });
  CHECK(message.starts_with("x.json: /long: must be true or false (got \"xxx"));
  CHECK(message.size() < 140);
}

TEST_CASE("a word is one of the known ones") {
  const Json json("cuda0");
  CHECK(message_of([&] {
          JsonValue(json, "x", "/device").word({"auto", "cpu", "cuda"});
        }) == "x: /device: must be one of auto, cpu, cuda; did you mean \"cuda\"? (got \"cuda0\")");
  const Json number(7);
  CHECK(message_of([&] {
          JsonValue(number, "x", "/device").word({"auto", "cpu"});
        }) == "x: /device: must be one of auto, cpu (got 7)");
}

TEST_CASE("an object of very many keys is refused before they are compared with each other") {
  std::string text = "{\"list\": {";
  for (int i = 0; i < 80'000; ++i) text += (i == 0 ? "\"k" : ", \"k") + std::to_string(i) + "\": 0";
  CHECK(parse_error(text + "}}") == "x.json: /list/k16383: an object of more than 16384 keys");
}

TEST_CASE("a long value is not cut within a character, and bytes that are no UTF-8 can be written") {
  const Json text(std::string(78, 'x') + "\u20ac" + "yz");
  const std::string message = message_of([&] { (void)JsonValue(text, "x", "/name").boolean(); });
  CHECK(is_utf8(message));
  CHECK(contains(message, "xxx …)"));
  CHECK_FALSE(is_utf8("\xff"));
  CHECK(json_text(Json("a\xff")) == "\"a\uFFFD\"");
}

}  // namespace
}  // namespace ringattn
